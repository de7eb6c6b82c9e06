import { expect, it } from 'vitest';
import { COMMENT, documentOf, id, ids, only, openHarness, outcomesOf } from '../support/harness.ts';

const WINDOWS = '20/1s,100/10s';

it('300 IDs with errors, resets, lost answers and 429s mixed in: every cancellable action is cancelled once, inside the quota', async () => {
  // A third is over, the last five are nobody's.
  const known = ids(295);
  const over = new Set(known.filter((_, index) => index % 3 === 1));
  await using harness = await openHarness({
    windows: WINDOWS,
    actions: known.map((each) => ({
      id: each,
      status: over.has(each) ? 'Succeeded' : 'Pending',
      type: 'RunAntiVirusScan',
    })),
    latencyMs: [5, 40],
    faults: {
      seed: 7,
      rates: [
        { rate: 0.04, fault: { kind: 'status', status: 500 } },
        { rate: 0.02, fault: { kind: 'status', status: 503, retryAfter: 1 } },
        { rate: 0.01, fault: { kind: 'reset' } },
        { rate: 0.02, fault: { kind: 'reset', applied: true }, routes: ['cancel'] },
        { rate: 0.01, fault: { kind: 'cut-json' }, routes: ['cancel'] },
        { rate: 0.01, fault: { kind: 'too-many', seconds: 1 } },
      ],
    },
  });
  const { log, store } = harness.sandbox;
  await harness.file('incident.csv', ['Action ID', ...ids(300)]);

  const { code, stdout, stderr } = await harness.run(['run', 'incident.csv', ...COMMENT, '--yes', '--json'], {
    timeoutMs: 200_000,
  });

  expect({ code, stderr: code === 3 ? '' : stderr }).toEqual({ code: 3, stderr: '' });
  const cancellable = known.filter((each) => !over.has(each));
  expect(log.effective().sort()).toEqual(cancellable);
  expect(cancellable.every((each) => store.get(each)?.status === 'Cancelled')).toBe(true);
  expect(log.overQuota()).toBe(0);
  expect(log.busiest(1000)).toBeLessThanOrEqual(20);
  expect(log.busiest(10_000)).toBeLessThanOrEqual(100);
  expect(log.entries.filter(({ fault }) => fault !== undefined).length).toBeGreaterThan(10);
  // Nothing that is over, and nothing nobody knows, was spent a cancel on.
  expect(known.filter((each) => over.has(each) && log.of(each, 'cancel').length > 0)).toEqual([]);
  expect(ids(5, 296).filter((each) => log.of(each, 'cancel').length > 0)).toEqual([]);

  const { counts, exitCode, calls } = documentOf(stdout);
  expect({ counts, exitCode }).toEqual({
    counts: { cancelled: cancellable.length, 'already-final': over.size, 'not-found': 5 },
    exitCode: 3,
  });
  expect(calls).toEqual({ cancel: log.count('cancel'), get: log.count('get'), list: log.count('list'), machines: 0 });
  const records = await harness.records('ledgers/incident.jsonl');
  expect(outcomesOf(records).size).toBe(300);
  expect(only(records, 'outcome')).toHaveLength(300);
  expect(outcomesOf(records).get(id(296))).toBe('not-found');
});

it('250 IDs under the real windows go out in three bursts a minute apart, without a refusal', async () => {
  await using harness = await openHarness({
    windows: '100/1m,1500/1h',
    actions: ids(250).map((each) => ({ id: each })),
    latencyMs: [20, 80],
  });
  const { log } = harness.sandbox;
  await harness.file('incident.txt', ids(250));

  const { code, stdout } = await harness.run(['run', 'incident.txt', ...COMMENT, '--yes', '--json'], {
    timeoutMs: 200_000,
  });

  expect(code).toBe(0);
  expect(documentOf(stdout).counts).toEqual({ cancelled: 250 });
  expect(log.effective()).toHaveLength(250);
  expect(log.overQuota()).toBe(0);
  expect(log.busiest(60_000)).toBe(100);
  const cancels = log.entries.filter(({ route }) => route === 'cancel');
  const spanMs = (cancels.at(-1)?.answeredMs ?? Number.NaN) - (log.entries[0]?.arrivedMs ?? Number.NaN);
  // Two waits of a minute, and the three bursts themselves.
  expect(spanMs).toBeGreaterThanOrEqual(120_000);
  expect(spanMs).toBeLessThan(130_000);
});
