import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES } from '../../../src/ledger/outcomes.ts';
import { summarise } from '../../../src/report/facts/summary.ts';
import { summaryDocument } from '../../../src/report/json.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';
import { guid, RUN, Script, T0 } from '../records.ts';
import { EVERY_FATE, type Fate, planStory, runStory } from '../stories.ts';
import { viewOf } from '../views.ts';

const nowMs = T0 + 86_400_000;
const OTHER_RUN = '99999999-0b1e-4c2d-9e3f-5a6b7c8d9e0f';

describe('the summary of one ledger', () => {
  const summary = summarise([viewOf(runStory())], { nowMs });

  test('the summary of one ledger counts each action under its last outcome, and the open ones apart', () => {
    const settled = OUTCOME_NAMES.reduce((sum, name) => sum + summary.counts[name], 0);
    expect(summary.counts).toMatchObject({ cancelled: 2, 'already-final': 2, failed: 2, unknown: 1 });
    expect(settled + summary.open).toBe(summary.admitted);
    expect(summary.open).toBe(1);
    expect(summary.left).toBe(3);
    expect(summary.needsLook).toBe(8);
  });

  test('the summary of one ledger counts as needing release the isolations that had succeeded or ran anyway, and no other type', () => {
    expect(summary.needsRelease).toBe(2);
  });

  test('the summary of one ledger leaves a call that was not sent out of the calls over time', () => {
    const script = new Script().open().add('admit', { id: guid(1), line: 1 });
    script
      .add('intake', { admitted: 1, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) })
      .add('start', { by: 'yes', count: 1 });
    script.cancel(guid(1), { error: 'not-sent' }).cancel(guid(1), { http: 200 });
    const view = viewOf(script.records);
    const { minutes, calls } = summarise([view], { nowMs });
    expect(minutes.map(({ cancel }) => cancel)).toEqual([1]);
    expect(calls.cancel).toBe(1);
    expect(view.state.actions.get(guid(1))?.last?.firstAtMs).toBe(view.state.actions.get(guid(1))?.last?.intentAtMs);
  });

  test('the summary of one ledger shows as many calls over time as the ledger counts', () => {
    const shown = summary.minutes.reduce((sum, { cancel, get, list }) => sum + cancel + get + list, 0);
    expect(shown).toBe(summary.calls.cancel + summary.calls.get + summary.calls.list);
  });

  test('the summary of one ledger lists the rejected rows of the last reading only', () => {
    const script = new Script().open();
    script.add('reject', { line: 1, reason: 'not-an-id', text: 'old' });
    script
      .add('intake', { admitted: 0, rejected: 1, bytes: 1, sha256: 'ab'.repeat(32) })
      .add('close', { reason: 'interrupted', counts: {} });
    script.open(2).add('reject', { line: 7, reason: 'bad-row', text: 'new' });
    script.add('intake', { admitted: 0, rejected: 1, bytes: 1, sha256: 'ab'.repeat(32) });
    const { rejects, rejected } = summarise([viewOf(script.records)], { nowMs });
    expect(rejects.map(({ text }) => text)).toEqual(['new']);
    expect(rejected).toEqual({ 'not-an-id': 0, 'bad-row': 1, duplicate: 0 });
  });

  test('the summary of one ledger keeps the rejected rows of the reading when a session only resumes', () => {
    const script = new Script().open().add('reject', { line: 1, reason: 'not-an-id', text: 'kept' });
    script.add('intake', { admitted: 0, rejected: 1, bytes: 1, sha256: 'ab'.repeat(32) });
    script.open(2);
    expect(summarise([viewOf(script.records)], { nowMs }).rejects).toHaveLength(1);
  });

  test('the summary of one ledger counts overlapping pauses once, and ends one with its session', () => {
    const script = new Script().open();
    const until = (ms: number) => new Date(script.atMs + ms).toISOString();
    script.add('pause', { until: until(60_000), reason: 'throttled' }, 0);
    script.add('pause', { until: until(90_000), reason: 'throttled' }, 30_000);
    script.add('close', { reason: 'interrupted', counts: {} }, 40_000);
    const { pauses, pausedMs } = summarise([viewOf(script.records)], { nowMs });
    expect(pauses).toHaveLength(2);
    expect(pausedMs).toBe(70_000);
  });

  test('the summary of one ledger says that a session without an end was killed once another followed', () => {
    expect(summary.sessions.map(({ reason, killed }) => [reason, killed])).toEqual([
      [undefined, true],
      ['finished', false],
    ]);
  });

  test('the summary of one ledger has no exit code while the last session has no end', () => {
    const open = summarise([viewOf(runStory({ close: undefined }))], { nowMs });
    expect(open.exitCode).toBeUndefined();
    expect(summaryDocument(open)).toMatchObject({ exitCode: null });
  });

  test('the summary of one ledger gives the quota that the share leaves', () => {
    const script = new Script().open(1, {
      job: { ...FROZEN_JOB, quota: { windows: [{ calls: 100, perMs: 60_000 }], share: 0.5, routes: 'shared' } },
    });
    expect(summarise([viewOf(script.records)], { nowMs }).windows).toEqual([{ calls: 50, perMs: 60_000 }]);
  });

  test('the summary of one ledger survives a job that is nothing it knows', () => {
    for (const job of [undefined, null, 'text', 7, [], { quota: { windows: 'none' }, source: 3, guards: null }]) {
      const { ledgers } = summarise([viewOf(new Script().open(1, { job }).records)], { nowMs });
      expect(ledgers[0]?.job.name).toBe('unnamed');
    }
  });
});

