// Feeds the program what nobody should: answers of any kind, and sources of any kind.
//   npm run fuzz -- --minutes 60 [--what runs,sockets,sources] [--seed N]
//   npm run fuzz -- --what runs --seed N --path 12:0:3      one case, exactly as it was
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import fc from 'fast-check';

const root = join(import.meta.dirname, '../..');
const built = join(root, 'node_modules/.cache/countermand-fuzz/built');
/** Cases a round; then the next kind has its turn, with the next seed. */
const CASES = { runs: 100, sockets: 1000, sources: 1000 };

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    what: { type: 'string', default: 'runs,sockets,sources' },
    seed: { type: 'string' },
    path: { type: 'string' },
  },
});

function build() {
  rmSync(built, { recursive: true, force: true });
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const { status } = spawnSync(process.execPath, [tsc, '-p', join(root, 'test/fuzz')], { stdio: 'inherit' });
  if (status !== 0) throw new Error('the fuzz tests do not compile');
  writeFileSync(join(built, 'package.json'), '{"type":"module"}\n');
}

const load = (name) => import(join(built, `test/${name}.js`));

async function properties() {
  const { play, playAnswers } = await load('fuzz/play-answers');
  const { OddServer, wireCase } = await load('fuzz/over-sockets');
  const { readSource, source } = await load('fuzz/sources');
  const { virtualTime } = await load('support/clock/virtual-time');
  return {
    runs: fc.asyncProperty(play, async (given) => {
      const time = virtualTime();
      try {
        await playAnswers(given, time);
      } finally {
        time[Symbol.dispose]();
      }
    }),
    sockets: fc.asyncProperty(wireCase, async (given) => {
      const server = await new OddServer().start();
      try {
        await server.ask(given);
      } finally {
        await server[Symbol.asyncDispose]();
      }
    }),
    sources: fc.asyncProperty(source, readSource),
  };
}

async function main() {
  build();
  const all = await properties();
  const kinds = values.what.split(',');
  for (const kind of kinds)
    if (!(kind in all)) throw new Error(`--what knows ${Object.keys(all).join(', ')}, not ${kind}`);
  // A promise that nobody waits for is a fault of the program too.
  const stray = [];
  process.on('unhandledRejection', (reason) => stray.push(reason));
  const endAt = performance.now() + Number(values.minutes) * 60_000;
  const began = performance.now();
  const done = Object.fromEntries(kinds.map((kind) => [kind, 0]));
  let seed = Number(values.seed ?? Math.floor(Date.now() / 1000));
  for (let round = 0; round === 0 || (performance.now() < endAt && values.path === undefined); round++, seed++) {
    for (const kind of kinds) {
      const how = values.path === undefined ? { numRuns: CASES[kind] } : { path: values.path };
      const result = await fc.check(all[kind], { seed, ...how });
      done[kind] += result.numRuns;
      if (result.failed || stray.length > 0) {
        console.log(result.failed ? await fc.asyncDefaultReportMessage(result) : stray);
        if (result.failed) console.log(result.errorInstance);
        console.log(`again: npm run fuzz -- --what ${kind} --seed ${seed} --path ${result.counterexamplePath ?? ''}`);
        process.exitCode = 1;
        return;
      }
    }
    if (round % 20 === 0) console.log(tell(done, began, seed));
  }
  console.log(`${tell(done, began, seed - 1)}: no promise was broken`);
}

function tell(done, began, seed) {
  const counts = Object.entries(done).map(([kind, n]) => `${n} ${kind}`);
  return `${counts.join(', ')} in ${Math.round((performance.now() - began) / 1000)} s, to seed ${seed}`;
}

await main();
