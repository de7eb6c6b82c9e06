import { readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { COMMANDS, SMALL_COMMANDS } from '../../src/cli/command-table.ts';
import { COMMON_FLAGS } from '../../src/cli/flags/check-arguments.ts';
import { variableOf } from '../../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/job/settings.ts';
import { at, readManifest, readText } from './manifests.ts';

const FOLDER = 'jobs/deploy/kubernetes';
const PAGES = ['README.md', 'docs/operations.md', 'docs/sign-in.md', 'docs/settings.md'];
const MANIFESTS = ['kubernetes', 'kubernetes-workers', 'azure', 'prometheus'].flatMap((folder) =>
  readdirSync(new URL(`../../jobs/deploy/${folder}`, import.meta.url)).map((name) => `jobs/deploy/${folder}/${name}`),
);
const TEXTS = [...PAGES, ...MANIFESTS, 'Dockerfile', 'docs/security.md', 'docs/how-it-works.md'].map((path) => ({
  path,
  text: readText(path),
}));

const namespace = String(at(readManifest(`${FOLDER}/namespace.yaml`), 'metadata.name'));
const account = String(at(readManifest(`${FOLDER}/serviceaccount.yaml`), 'metadata.name'));

/** Every match of a pattern's first group, over the pages and manifests, each with its file. */
function found(pattern: RegExp): { path: string; name: string }[] {
  return TEXTS.flatMap(({ path, text }) =>
    [...text.matchAll(pattern)].map((match) => ({ path, name: match[1] ?? '' })),
  );
}

describe('pages and manifests use one set of names', () => {
  it.each([
    ['the namespace', /kubectl (?:-n|--namespace|create namespace) (\S+)/g, namespace],
    ['the namespace of the federated subject', /system:serviceaccount:([^:\s"]+):/g, namespace],
    ['the service account of the federated subject', /system:serviceaccount:[^:\s"]+:([^\s",.]+)/g, account],
    ['the service account of the pods', /serviceAccountName: (\S+)/g, account],
    ['the resource group and identity', /az identity create -g (\S+ -n \S+)/g, 'countermand -n countermand'],
    ['the resource group of the identity', /resourceGroups\/([^/]+)\/providers/g, 'countermand'],
    ['the identity of the job', /userAssignedIdentities\/([^:/\s]+):/g, 'countermand'],
    ['the image without its tag', /image(?::| string =) '?([^:\s']+):/g, 'ghcr.io/your-org/countermand'],
    ['the resource group of a deployment', /az deployment group create --resource-group (\S+)/g, 'countermand'],
    ['the volume of the ledgers in a cluster', /claimName: (\S+)/g, 'countermand-ledgers'],
    ['the storage of the ledgers in Azure', /storage(?:-n|N)ame:? '?([\w-]+)/g, 'countermand-ledgers'],
    ['the folder of the ledgers in the image', /mountPath: '?(\/ledgers?)\b/g, '/ledgers'],
  ])('pages and manifests use one name for %s', (_what, pattern, expected) => {
    const names = found(pattern);
    expect(names.length).toBeGreaterThan(0);
    for (const { path, name } of names) expect(name.replace(/`.*$/, ''), path).toBe(expected);
  });

  it('pages and manifests have kustomize set up the two folders that are there', () => {
    const folders = found(/kubectl apply -k ([^\s`]+)/g).map(({ name }) => name);
    expect([...new Set(folders)].sort()).toEqual([FOLDER, `${FOLDER}-workers`]);
  });

  it('every file of jobs/ that a page names is there', () => {
    const pages = PAGES.map(readText).join('\n');
    const paths = [...pages.matchAll(/jobs\/[\w./-]+\.(?:yaml|csv|json)/g)].map(([path]) => path);
    expect(paths.length).toBeGreaterThan(0);
    for (const path of paths) expect(() => readText(path), path).not.toThrow();
  });
});

const { version, engines } = JSON.parse(readText('package.json')) as { version: string; engines: { node: string } };

describe('pages and manifests name what the code has', () => {
  it.each<[string, RegExp, string]>([
    ['this version, where they name one', /countermand[:-](\d+\.\d+\.\d+)/g, version],
    ['this version, where they set a tag', /newTag: (\S+)/g, version],
    ['the oldest Node that package.json lets in', /Node(?:\.js)? (\d+\.\d+)/g, engines.node.replace('>=', '')],
    ['the oldest Kubernetes that has all that they use', /(?:Kubernetes|Job \()\s?(1\.\d+)/g, '1.29'],
    ['the image that the Dockerfile is built on', /FROM (\S+)/g, 'node:24-bookworm-slim'],
  ])('pages and manifests name %s', (_what, pattern, expected) => {
    const names = found(pattern);
    expect(names.length).toBeGreaterThan(0);
    for (const { path, name } of names) expect(name, path).toBe(expected);
  });

  it('pages and manifests need the Kubernetes that their newest field needs', () => {
    // By the API's history of changes: when a field was first on without a feature gate of its own.
    const since = { podReplacementPolicy: 29, podFailurePolicy: 26, timeZone: 25, generateName: 0 };
    const used = MANIFESTS.map(readText).join('\n');
    const needed = Object.entries(since).flatMap(([field, minor]) => (used.includes(`${field}:`) ? [minor] : []));
    expect(needed).toHaveLength(Object.keys(since).length);
    expect(`1.${Math.max(...needed)}`).toBe('1.29');
  });

  it('pages and manifests name only variables that the code reads', () => {
    const settings = SETTING_NAMES.map((name) => variableOf(SETTINGS[name].flag));
    const inCode = sources().flatMap((source) => source.match(VARIABLE) ?? []);
    // Named by docs/settings.md as some that are refused.
    const known = new Set([...settings, ...inCode, 'COUNTERMAND_DRY_RUN', 'COUNTERMAND_TYPE', 'COUNTERMAND_STATUS']);
    const named = found(new RegExp(`(${VARIABLE.source})`, 'g'));
    expect(named.length).toBeGreaterThan(20);
    for (const { path, name } of named) expect([...known], `${path} names ${name}`).toContain(name);
  });

  it('pages and manifests give countermand only flags and commands that it has', async () => {
    const loaded = await Promise.all(COMMANDS.map(async ({ name, load }) => [name, (await load()).options()] as const));
    const flagsOf = new Map<string, Set<string>>(
      loaded.map(([name, own]) => [name, new Set([...Object.keys(own), ...Object.keys(COMMON_FLAGS)])]),
    );
    for (const { name } of SMALL_COMMANDS) flagsOf.set(name, new Set(Object.keys(COMMON_FLAGS)));
    const lines = TEXTS.filter(
      ({ path }) => /^(README|docs\/(operations|sign-in|settings))/.test(path) || path.startsWith('jobs/'),
    ).flatMap(({ path, text }) => typed(text).map((line) => ({ path, line })));
    expect(lines.length).toBeGreaterThan(30);
    for (const { path, line } of lines) {
      const [command = ''] = line.split(' ');
      const flags = flagsOf.get(command);
      expect(flags, `${path}: ${line}`).toBeDefined();
      for (const [, flag = ''] of line.matchAll(/(?:^| )--([a-z][a-z-]*)/g))
        expect([...(flags ?? [])], `${path}: ${line}`).toContain(flag);
    }
  });

  it('pages and manifests open the port of workers alone: the program listens on none but that and the sandbox’s', () => {
    const opened = found(/((?:containerPort|targetPort|EXPOSE)\b)/g).map(({ path }) => path);
    expect(opened).toEqual(['jobs/deploy/kubernetes-workers/deployment.yaml']);
    const listening = sources().filter((source) => source.includes('createServer('));
    expect(listening.map((source) => /who: '(.+?)'/.exec(source)?.[1]).sort()).toEqual(['the sandbox', 'the worker']);
  });
});

const VARIABLE = /\b(?:COUNTERMAND|AZURE)_[A-Z][A-Z_]*[A-Z]\b/g;

/** Each file of the code. */
function sources(): string[] {
  const names = readdirSync(new URL('../../src', import.meta.url), { recursive: true, encoding: 'utf8' });
  return names.filter((name) => name.endsWith('.ts')).map((name) => readText(`src/${name}`));
}

/** What follows `countermand` where it is typed: in code of a page, in a comment's command, and in the arguments of a container. */
function typed(text: string): string[] {
  const joined = text.replaceAll(/\\\n\s*/g, ' ');
  const spans = [...joined.matchAll(/(?:`|\s{2}|\| |^)countermand ([a-z][^`\n|#>]*)/gm)].map(([, line = '']) => line);
  const args = [...text.matchAll(/args: \[([^\]]*)\]/g)].map(([, list = '']) =>
    list.replaceAll(/[',\s]+/g, ' ').trim(),
  );
  return [...spans, ...args].map((line) => line.trim()).filter((line) => /^[a-z]+( |$)/.test(line));
}
