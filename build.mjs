// `npm run build`, and npm's `prepare`, so that a clone, a tarball and `git+…` all have a command after they were installed:
//   build/  src, checked and compiled by tsc file by file: what the simulation's faults are patched into, and what tests and benches import
//   dist/   what is shipped: those files and the libraries they use in a few files, one part a command; with maps, the licences of what is in it,
//           and what `--version` says of where it came from
//   one/    with `--one-file`: the same with everything that is loaded later in the one file, as an executable has it (packaging/executable.mjs)
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = realpathSync(fileURLToPath(new URL('.', import.meta.url)));
const compiled = join(root, 'build');
const shipped = join(root, 'dist');
const oneFile = join(root, 'one');
const ENTRIES = { main: join(compiled, 'main.js'), 'chain-worker': join(compiled, 'ledger/chain-worker.js') };
const compiler = join(root, 'node_modules/typescript/bin/tsc');

/** The maps of the bundle lead to src: tsc's own maps are handed on. */
const mapsOfTsc = {
  name: 'maps-of-tsc',
  load(id) {
    if (!id.startsWith(compiled + sep)) return null;
    return { code: readFileSync(id, 'utf8'), map: readFileSync(`${id}.map`, 'utf8') };
  },
};

/** undici's index loads all of it, fetch, WebSockets and caches too, which takes longer than the rest of a command's start. */
const UNDICI = `
import Dispatcher from 'undici/lib/dispatcher/dispatcher.js';
import api from 'undici/lib/api/index.js';
export { default as buildConnector } from 'undici/lib/core/connect.js';
export { default as EnvHttpProxyAgent } from 'undici/lib/dispatcher/env-http-proxy-agent.js';
export { default as Pool } from 'undici/lib/dispatcher/pool.js';
// As its index does it: the agent of proxies asks for its tunnels by one of these.
Object.assign(Dispatcher.prototype, api);
`;

/** yargs lays its own help out before it runs a command. Nobody sees that (ours is in src/cli/help), and it takes longer than to load the parser. */
const LAYOUT = {
  cliui: 'export default () => ({ div() {}, span() {}, resetOutput() {}, toString: () => "" });',
  'string-width': 'export default (text) => text.length;',
};

/** What a library loads with itself, and is not used here. */
const UNUSED = {
  // Needed only for bodies that are forms or streams of the web, and for HTTP/2: we send text, by HTTP/1.1.
  undici: {
    '../web/fetch/body.js': 'exports.extractBody = () => { throw new Error("a body of this kind is not sent"); };',
    './client-h2.js': 'module.exports = () => { throw new Error("HTTP/2 is not spoken"); };',
  },
  // Each limiter is in this process, and alone.
  bottleneck: Object.fromEntries(
    ['./RedisDatastore', './RedisConnection', './IORedisConnection', './Group', './Batcher'].map((id) => [id, 'module.exports = undefined;']),
  ),
  // A log goes to a stream that it is given: in no thread of its own, and to no two at once.
  pino: {
    './transport': 'module.exports = () => { throw new Error("a log has no thread of its own"); };',
    './lib/transport': 'module.exports = undefined;',
    './lib/multistream': 'module.exports = undefined;',
  },
};

/** By the names that they have in the bundle. */
const REPLACED = new Map([
  ['\0undici', UNDICI],
  ...Object.entries({ yargs: LAYOUT, ...UNUSED }).flatMap(([library, modules]) =>
    Object.entries(modules).map(([id, code]) => [`\0${library}/${id}`, code]),
  ),
]);

/** What takes the place of a module, by who imports it. */
const lighter = {
  name: 'lighter',
  resolveId(id, importer = '') {
    const ours = importer.startsWith(compiled + sep);
    const isOf = (name) => importer.includes(`${sep}node_modules${sep}${name}${sep}`);
    if (ours && id === 'undici') return '\0undici';
    if (isOf('yargs') && Object.hasOwn(LAYOUT, id)) return `\0yargs/${id}`;
    const library = Object.keys(UNUSED).find((name) => isOf(name) && Object.hasOwn(UNUSED[name], id));
    return library === undefined ? null : `\0${library}/${id}`;
  },
  load(id) {
    return REPLACED.get(id) ?? null;
  },
};

/**
 * What is loaded together is one file, since each costs a look at the disk and a wrapper: by its name those that are asked for, of which it is all that they
 * import at once and no earlier part has. They themselves, and what stands in none of the parts, are left to the bundler.
 */
const PARTS = {
  start: ['cli/run-cli.js'],
  chain: ['ledger/chain-worker.js'],
  command: ['cli/run-command.js', 'cli/commands/run.js'],
  sending: ['cli/machine.js'],
};

// After `npm ci --omit=dev` there is nothing to build with, which is no fault of that install.
if (process.env.npm_lifecycle_event === 'prepare' && !existsSync(compiler)) {
  console.error('countermand: typescript is not installed, so nothing is built: run npm ci, then npm run build');
} else {
  for (const folder of [compiled, shipped, oneFile]) rmSync(folder, { recursive: true, force: true });
  execFileSync(process.execPath, [compiler, '-p', root], { stdio: 'inherit' });
  const packages = packagesOf(await bundle(ENTRIES, { dir: shipped, sourcemap: true, sourcemapExcludeSources: true }));
  write('package.json', { type: 'commonjs' });
  write('build.json', {
    commit: process.env.SOURCE_COMMIT || commitOf(root),
    bundled: packages.map(({ name, version }) => `${name}@${version}`),
  });
  writeFileSync(join(shipped, 'THIRD-PARTY-LICENSES.txt'), licencesOf(packages));
  if (process.argv.includes('--one-file')) {
    for (const [name, file] of Object.entries(ENTRIES)) await bundle({ [name]: file }, { dir: oneFile, codeSplitting: false });
  }
}