describe('the summary of a plan', () => {
  const { records, facts } = planStory();

  test('the summary of a plan counts decisions, and what is left out by its reason', () => {
    const { plan } = summarise([viewOf(records)], { nowMs, plan: facts });
    expect(plan?.decisions).toEqual({ cancel: 12, 'already-final': 2, excluded: 1, 'not-found': 1, unscreened: 0 });
    expect(plan?.reasons).toContainEqual({ decision: 'excluded', reason: 'only type Isolate', n: 1 });
    expect(plan?.overByStatus).toEqual([
      { name: 'Succeeded', n: 1 },
      { name: 'Failed', n: 1 },
    ]);
  });

  test('the summary of a plan lists the ten oldest actions to cancel, the oldest first', () => {
    const oldest = summarise([viewOf(records)], { nowMs, plan: facts }).plan?.oldest ?? [];
    const created = oldest.map((row) => row.created ?? '');
    expect(created).toHaveLength(10);
    expect(created).toEqual([...created].sort());
    expect(created[0]).toBe(new Date(T0 - EVERY_FATE.length * 60_000).toISOString());
  });

  test('the summary of a plan counts isolations that had succeeded, but not those that a guard keeps out', () => {
    const succeeded: Fate = { outcome: 'already-final', status: 'Succeeded' };
    const story = planStory([succeeded, succeeded]);
    const excluded = new Map([...(story.facts.decisions ?? [])]);
    excluded.set(guid(2), { kind: 'excluded', reason: 'only machine x' });
    const view = viewOf(story.records);
    expect(summarise([view], { nowMs, plan: story.facts }).needsRelease).toBe(2);
    expect(summarise([view], { nowMs, plan: { ...story.facts, decisions: excluded } }).needsRelease).toBe(1);
  });

  test('the summary of a plan is known by its ledger alone, then without decisions', () => {
    const summary = summarise([viewOf(records)], { nowMs });
    expect(summary.kind).toBe('plan');
    expect(summary.plan?.decisions).toBeUndefined();
    expect(summaryDocument(summary)).toMatchObject({ counts: {}, forecast: null });
  });
});

