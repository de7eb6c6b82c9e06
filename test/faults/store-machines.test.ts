import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { startCuttingProxy } from '../support/cutting-proxy.ts';
import { openTestDatabase } from '../support/postgres.ts';
import { namespaceOr } from './namespaces.ts';
import { need } from './needs.ts';
import {
  expectOrderlyStoreEnd,
  expectWhole,
  goOnInStore,
  openStoreWork,
  outcomeOf,
  recordsIn,
  type StoreWork,
  unrecorded,
  untilFree,
} from './store-work.ts';

const FORWARD = fileURLToPath(new URL('../support/forward.mjs', import.meta.url));
const [TO_DATABASE, TO_DEFENDER] = [0, 1];

interface Machine extends AsyncDisposable {
  /** Starts a command on it. */
  through: readonly string[];
  /** Pulls its cable to the database: what is sent is lost, and nobody is told. */
  pull(): Promise<void>;
}

/** A machine with a name, a network of its own, and a cable each to the database and to Defender. */
async function startMachine(host: string, work: StoreWork, skip: (why: string) => never): Promise<Machine> {
  const namespace = await namespaceOr(skip, { cables: 2, loopback: true });
  const outside = (cable: number) => namespace.outside[cable] ?? '';
  const toDatabase = await startCuttingProxy(work.database.server, outside(TO_DATABASE));
  const toDefender = await startCuttingProxy({ host: '127.0.0.1', port: work.sandbox.port }, outside(TO_DEFENDER));
  const ways = [
    [work.proxy.port, outside(TO_DATABASE), toDatabase.port],
    [work.sandbox.port, outside(TO_DEFENDER), toDefender.port],
  ];
  const [file = '', ...args] = [...namespace.through, process.execPath, FORWARD, JSON.stringify(ways)];
  const forward = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(forward, 'close');
  await Promise.race([once(forward.stdout, 'data'), ended]);
  return {
    through: [...namespace.through, 'unshare', '--uts', 'sh', '-c', `hostname ${host} && exec "$0" "$@"`],
    pull: () => namespace.pull(TO_DATABASE),
    [Symbol.asyncDispose]: async () => {
      forward.kill('SIGKILL');
      await ended;
      for (const each of [toDatabase, toDefender, namespace]) await each[Symbol.asyncDispose]();
    },
  };
}

test('two machines that send as one sender share its quota; one that loses its database stops, and the other goes on with its run', async (context) => {
  need(context, 'root', 'namespaces');
  await using database = await openTestDatabase();
  await using work = await openStoreWork(database, { count: 160, windows: '20/1s' });
  const { log } = work.sandbox;
  await using one = await startMachine('machine-1', work, context.skip);
  await using two = await startMachine('machine-2', work, context.skip);
  const halves = [work.ids.slice(0, 60), work.ids.slice(60)] as const;
  for (const [index, half] of halves.entries()) await work.file(`half-${index}.txt`, half);
  const start = async ({ through }: Machine, run: string) =>
    work.start([...(await goOnInStore(work, run)), '--concurrency', '4'], { through, timeoutMs: 250_000 });
  await using first = await start(one, 'half-0');
  await using second = await start(two, 'half-1');
  const done = (half: readonly string[]) => half.filter((id) => log.effects(id) > 0).length;
  await log.until(() => halves.every((half) => done(half) >= 10));

  const rival = await work.run(['resume', 'half-0', '--yes'], { through: two.through });
  expect(rival.code, rival.stderr).toBe(11);
  expect(rival.stderr).toMatch(/held by process \d+ on machine-1/);
  expect(done(halves[0])).toBeLessThan(halves[0].length);
  await one.pull();
  const pulledAtMs = performance.now();
  const cut = await first.ended;
  expect(outcomeOf(cut), cut.stderr).toEqual({ code: 6, signal: null });
  const late = log.entries.filter(
    ({ arrivedMs, ids: [id = ''] }) => halves[0].includes(id) && arrivedMs > pulledAtMs + 10_000,
  );
  expect(late).toEqual([]);
  expect(unrecorded(work, recordsIn(await work.bytes('half-0')), halves[0])).toEqual([]);

  const end = await second.ended;
  expect(outcomeOf(end), end.stderr).toEqual({ code: 0, signal: null });
  await expectWhole(work, { run: 'half-1', ids: halves[1] });
  await untilFree(work, 'half-0');
  await expectOrderlyStoreEnd(work, { run: 'half-0', ids: halves[0], options: { through: two.through } });
});