function write(file, content) {
  writeFileSync(join(shipped, file), `${JSON.stringify(content, undefined, 2)}\n`);
}

/**
 * Bundles what tsc made, so that what is shipped is what the tests have run. CommonJS, because Node loads it in two thirds of the time: it makes no
 * list of a built-in module's every export. Returns the files that are in it.
 */
async function bundle(input, where) {
  const { rolldown } = await import('rolldown');
  const made = await rolldown({
    input,
    platform: 'node',
    // pg's compiled client and linkedom's canvas: each is used where it is installed, and is not.
    external: ['pg-native', 'canvas'],
    plugins: [mapsOfTsc, lighter],
    onLog(level, log) {
      // yargs's files of settings, which are not used. Any other warning is an error: nobody would read it.
      const isKnown = log.code === 'EMPTY_IMPORT_META' && log.id?.includes('node_modules');
      if (level === 'warn' && !isKnown) throw new Error(`${log.code} in ${log.id}: ${log.message}`);
    },
  });
  const { output } = await made.write({
    ...where,
    format: 'cjs',
    // Functions and classes keep their names: a stack trace is read.
    minify: { compress: true, mangle: { keepNames: true }, codegen: { removeWhitespace: true } },
    entryFileNames: '[name].js',
    chunkFileNames: '[name].js',
    ...(where.codeSplitting === undefined && { codeSplitting: { groups: groupsOf(PARTS) } }),
  });
  await made.close();
  return output.flatMap((part) => (part.type === 'chunk' ? Object.keys(part.modules) : []));
}

/** One group a part, for the bundler, which asks them about each module. */
function groupsOf(parts) {
  const partOf = new Map();
  const claimImports = (part, id, graph) => {
    const module = graph.getModuleInfo(id);
    // Node's own are none of the bundle.
    if (module === null && id.startsWith(compiled)) throw new Error(`there is no ${id} for the part ${part}`);
    for (const imported of module?.importedIds ?? []) {
      if (partOf.has(imported)) continue;
      partOf.set(imported, part);
      claimImports(part, imported, graph);
    }
  };
  const names = Object.keys(parts);
  return names.map((part, place) => ({
    debugName: part,
    priority: names.length - place,
    name(id, graph) {
      if (partOf.size === 0) for (const each of names) for (const asked of parts[each]) claimImports(each, join(compiled, asked), graph);
      return partOf.get(id) === part ? part : null;
    },
  }));
}

/** The packages that these files are of, by name and version, each once. */
function packagesOf(files) {
  const packages = new Map();
  for (const file of files) {
    const at = file.lastIndexOf(`${sep}node_modules${sep}`);
    if (at === -1) continue;
    let folder = dirname(file);
    let manifest;
    // A folder inside of a package may have a package.json that only says its kind of modules.
    for (; manifest?.version === undefined; folder = dirname(folder)) {
      if (folder.length <= at) throw new Error(`no package is found that ${file} is of`);
      const path = join(folder, 'package.json');
      if (existsSync(path)) manifest = { folder, ...JSON.parse(readFileSync(path, 'utf8')) };
    }
    packages.set(`${manifest.name}@${manifest.version}`, manifest);
  }
  return [...packages.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Each package with the text of its licence as it ships it. */
function licencesOf(packages) {
  const parts = packages.map(({ name, version, license, author, folder }) => {
    if (typeof license !== 'string') throw new Error(`${name} ${version} does not say its licence`);
    const files = readdirSync(folder).filter((file) => /^(licen[cs]e|copying|notice)/i.test(file));
    const texts = files.map((file) => readFileSync(join(folder, file), 'utf8').trim());
    const by = typeof author === 'object' ? author.name : author;
    if (texts.length === 0 && by === undefined) throw new Error(`${name} ${version} has no licence text, and no author`);
    return [`${name} ${version}: ${license}`, ...(texts.length > 0 ? texts : [`Copyright ${by}; it ships no text of its licence.`])];
  });
  const head = ['countermand is made with the packages below, which are parts of its files. Each is under the licence that follows its name.'];
  return [head, ...parts].map((each) => `${each.join('\n\n')}\n`).join(`\n${'-'.repeat(80)}\n\n`);
}

/** Of the clone that this folder is, with `-dirty` where tracked files differ from it; undefined elsewhere, in a folder of another clone too. */
function commitOf(folder) {
  const git = (...args) => execFileSync('git', args, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    if (realpathSync(git('rev-parse', '--show-toplevel')) !== folder) return undefined;
    const dirty = git('status', '--porcelain', '--untracked-files=no') === '' ? '' : '-dirty';
    return `${git('rev-parse', 'HEAD')}${dirty}`;
  } catch {
    return undefined;
  }
}
