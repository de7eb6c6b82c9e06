// Runs worlds by their seeds, in parallel processes:
//   npm run simulate -- --seeds 3000 [--base N]   fresh seeds (base: from the date unless given), and all that ever failed
//   npm run simulate -- --seed N [--trace]        one, exactly as it was; with --trace all that happened
//   npm run simulate -- --seed N --shrink         leaves faults out while the failure stays
//   npm run simulate -- --mutants                   each deliberate fault must be found within 500 seeds with workers, or without; with --fleet those of workers alone
//   npm run simulate -- --fleet --seeds 2000        fresh ones whose worlds have workers
// `--without kills,resets` leaves faults out, `--actions N` allows at most N actions.
import { spawn, spawnSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';

const root = join(import.meta.dirname, '../..');
const cache = join(root, 'node_modules/.cache/countermand-simulation');
const built = join(cache, 'built');
/** Nothing that a seed does takes this long: a worker that is silent for it is stuck. */
const SILENT_MS = 120_000;
/** Then a worker makes room for a new one: worlds leave things behind. */
const SEEDS_A_WORKER = 500;

const { values } = parseArgs({
  options: {
    seeds: { type: 'string' },
    base: { type: 'string' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
    shrink: { type: 'boolean', default: false },
    mutants: { type: 'boolean', default: false },
    mutant: { type: 'string' },
    fleet: { type: 'boolean', default: false },
    twice: { type: 'boolean', default: false },
    without: { type: 'string' },
    actions: { type: 'string' },
    workers: { type: 'string' },
    failures: { type: 'string', default: '10' },
  },
});

const workers = Number(values.workers ?? Math.max(1, availableParallelism()));
const common = {
  without: values.without?.split(',') ?? [],
  ...(values.actions === undefined ? {} : { actions: Number(values.actions) }),
};

function build() {
  rmSync(built, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'test/simulation')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the simulation does not compile');
  writeFileSync(join(built, 'package.json'), '{"type":"module"}\n');
}

/** Runs one worker over its seeds; `onResult` returns false to stop it. Resolves when it is over. */
function work(task, onResult, from = built) {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [join(from, 'test/simulation/worker.js'), JSON.stringify(task)], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, CI: 'true' },
    });
    let text = '';
    let errors = '';
    let last = 0;
    let alarm;
    const watch = () => {
      clearTimeout(alarm);
      alarm = setTimeout(() => child.kill('SIGKILL'), SILENT_MS);
    };
    watch();
    child.stderr.on('data', (data) => {
      errors += data;
    });
    child.stdout.on('data', (data) => {
      watch();
      text += data;
      for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n')) {
        const line = text.slice(0, at);
        text = text.slice(at + 1);
        const result = JSON.parse(line);
        last++;
        if (onResult(result) === false) child.kill('SIGKILL');
      }
    });
    child.on('close', (code, signal) => {
      clearTimeout(alarm);
      resolve({ done: last, code, signal, errors });
    });
  });
}

/** All seeds, dealt out to the workers. Returns every result that failed, and how many passed. */
async function runAll(seeds, { most = Number.POSITIVE_INFINITY, from = built, first = false, without = [] } = {}) {
  const failed = [];
  const facts = { passed: 0, calls: 0, sessions: 0, virtualMs: 0 };
  let over = false;
  const parts = Array.from({ length: Math.min(workers, seeds.length) }, (_, n) =>
    seeds.filter((_, i) => i % workers === n),
  );
  await Promise.all(
    parts.map(async (mine) => {
      let left = mine;
      while (left.length > 0 && !over) {
        const dealt = left.slice(0, SEEDS_A_WORKER);
        const end = await work(
          { seeds: dealt, ...common, without: [...common.without, ...without], trace: values.trace },
          (result) => {
            facts.calls += result.calls;
            facts.sessions += result.sessions;
            facts.virtualMs += result.virtualMs;
            if (result.failure === undefined) facts.passed++;
            else {
              failed.push(result);
              if (first || failed.length >= most) over = true;
            }
            return !over;
          },
          from,
        );
        left = left.slice(end.done);
        if (over) break;
        if (end.done === dealt.length) continue;
        // Killed for its silence, or ended by itself: that seed is a failure of its own.
        const [stuck] = left;
        failed.push({
          seed: stuck,
          failure: {
            invariant: 'world',
            detail: `the worker ended (${end.signal ?? end.code}) ${end.errors.slice(-2000)}`,
          },
          lines: [],
        });
        left = left.slice(1);
        if (first || failed.length >= most) over = true;
      }
    }),
  );
  return { failed, facts };
}

function tell({ seed, failure, lines }) {
  console.log(`\nseed ${seed}: ${failure.invariant}: ${failure.detail}`);
  for (const line of lines.slice(values.trace ? 0 : -25)) console.log(`  ${line}`);
  console.log(`  again: npm run simulate -- --seed ${seed} --trace`);
}

