import { describe, expect, test } from 'vitest';
import { EXIT_CODES } from '../../../src/exit-codes.ts';
import { OUTCOME_NAMES, OUTCOMES } from '../../../src/ledger/outcomes.ts';
import { type Ending, exitCodeOf } from '../../../src/report/facts/headline.ts';

const done: Ending = { reason: 'finished', counts: { cancelled: 3 }, rejected: {}, needsRelease: 0 };

describe('the exit code of a run', () => {
  test.each<[string, Partial<Ending>, number | undefined]>([
    ['is 0 when all is final and needs nobody', {}, 0],
    ['is 0 for a run without a single action', { counts: {} }, 0],
    ['is 0 when only duplicates were rejected', { rejected: { duplicate: 4 } }, 0],
    ['is 3 when a line was no ID', { rejected: { 'not-an-id': 1 } }, 3],
    ['is 3 when a row could not be read', { rejected: { 'bad-row': 1 } }, 3],
    ['is 3 when an isolation may need release', { needsRelease: 1 }, 3],
    ['is 130 after SIGINT', { reason: 'interrupted', signal: 'SIGINT' }, 130],
    ['is 130 when the ledger alone says that it was interrupted', { reason: 'interrupted' }, 130],
    ['is 143 after SIGTERM', { reason: 'interrupted', signal: 'SIGTERM' }, 143],
    ['is 4 when credentials were refused', { reason: 'refused' }, 4],
    ['is 5 when a guard halted it', { reason: 'halted' }, 5],
    ['is 6 at the deadline', { reason: 'deadline' }, 6],
    ['is 6 when Defender was out of reach', { reason: 'unreachable' }, 6],
    ['is 6 when the disk failed', { reason: 'disk' }, 6],
    ['is the reason of its end, whatever failed before', { reason: 'deadline', counts: { failed: 9 } }, 6],
    ['is not known while it has not ended', { reason: undefined }, undefined],
    ['is 0 for a plan that may run', { reason: 'planned' }, 0],
    ['is 0 for a plan with isolations that had succeeded', { reason: 'planned', needsRelease: 2 }, 0],
    ['is 3 for a plan with rejected input', { reason: 'planned', rejected: { 'bad-row': 1 } }, 3],
    ['is 3 for a plan with IDs that Defender does not know', { reason: 'planned', notFound: 1 }, 3],
    ['is 5 for a plan over --max-actions', { reason: 'planned', overMaxActions: true, notFound: 1 }, 5],
  ])('the exit code of a run %s', (_, change, code) => {
    expect(exitCodeOf({ ...done, ...change })).toBe(code);
  });

  test.each(OUTCOME_NAMES)(
    'the exit code of a run with one action %s is 3 exactly when the table says that it needs a look',
    (outcome) => {
      expect(exitCodeOf({ ...done, counts: { [outcome]: 1 } })).toBe(OUTCOMES[outcome].needsLook ? 3 : 0);
    },
  );

  test('the exit code of a run is always one of the table', () => {
    for (const reason of ['finished', 'planned', 'interrupted', 'halted', 'deadline', 'refused', 'disk'] as const) {
      expect(Object.keys(EXIT_CODES)).toContain(String(exitCodeOf({ ...done, reason })));
    }
  });
});
