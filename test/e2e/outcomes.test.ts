import { describe, expect, it } from 'vitest';
import type { ActionBehaviour } from '../../src/sandbox/behaviours.ts';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import {
  COMMENT,
  documentOf,
  type Harness,
  type HarnessOptions,
  id,
  ids,
  openHarness,
  outcomesOf,
} from '../support/harness.ts';

/** Every behaviour of an action, and what it comes to. */
const CASES: readonly { outcome: string; seed?: Partial<ActionSeed>; behaviour?: ActionBehaviour; unknown?: true }[] = [
  { outcome: 'cancelled' },
  { outcome: 'cancelled', seed: { status: 'InProgress', type: 'LiveResponse' } },
  { outcome: 'cancelled', seed: { status: 'Paused', type: 'RequestSample' } },
  { outcome: 'cancelled', behaviour: { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 1000 } } },
  { outcome: 'cancelled', behaviour: { missingFromList: true } },
  { outcome: 'already-final', seed: { status: 'Succeeded', type: 'RunAntiVirusScan' } },
  { outcome: 'already-final', seed: { status: 'Failed' } },
  { outcome: 'already-final', seed: { status: 'TimeOut' } },
  { outcome: 'already-final', seed: { status: 'Cancelled', cancellationComment: 'by somebody else' } },
  { outcome: 'already-final', behaviour: { onCancel: { kind: 'beaten' } } },
  { outcome: 'already-final', behaviour: { onCancel: { kind: 'beaten', status: 'Failed' } } },
  { outcome: 'ended-otherwise', behaviour: { onCancel: { kind: 'later', becomes: 'Failed', afterMs: 500 } } },
  { outcome: 'ended-otherwise', behaviour: { onCancel: { kind: 'later', becomes: 'TimeOut', afterMs: 500 } } },
  {
    outcome: 'ran-anyway',
    seed: { type: 'RunAntiVirusScan' },
    behaviour: { onCancel: { kind: 'later', becomes: 'Succeeded', afterMs: 500 } },
  },
  {
    outcome: 'ran-anyway',
    seed: { type: 'LiveResponse' },
    behaviour: { onCancel: { kind: 'at-once', completedCommand: true } },
  },
  { outcome: 'excluded', seed: { type: 'Unisolate' } },
  { outcome: 'excluded', seed: { type: 'UnrestrictCodeExecution', status: 'InProgress' } },
  { outcome: 'forbidden', behaviour: { onCancel: { kind: 'refused', http: 403, code: 'Forbidden' } } },
  { outcome: 'failed', behaviour: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } } },
  { outcome: 'failed', behaviour: { onCancel: { kind: 'refused', http: 400, code: 'BadRequest' } } },
  { outcome: 'unconfirmed', behaviour: { onCancel: { kind: 'later', becomes: 'Cancelled' } } },
  { outcome: 'not-found', unknown: true },
  { outcome: 'not-found', unknown: true },
];

const expected = new Map(CASES.map(({ outcome }, index) => [id(index + 1), outcome]));

function countsOf(outcomes: Iterable<string>): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

async function setScene(options: HarnessOptions = {}): Promise<Harness> {
  const harness = await openHarness({ ...options });
  for (const [index, { seed, behaviour, unknown }] of CASES.entries()) {
    if (unknown !== true) harness.sandbox.store.add({ id: id(index + 1), ...seed }, behaviour);
  }
  await harness.file('mixed.csv', ['id', ...ids(CASES.length)]);
  return harness;
}

