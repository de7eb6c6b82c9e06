import { describe, expect, test } from 'vitest';
import type { CloseReason } from '../../../src/ledger/record.ts';
import { nextSteps } from '../../../src/report/facts/next-steps.ts';
import {
  ledgerStatus,
  placedStatus,
  type RunCondition,
  runStatus,
  unheldState,
} from '../../../src/report/facts/run-status.ts';
import { summarise } from '../../../src/report/facts/summary.ts';
import { statusDocument } from '../../../src/report/json.ts';
import { guid, Script, T0 } from '../records.ts';
import { EVERY_FATE, type Fate, planStory, runStory } from '../stories.ts';
import { viewOf } from '../views.ts';

const HOLDER = { pid: 7, host: 'host-1', since: '2026-03-02T22:00:00.000Z' };
const nowMs = T0 + 3_600_000;
const open: Fate = { outcome: undefined };
const cancelled: Fate = { outcome: 'cancelled', ended: 'Cancelled', http: 200 };

function statusOf(close: CloseReason | undefined, holder?: typeof HOLDER, fates: readonly Fate[] = [cancelled, open]) {
  const view = viewOf(runStory({ fates, close }));
  return runStatus(ledgerStatus(view, 'nightly', undefined), holder, nowMs);
}

describe('the state of a run', () => {
  test.each<[planned: boolean, CloseReason | undefined, RunCondition]>([
    [true, 'planned', 'planned'],
    [false, undefined, 'interrupted'],
    [false, 'interrupted', 'interrupted'],
    [false, 'deadline', 'interrupted'],
    [false, 'refused', 'interrupted'],
    [false, 'unreachable', 'interrupted'],
    [false, 'disk', 'interrupted'],
    [false, 'halted', 'halted'],
    [false, 'finished', 'finished'],
  ])('without a holder (a plan: %s, closed as %s) is %s', (planned, reason, state) => {
    expect(unheldState(planned, reason)).toBe(state);
  });

  test('has the pause of a run that is at work, and of no other', () => {
    const view = viewOf(runStory({ fates: [cancelled, open], close: undefined }));
    const pause = { reason: 'throttled', untilMs: nowMs + 60_000 } as const;
    const status = ledgerStatus(view, 'nightly', undefined);
    expect(runStatus(status, HOLDER, nowMs, pause).pause).toEqual(pause);
    expect(runStatus(status, undefined, nowMs, pause).pause).toBe(null);
    const [shown] = (statusDocument({ runs: [runStatus(status, HOLDER, nowMs, pause)] }) as { runs: object[] }).runs;
    expect(shown).toMatchObject({ pause: { reason: 'throttled', until: new Date(nowMs + 60_000).toISOString() } });
  });

  test.each<[CloseReason | undefined]>([[undefined], ['interrupted'], ['halted'], ['finished']])(
    'is running while somebody holds it, whatever its last session said: %s',
    (reason) => {
      expect(statusOf(reason, HOLDER)).toMatchObject({ state: 'running', holder: HOLDER, next: null });
    },
  );

  test('is corrupt where its ledger is, held or not, and nothing is offered or forecast', () => {
    const view = viewOf(runStory({ close: 'interrupted' }));
    const damaged = { ...view, intact: false, fault: { line: 9, what: 'does not fit' } };
    for (const holder of [undefined, HOLDER]) {
      const status = runStatus(ledgerStatus(damaged, 'nightly', undefined), holder, nowMs);
      const integrity = { intact: false, records: view.state.lastSeq, line: 9 };
      expect(status).toMatchObject({ state: 'corrupt', holder: holder ?? null, forecast: null, next: null, integrity });
    }
  });

  test('of a ledger without a record is interrupted, with nobody’s tenant and nothing to paste', () => {
    const status = runStatus(ledgerStatus(viewOf([]), 'empty', undefined), undefined, nowMs);
    expect(status).toMatchObject({ state: 'interrupted', tenant: null, admitted: 0, next: null, forecast: null });
  });
});

