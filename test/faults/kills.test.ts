import { once } from 'node:events';
import { expect, it } from 'vitest';
import { seededRandom } from '../../src/sandbox/seeded.ts';
import { COMMENT, documentOf, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';

const KILLS = 20;
const COUNT = 1500;

it('a run killed at 20 random moments and resumed each time ends every action once, inside the quota of all sessions together', async () => {
  const known = ids(COUNT - 10);
  const isOver = (index: number) => index % 5 === 2;
  await using harness = await openHarness({
    windows: '100/1s,600/10s',
    actions: known.map((each, index) => ({ id: each, status: isOver(index) ? 'Failed' : 'InProgress' })),
    behaviours: {
      seed: 3,
      mix: [
        { share: 6, behaviour: {} },
        { share: 3, behaviour: { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 3000 } } },
        { share: 1, behaviour: { missingFromList: true } },
      ],
    },
    latencyMs: [5, 60],
    quota: {
      windows: [
        { calls: 100, perMs: 1000 },
        { calls: 600, perMs: 10_000 },
      ],
      countAt: 'random',
    },
    faults: { seed: 5, rates: [{ rate: 0.003, fault: { kind: 'reset', applied: true }, routes: ['cancel'] }] },
  });
  const { log, store } = harness.sandbox;
  await harness.file('incident.csv', ['id', ...ids(COUNT)]);
  const options = ['--yes', '--json', '--concurrency', '4', '--confirm-for', '30s'];
  const random = seededRandom(11);

  let sessions = 0;
  let settledBefore = new Map<string, string>();
  /** What had a final outcome when a session began, and the server's count of requests then. */
  const settledAt: { settled: ReadonlySet<string>; from: number }[] = [];
  const begin = async () => {
    sessions++;
    settledAt.push({ settled: new Set(settledBefore.keys()), from: log.entries.length });
    const args = sessions === 1 ? ['run', 'incident.csv', ...COMMENT] : ['resume', 'ledgers/incident.jsonl'];
    return harness.start([...args, ...options], { timeoutMs: 250_000 });
  };
  for (let kills = 0; kills < KILLS; kills++) {
    const command = await begin();
    // Somewhere between two requests, or within one: a number of requests, and then a part of a round trip.
    const seen = log.entries.length;
    const after = Math.floor(random() * 70);
    await Promise.race([log.until(() => log.entries.length >= seen + after), once(command.child, 'close')]);
    await new Promise((resolve) => setTimeout(resolve, random() * 60));
    command.kill('SIGKILL');
    const { signal } = await command.ended;
    expect(signal).toBe('SIGKILL');
    const records = await harness.records('ledgers/incident.jsonl');
    settledBefore = outcomesOf(records);
  }
  const last = await begin();
  const { code, stdout, stderr } = await last.ended;

  expect({ code, stderr: code === 3 ? '' : stderr }).toEqual({ code: 3, stderr: '' });
  const records = await harness.records('ledgers/incident.jsonl');
  expect(only(records, 'open')).toHaveLength(KILLS + 1);
  expect(new Set(only(records, 'open').map(({ run }) => run)).size).toBe(1);
  // Every action that could be cancelled was, once, and has one outcome.
  const cancellable = known.filter((_, index) => !isOver(index));
  expect(log.effective().sort()).toEqual(cancellable);
  expect(cancellable.every((each) => store.get(each)?.status === 'Cancelled')).toBe(true);
  expect(only(records, 'outcome')).toHaveLength(COUNT);
  expect(outcomesOf(records).size).toBe(COUNT);
  expect(documentOf(stdout).counts).toEqual({
    cancelled: cancellable.length,
    'already-final': known.length - cancellable.length,
    'not-found': 10,
  });
  // Nothing with a final outcome was sent again.
  for (const { settled, from } of settledAt) {
    const again = log.entries
      .slice(from)
      .filter(({ route, ids: [each] }) => route === 'cancel' && settled.has(each ?? ''));
    expect(again).toEqual([]);
  }
  // What was in doubt (no answer, or one that nobody lived to read) was looked up first.
  expect(log.resentWithoutLookup()).toEqual([]);
  expect(log.overQuota()).toBe(0);
  expect(log.busiest(1000)).toBeLessThanOrEqual(100);
  expect(log.busiest(10_000)).toBeLessThanOrEqual(600);
});

it('a run killed after 90 of 100 calls in a window makes ten calls when it is resumed, and then waits', async () => {
  const windowMs = 20_000;
  await using harness = await openHarness({
    windows: '100/20s',
    actions: open(150),
    faults: (_request, n) => (n === 91 ? { kind: 'hang' } : undefined),
  });
  const { log } = harness.sandbox;
  await harness.file('incident.txt', ids(150));
  const args = ['--yes', '--screen', 'never', '--concurrency', '1'];
  {
    await using killed = harness.start(['run', 'incident.txt', ...COMMENT, ...args]);
    // The answers of the first 90 are in the ledger before it dies; the 91st call is in doubt.
    await log.until(() => log.count() === 91);
    killed.kill('SIGKILL');
    await killed.ended;
  }
  const counted = () => log.entries.flatMap(({ countedMs }) => countedMs ?? []);
  const firstMs = counted()[0] ?? Number.NaN;

  const { code } = await harness.run(['resume', 'ledgers/incident.jsonl', '--yes', '--json'], { timeoutMs: 150_000 });

  expect(code).toBe(0);
  expect(log.overQuota()).toBe(0);
  expect(log.busiest(windowMs)).toBe(100);
  // The 91st was in doubt and holds its permit, so nine calls follow at once, and the tenth when the first permit is free.
  expect(counted().filter((ms) => ms < firstMs + windowMs)).toHaveLength(100);
  expect(log.effective().sort()).toEqual(ids(150));
});