describe.concurrent('one run over actions of every behaviour', () => {
  it('one run over actions of every behaviour gives each its outcome, and ends with 3', async () => {
    await using harness = await setScene();
    const args = ['run', 'mixed.csv', ...COMMENT, '--yes', '--json', '--confirm-for', '6s', '--max-failures', '50%'];

    const { code, stdout, stderr } = await harness.run(args);

    expect(code, stderr).toBe(3);
    expect(outcomesOf(await harness.records('ledgers/mixed.jsonl'))).toEqual(expected);
    expect(documentOf(stdout).counts).toEqual(countsOf(expected.values()));
  });

  it('one run gives each action its outcome when every answer to a first cancel is lost, and when proxies answer in its place', async () => {
    // Without an end there is no telling whose cancel it was that the second one was refused for.
    const neverEnds = [...expected].find(([, outcome]) => outcome === 'unconfirmed')?.[0];
    await using harness = await setScene({
      faults: ({ route, nthOfId, ids: [each] }) => {
        if (route !== 'cancel' || nthOfId > 1 || each === neverEnds) return undefined;
        const kinds = [
          { kind: 'reset', applied: true },
          { kind: 'html', status: 200 },
          { kind: 'html', status: 502 },
          { kind: 'cut-json' },
          { kind: 'reset-in-body' },
          { kind: 'html', status: 404 },
          { kind: 'wrong-id' },
        ] as const;
        return kinds[Number.parseInt(each?.slice(-2) ?? '', 16) % kinds.length];
      },
    });
    const args = ['run', 'mixed.csv', ...COMMENT, '--yes', '--json', '--confirm-for', '6s', '--max-failures', '50%'];

    const { code, stderr } = await harness.run(args);

    expect(code, stderr).toBe(3);
    const outcomes = outcomesOf(await harness.records('ledgers/mixed.jsonl'));
    expect(outcomes).toEqual(expected);
    expect(harness.sandbox.log.effective().length).toBe(new Set(harness.sandbox.log.effective()).size);
  });

  it('one run over actions of every behaviour is what its plan forecasts, without a POST', async () => {
    await using harness = await setScene();
    const { log } = harness.sandbox;

    const plan = await harness.run(['plan', 'mixed.csv', '--json']);

    expect(plan.code, plan.stderr).toBe(3);
    expect(log.entries.filter(({ method }) => method !== 'GET')).toEqual([]);
    const { decisions, counts, exitCode, forecast } = documentOf(plan.stdout);
    expect({ counts, exitCode }).toEqual({ counts: {}, exitCode: 3 });
    const planned = decisions ?? {};
    log.clear();
    const run = await harness.run([
      ...['run', 'mixed.csv', ...COMMENT, '--yes', '--json', '--confirm-for', '6s', '--max-failures', '50%'],
    ]);
    expect(run.code, run.stderr).toBe(3);
    const found = documentOf(run.stdout).counts;
    const called = new Set(log.entries.flatMap(({ route, ids: asked }) => (route === 'cancel' ? asked : [])));
    expect(planned).toEqual({
      cancel: called.size,
      // Those that are beaten to it are open when the plan is made.
      'already-final': (found['already-final'] ?? 0) - 2,
      excluded: found['excluded'],
      'not-found': found['not-found'],
      unscreened: 0,
    });
    expect(forecast?.calls).toBeGreaterThanOrEqual(called.size);
  });

  it('one run over actions of every behaviour leaves what was not seen to end to verify, which tells what changed', async () => {
    await using harness = await openHarness({
      actions: [{ id: id(1) }, { id: id(2) }, { id: id(3) }],
      behaviours: { default: { onCancel: { kind: 'later', becomes: 'Cancelled' } } },
    });
    await harness.file('ids.txt', ids(3));
    const run = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--confirm-for', '0']);
    expect(run.code, run.stderr).toBe(3);
    expect(harness.sandbox.log.count('get')).toBe(0);
    harness.sandbox.store.update(id(1), { status: 'Cancelled' });
    harness.sandbox.store.update(id(2), { status: 'Succeeded' });
    harness.sandbox.log.clear();

    const verify = await harness.run(['verify', 'ledgers/ids.jsonl']);

    expect(verify.code, verify.stderr).toBe(3);
    expect(harness.sandbox.log.count('cancel')).toBe(0);
    expect(verify.stdout).toContain('2 of 3 actions that were not final are settled now');
    expect(outcomesOf(await harness.records('ledgers/ids.jsonl'))).toEqual(
      new Map([
        [id(1), 'cancelled'],
        [id(2), 'ran-anyway'],
        [id(3), 'unconfirmed'],
      ]),
    );
  });
});