describe('the numbers of a run', () => {
  test('are those of a report, and outcomes and what is left are all that was admitted', () => {
    const view = viewOf(runStory({ fates: [...EVERY_FATE, open, open], close: 'interrupted' }));
    const { counts, left, admitted, needsReview } = ledgerStatus(view, 'nightly', undefined);
    const report = summarise([view], { nowMs });
    expect({ counts, admitted, needsReview }).toEqual({
      counts: report.counts,
      admitted: report.admitted,
      needsReview: report.needsLook,
    });
    const sum = (numbers: object) => Object.values(numbers).reduce((a: number, b: number) => a + b, 0);
    expect(sum(counts) + sum(left)).toBe(admitted);
    expect(sum(left)).toBe(report.open);
  });

  test.each([
    ['not called', undefined, 'notCalled'],
    ['accepted', { http: 200 }, 'accepted'],
    ['answered 200 by something that cannot be read', { http: 200, error: 'not-json' }, 'inDoubt'],
    ['not answered', { error: 'timeout' }, 'inDoubt'],
    ['refused, perhaps because it is over', { http: 400, code: 'BadRequest' }, 'inDoubt'],
    ['throttled', { http: 429 }, 'again'],
    ['answered by a service that is out of order', { http: 503 }, 'again'],
    ['answered to an old token', { http: 401 }, 'again'],
    ['not sent', { error: 'not-sent' }, 'notCalled'],
  ] as const)('an action that was %s is told apart', (_what, answer, place) => {
    const script = new Script().open().add('admit', { id: guid(1), line: 1 });
    if (answer !== undefined) script.cancel(guid(1), answer);
    const none = { accepted: 0, inDoubt: 0, again: 0, notCalled: 0 };
    expect(ledgerStatus(viewOf(script.records), 'x', undefined).left).toEqual({ ...none, [place]: 1 });
  });

  test('an intent without a reply is in doubt', () => {
    const script = new Script().open().add('admit', { id: guid(1), line: 1 });
    script.add('intent', { call: 1, route: 'cancel', id: guid(1), attempt: 1 });
    expect(ledgerStatus(viewOf(script.records), 'x', undefined).left).toMatchObject({ inDoubt: 1, notCalled: 0 });
  });

  test('of a plan: no outcomes, everything not called, and the command that starts exactly it', () => {
    const { records, facts } = planStory([cancelled, cancelled]);
    const view = viewOf(records, 'ledgers/a b.jsonl');
    const status = runStatus(ledgerStatus(view, 'a b', facts), undefined, nowMs);
    expect(status).toMatchObject({ state: 'planned', left: { notCalled: 2 }, forecast: { endsAtMs: nowMs } });
    expect(Object.values(status.counts).every((n) => n === 0)).toBe(true);
    expect(status.next).toBe(`countermand run 'ledgers/a b.jsonl' --head ${view.head}`);
  });

  test('a plan in which nothing would be cancelled offers nothing', () => {
    const { records, facts } = planStory([{ outcome: 'already-final', status: 'Succeeded', ended: 'Succeeded' }]);
    expect(ledgerStatus(viewOf(records), 'x', facts)).toMatchObject({
      next: null,
      says: { sentence: 'Nothing to cancel' },
    });
  });

  test('a plan whose source was refused half-way is not to be started, and says why', () => {
    const { records, facts } = planStory([cancelled, cancelled]);
    const unread = viewOf(records.filter(({ kind }) => kind !== 'intake'));
    expect(ledgerStatus(unread, 'x', facts)).toMatchObject({
      next: null,
      says: { sentence: 'The source was not read to its end' },
    });
  });
});

test.each<[CloseReason | undefined, readonly Fate[], string | null]>([
  [undefined, [open], 'countermand resume ledgers/nightly.jsonl'],
  ['interrupted', [open], 'countermand resume ledgers/nightly.jsonl'],
  ['halted', [open], 'countermand resume ledgers/nightly.jsonl'],
  ['finished', [cancelled], null],
  ['finished', [{ outcome: 'unconfirmed', http: 200 }], 'countermand verify ledgers/nightly.jsonl'],
  ['finished', [{ outcome: 'failed', http: 503 }], 'countermand resume ledgers/nightly.jsonl --retry failed'],
])('after a run that closed as %s with %j comes %s', (reason, fates, next) => {
  expect(statusOf(reason, undefined, fates).next).toBe(next);
});

