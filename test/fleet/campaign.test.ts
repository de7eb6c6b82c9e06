import { describe, expect, test } from 'vitest';
import { stageInQueue } from '../../src/fleet/campaign.ts';
import { type SumsFacts, sumsLines } from '../../src/fleet/campaign-run.ts';
import type { PlanSums } from '../../src/fleet/plan-sums.ts';
import type { Standing, Submission } from '../../src/fleet/standing.ts';

const HEAD = 'a'.repeat(32);
const SUMS: PlanSums = {
  ...{ head: HEAD, madeAtMs: 1, maxAgeMs: 86_400_000, admitted: 5, toCancel: 3, types: [{ name: 'Isolate', n: 3 }] },
  ...{
    oldest: '2026-11-02T10:00:00Z',
    notFound: 1,
    unseen: 0,
    rejected: 2,
    needsRelease: 1,
    calls: 5,
    takesMs: 60_000,
  },
};

type Ended = Extract<Standing, { kind: 'ended' }>;

function standing(
  step: Submission['step'],
  how: Pick<Standing, 'kind'> & Partial<Omit<Ended, 'kind'>> & { reason?: string },
): Standing {
  const submission = {
    run: 'c/a',
    tenant: 'a',
    takeovers: 0,
    idleTakeovers: 0,
    done: 0,
    waits: 0,
    ...(step && { step }),
  };
  return { submission, sinceMs: 1, notBeforeMs: 0, exitCode: 0, plan: undefined, reason: '', ...how } as Standing;
}

describe('a run of a campaign is, by the queue alone,', () => {
  const TABLE: readonly (readonly [Standing | undefined, string, string])[] = [
    [undefined, 'unread', 'what it does not know'],
    [standing('plan', { kind: 'waiting' }), 'planning', 'a plan that waits'],
    [standing('plan', { kind: 'at-work' }), 'planning', 'a plan that is being made'],
    [standing('run', { kind: 'waiting' }), 'under-way', 'a run that waits'],
    [standing(undefined, { kind: 'at-work' }), 'under-way', 'a run of a version without steps'],
    [standing('plan', { kind: 'dead-letter', exitCode: 4, reason: 'refused' }), 'left-out', 'a dead letter'],
    [standing('plan', { kind: 'ended', plan: SUMS }), 'planned', 'a plan that was made'],
    [standing('plan', { kind: 'ended', plan: { ...SUMS, head: 'b'.repeat(32) } }), 'unread', 'a plan written to since'],
    [standing('plan', { kind: 'ended' }), 'unread', 'a plan without its sums'],
    [standing('plan', { kind: 'ended', exitCode: 130 }), 'unread', 'a plan that was stopped'],
    [standing('run', { kind: 'ended', exitCode: 3 }), 'over', 'a run that ended'],
    [standing('run', { kind: 'ended', exitCode: 130 }), 'unread', 'a run that was stopped'],
  ];
  test.each(TABLE.map(([found, kind, what]) => [what, kind, found] as const))('%s: %s', (_what, kind, found) => {
    expect(stageInQueue(found, { head: HEAD }).kind).toBe(kind);
  });

  test('a dead letter is left out with its reason', () => {
    const dead = standing('plan', { kind: 'dead-letter', exitCode: 4, reason: 'refused' });
    expect(stageInQueue(dead, { head: HEAD })).toEqual({ kind: 'left-out', reason: 'dead letter, exit 4: refused' });
  });
});

describe('the sums say', () => {
  const planned = { name: 'c/a', tenant: 'a', head: HEAD, stage: { kind: 'planned' as const, sums: SUMS } };
  const facts = (more: Partial<SumsFacts>): SumsFacts => ({
    ...{ runs: [planned], planned: [planned], head: HEAD, nowMs: Date.parse('2026-11-26T10:00:00Z') },
    ...more,
  });

  test('what is started, the oldest of it, what is to be looked at, when it ends, and its head', () => {
    expect(Object.fromEntries(sumsLines(facts({})))).toEqual({
      Tenants: '1: 1 to start',
      Actions: '3 of 5: Isolate\u00A03',
      Oldest: '2026-11-02 10:00:00 UTC',
      Review:
        '1 action not found in Defender; 2 lines of the sources without an action ID; 1 isolation that took effect, which only a release undoes',
      Ends: expect.stringMatching(/^2026-11-26 10:01:00 UTC.*, in 1 min, 5 calls$/),
      Head: HEAD,
    });
  });

  test('of several plans the longest, and all of them one after the other', () => {
    const two = [planned, { ...planned, stage: { ...planned.stage, sums: { ...SUMS, takesMs: 120_000 } } }];
    const { Ends } = Object.fromEntries(sumsLines(facts({ runs: two, planned: two })));
    expect(Ends).toMatch(/in 2 min for the longest; 3 min one after the other, 10 calls$/);
  });

  test('of runs that are all begun how far they are, and no more', () => {
    const runs = (['stopped', 'under-way', 'over'] as const).map((kind) => ({ ...planned, stage: { kind } }));
    expect(sumsLines(facts({ runs, planned: [], head: null }))).toEqual([
      ['Tenants', '3: 1 stopped before, 1 under way, 1 over'],
    ]);
  });
});