async function main() {
  build();
  const { isFaultName } = await import(join(built, 'test/simulation/faults.js'));
  const unknown = common.without.filter((name) => !isFaultName(name));
  if (unknown.length > 0) throw new Error(`no such fault: ${unknown.join(', ')}`);
  if (values.mutants || values.mutant !== undefined) return mutants();
  if (values.shrink) return shrink(Number(values.seed));
  const { KNOWN_SEEDS } = await import(join(built, 'test/simulation/known-seeds.js'));
  const known = Object.keys(KNOWN_SEEDS).map(Number);
  const begun = Date.now();
  let seeds;
  if (values.seed !== undefined) seeds = values.seed.split(',').map(Number);
  else {
    const base = Number(values.base ?? Math.floor(Date.now() / 1000));
    const count = Number(values.seeds ?? 1000);
    console.log(`seeds ${base} to ${base + count - 1}, and ${known.length} that failed once`);
    seeds = [...known, ...(await fresh(base, count, values.fleet))];
  }
  const { failed, facts } = await runAll(seeds, { most: Number(values.failures) });
  if (values.trace && failed.length === 0) {
    await work({ seeds, ...common, trace: true }, ({ lines }) => {
      for (const line of lines) console.log(line);
    });
  }
  for (const result of failed) tell(result);
  let differing = 0;
  if (values.seed === undefined || values.twice) differing = await differ(seeds.slice(0, 25));
  const seconds = (Date.now() - begun) / 1000;
  const days = Math.round(facts.virtualMs / 86_400_000);
  console.log(
    `${seeds.length} seeds in ${seconds.toFixed(0)} s on ${workers} processes: ${facts.sessions} sessions, ${facts.calls} calls, ${days} days of virtual time`,
  );
  console.log(`${facts.passed} passed, ${failed.length + differing} failed`);
  if (failed.length + differing > 0) process.exitCode = 1;
}

/** So many seeds from `base` on; `fleet`: only those whose worlds have workers. */
async function fresh(base, count, fleet) {
  const { hasWorkers } = await import(join(built, 'test/simulation/fleet/fleet-scenario.js'));
  const { Random } = await import(join(built, 'test/simulation/seed.js'));
  return seedsOf(base, count, (seed) => !fleet || hasWorkers(new Random(`seed ${seed}`)));
}

function seedsOf(base, count, isOne) {
  const seeds = [];
  for (let seed = base; seeds.length < count; seed++) if (isOne(seed)) seeds.push(seed);
  return seeds;
}

/** The same seeds once more, in another process: every trace must be the same, byte for byte. */
async function differ(seeds) {
  const digests = [new Map(), new Map()];
  for (const into of digests) await work({ seeds, ...common }, ({ seed, digest }) => void into.set(seed, digest));
  const differing = seeds.filter((seed) => digests[0].get(seed) !== digests[1].get(seed));
  for (const seed of differing) console.log(`seed ${seed}: its trace is another one the second time`);
  if (differing.length === 0) console.log(`${seeds.length} seeds ran twice with the same trace`);
  return differing.length;
}

async function shrink(seed) {
  const { shrinkSeed } = await import(join(built, 'test/simulation/shrink.js'));
  const { FAULT_NAMES } = await import(join(built, 'test/simulation/faults.js'));
  const attempt = async (without, actions) => {
    let found;
    await work({ seeds: [seed], without, ...(actions === undefined ? {} : { actions }) }, (result) => {
      found = result;
    });
    return found;
  };
  const result = await shrinkSeed(seed, FAULT_NAMES, attempt, (text) => console.log(text));
  if (result === undefined) {
    console.log(`seed ${seed} does not fail`);
    return;
  }
  tell(result.result);
  const actions = result.actions === undefined ? '' : ` --actions ${result.actions}`;
  console.log(`  shrunk: npm run simulate -- --seed ${seed} --without ${result.without.join(',')}${actions} --trace`);
  process.exitCode = 1;
}

/** Each deliberate fault is patched into a copy of what was built, and must be found. */
async function mutants() {
  const { MUTANTS } = await import(join(built, 'test/simulation/mutants.js'));
  const { FLEET_FAULTS } = await import(join(built, 'test/simulation/faults.js'));
  const { drawScenario } = await import(join(built, 'test/simulation/scenario.js'));
  const wanted = MUTANTS.filter(
    ({ name, fleet = false }) =>
      (values.mutant === undefined || name.includes(values.mutant)) && (fleet || !values.fleet),
  );
  let missed = 0;
  for (const { name, patches, fleet = false, among } of wanted) {
    const copy = join(cache, 'mutant');
    rmSync(copy, { recursive: true, force: true });
    cpSync(built, copy, { recursive: true });
    for (const { file, find, replace } of patches) {
      const path = join(copy, file);
      const before = readFileSync(path, 'utf8');
      if (!before.includes(find)) throw new Error(`${name}: "${find}" stands no more in ${file}`);
      writeFileSync(path, before.replace(find, replace));
    }
    const count = Number(values.seeds ?? 500);
    // Those of workers are looked for in worlds with workers, all others in worlds without, so that each has all its seeds.
    const without = fleet ? [] : FLEET_FAULTS;
    const seeds =
      among === undefined
        ? await fresh(1, count, fleet)
        : seedsOf(1, count, (seed) => among(drawScenario(seed, new Set(without))));
    const { failed, facts } = await runAll(seeds, { first: true, from: copy, without });
    const [found] = failed;
    if (found === undefined) missed++;
    const what = found && `${found.failure.invariant}: ${found.failure.detail.split('\n')[0].slice(0, 140)}`;
    console.log(
      `${name}: ${found === undefined ? 'NOT FOUND' : `seed ${found.seed} (after ${facts.passed} others), ${what}`}`,
    );
    rmSync(copy, { recursive: true, force: true });
  }
  console.log(`${wanted.length - missed} passed, ${missed} failed`);
  if (missed > 0) process.exitCode = 1;
}

await main();