describe('the summary of several ledgers', () => {
  const cancelled: Fate = { outcome: 'cancelled', ended: 'Cancelled', http: 200 };
  const failed: Fate = { outcome: 'failed', http: 503 };
  const night = 24 * 3_600_000;

  test('the summary of several ledgers counts an action in both once, with its latest outcome', () => {
    const first = viewOf(runStory({ fates: [cancelled, failed, failed] }), 'a.jsonl');
    const second = viewOf(
      runStory({ fates: [cancelled, cancelled], from: 3, startAtMs: T0 + night, run: OTHER_RUN }),
      'b.jsonl',
    );
    for (const views of [
      [first, second],
      [second, first],
    ]) {
      const summary = summarise(views, { nowMs });
      expect(summary.admitted).toBe(4);
      expect(summary.counts).toMatchObject({ cancelled: 3, failed: 1 });
      expect(summary.calls.cancel).toBe(5);
      expect(summary.rejected).toEqual({ 'not-an-id': 4, 'bad-row': 2, duplicate: 2 });
    }
  });

  test('the summary of several ledgers prefers an outcome to none, even an older one', () => {
    const first = viewOf(runStory({ fates: [failed] }));
    const second = viewOf(runStory({ fates: [{ outcome: undefined }], startAtMs: T0 + night, run: OTHER_RUN }));
    expect(summarise([first, second], { nowMs })).toMatchObject({ open: 0, counts: { failed: 1 } });
  });

  test('the summary of several ledgers counts copies of one run once, by the longer copy', () => {
    const records = runStory();
    const cut = viewOf(records.slice(0, -5), 'copy.jsonl');
    const whole = viewOf(records, 'whole.jsonl');
    const summary = summarise([cut, whole, cut], { nowMs });
    expect(summary.ledgers.map(({ path }) => path)).toEqual(['whole.jsonl']);
    expect(summaryDocument(summary)).toEqual(summaryDocument(summarise([whole], { nowMs })));
  });

  test('the summary of several ledgers ends as finished when a later night did what an earlier one left', () => {
    const first = viewOf(runStory({ fates: [cancelled, { outcome: undefined }], close: 'deadline' }));
    const second = viewOf(runStory({ fates: [cancelled, cancelled], startAtMs: T0 + night, run: OTHER_RUN }));
    expect(summarise([first, second], { nowMs })).toMatchObject({ left: 0, reason: 'finished', exitCode: 3 });
  });

  test('the summary of several ledgers has the totals in one document, and each run beside them', () => {
    const first = viewOf(runStory({ fates: [cancelled] }), 'a.jsonl');
    const second = viewOf(runStory({ fates: [failed], from: 9, startAtMs: T0 + night, run: OTHER_RUN }), 'b.jsonl');
    expect(summaryDocument(summarise([first, second], { nowMs }))).toMatchObject({
      ledgers: [
        { run: RUN, ledger: 'a.jsonl', exitCode: 3 },
        { run: OTHER_RUN, ledger: 'b.jsonl', exitCode: 3 },
      ],
      counts: { cancelled: 1, failed: 1 },
      exitCode: 3,
    });
  });

  test('the summary of several ledgers adds up whatever overlaps', () => {
    const fate = fc.constantFrom(...EVERY_FATE);
    const run = fc.record({
      fates: fc.array(fate, { minLength: 1, maxLength: 12 }),
      from: fc.integer({ min: 1, max: 15 }),
    });
    fc.assert(
      fc.property(fc.array(run, { minLength: 1, maxLength: 4 }), (runs) => {
        const views = runs.map((each, i) =>
          viewOf(runStory({ ...each, startAtMs: T0 + i * night, run: `${i}${RUN.slice(1)}` }), `${i}.jsonl`),
        );
        const summary = summarise(views, { nowMs });
        const ids = new Set(views.flatMap((view) => [...view.state.actions.keys()]));
        const settled = OUTCOME_NAMES.reduce((sum, name) => sum + summary.counts[name], 0);
        expect(summary.admitted).toBe(ids.size);
        expect(settled + summary.open).toBe(ids.size);
        expect(summary.types.reduce((sum, { total }) => sum + total, 0)).toBe(ids.size);
      }),
      { numRuns: 60 },
    );
  });
});