test.each<[CloseReason, string | undefined]>([
  ['interrupted', undefined],
  ['halted', undefined],
  ['refused', 'Credentials or permissions were refused'],
  ['unreachable', 'Defender or sign-in was out of reach'],
  ['deadline', 'Out of time with work left'],
  ['disk', 'The ledger could not be written'],
])('a run that closed as %s says %s', (reason, sentence) => {
  expect(statusOf(reason, undefined, [open]).says).toEqual({ sentence });
  expect(statusOf(reason, HOLDER, [open]).says).toEqual({});
});

describe('a run that is over says the first thing that its report ends with', () => {
  test.each<[Fate]>([
    [{ outcome: 'not-found', http: 404 }],
    [{ outcome: 'ran-anyway', ended: 'Succeeded', http: 200, type: 'LiveResponse' }],
    [{ outcome: 'unknown', error: 'timeout' }],
    [{ outcome: 'forbidden', http: 403 }],
    [{ outcome: 'already-final', status: 'Succeeded', ended: 'Succeeded' }],
  ])('of %j', (fate) => {
    const view = viewOf(runStory({ fates: [fate] }));
    const [step] = nextSteps(summarise([view], { nowMs }));
    const { says } = ledgerStatus(view, 'nightly', undefined);
    expect(says.command ?? says.sentence).toBe(step?.command ?? step?.text);
    expect(says.command ?? says.sentence).toBeDefined();
  });

  test('and nothing where nothing is to be done', () => {
    const done = viewOf(runStory({ fates: [cancelled] }).filter(({ kind }) => kind !== 'reject'));
    expect(ledgerStatus(done, 'nightly', undefined).says).toEqual({ sentence: undefined });
  });
});

test('the document has the fields of the contract, in their order, and no counts that are 0', () => {
  const document = statusDocument({ runs: [statusOf('interrupted')] }) as { runs: Record<string, unknown>[] };
  const [run = {}] = document.runs;
  expect(Object.keys(run).join(' ')).toBe(
    'name ledger tenant state holder admitted counts left needsReview forecast integrity next',
  );
  expect(run).toMatchObject({ counts: { cancelled: 1 }, forecast: { endsAt: new Date(nowMs).toISOString() } });
  expect(Object.keys(run['counts'] as object)).toHaveLength(1);
});

describe('a run in a queue', () => {
  const waiting = { kind: 'waiting', takeovers: 1, reason: 'not before noon' } as const;
  const dead = { kind: 'dead-letter', takeovers: 5, reason: 'exit 4: refused' } as const;

  test('waits for a worker, and nothing is to be typed', () => {
    expect(placedStatus(statusOf('interrupted'), waiting)).toMatchObject({
      ...{ state: 'waiting', next: null },
      placed: { worker: null, takeovers: 1, reason: 'not before noon' },
    });
  });

  test('that a worker has is running, with the worker; one that somebody else has, without', () => {
    const held = statusOf('interrupted', HOLDER);
    const worker = { pid: HOLDER.pid, host: HOLDER.host };
    expect(placedStatus(held, { ...waiting, kind: 'at-work' })).toMatchObject({ state: 'running', placed: { worker } });
    expect(placedStatus(held, dead)).toMatchObject({ state: 'running', placed: { worker: null, reason: null } });
  });

  test('that is a dead letter says why, and how it is taken up again; one that was finished since is none', () => {
    expect(placedStatus(statusOf('refused'), dead)).toMatchObject({
      ...{ state: 'dead-letter', next: 'countermand submit --again nightly', forecast: null },
      placed: { reason: 'exit 4: refused' },
    });
    expect(placedStatus(statusOf('finished', undefined, [cancelled]), dead)).toMatchObject({ state: 'finished' });
  });
});
