import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { EXIT_CODES, type ExitCode } from '../../src/exit-codes.ts';
import { givenBack, IDLE_TAKEOVERS, patienceFor, settlementOf, takeoverOf } from '../../src/fleet/settle-rules.ts';
import type { Submission } from '../../src/fleet/standing.ts';

const fresh: Submission = { run: 'one', tenant: 't', takeovers: 0, idleTakeovers: 0, done: 0, waits: 0 };

describe('what becomes of a run by its exit code', () => {
  test.each<[ExitCode, string]>([
    [0, 'done'],
    [3, 'done'],
    [130, 'done'],
    [6, 'again after 60 s'],
    [11, 'again after 15 s'],
    [129, 'again after 0 s'],
    [143, 'again after 0 s'],
    [2, 'dead-letter'],
    [4, 'dead-letter'],
    [5, 'dead-letter'],
    [12, 'dead-letter'],
    [1, 'dead-letter'],
  ])('exit %i: %s', (exitCode, what) => {
    const settled = settlementOf(exitCode, undefined, fresh);
    const words = settled.kind === 'again' ? `again after ${settled.afterMs / 1000} s` : settled.kind;
    expect(words).toBe(what);
  });

  test('work left waits twice as long each time, up to ten minutes', () => {
    let submission = fresh;
    const waits: number[] = [];
    for (let n = 0; n < 6; n++) {
      const settled = settlementOf(6, undefined, submission);
      if (settled.kind !== 'again') throw new Error(settled.kind);
      waits.push(settled.afterMs / 1000);
      submission = settled.submission;
    }
    expect(waits).toEqual([60, 120, 240, 480, 600, 600]);
  });

  test('a dead letter says what the session said, else what its exit code means', () => {
    expect(settlementOf(4, 'no consent', fresh)).toMatchObject({ reason: 'no consent' });
    expect(settlementOf(12, undefined, fresh)).toMatchObject({ reason: EXIT_CODES[12].means });
  });
});

describe('a run whose worker was lost', () => {
  test('goes on at once, and the takeover is counted', () => {
    expect(takeoverOf(fresh, 1, 7)).toEqual({
      ...{ kind: 'again', afterMs: 0 },
      submission: { ...fresh, takeovers: 1, idleTakeovers: 0, done: 7 },
    });
  });

  test('is a dead letter after five takeovers in a row without an answer or an outcome, and at once where it was never to be read', () => {
    let settled = takeoverOf({ ...fresh, done: 7 }, 1, 7);
    for (let n = 2; n < IDLE_TAKEOVERS; n++) {
      if (settled.kind !== 'again') throw new Error(settled.kind);
      settled = takeoverOf(settled.submission, 1, 7);
    }
    expect(settled).toMatchObject({ kind: 'again', submission: { takeovers: 4, idleTakeovers: 4 } });
    if (settled.kind !== 'again') throw new Error(settled.kind);
    expect(takeoverOf(settled.submission, 1, 7)).toMatchObject({ kind: 'dead-letter', exitCode: 1 });
    expect(takeoverOf(settled.submission, 1, 8)).toMatchObject({ kind: 'again', submission: { idleTakeovers: 0 } });
    expect(takeoverOf(fresh, IDLE_TAKEOVERS, undefined)).toMatchObject({ kind: 'dead-letter' });
  });

  test('that goes on each time is never a dead letter, however often its workers are lost', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ deaths: fc.integer({ min: 1, max: 4 }), more: fc.integer({ min: 1, max: 9 }) })),
        (lives) => {
          let submission = fresh;
          for (const { deaths, more } of lives) {
            const settled = takeoverOf(submission, deaths, submission.done + more);
            if (settled.kind !== 'again') return false;
            submission = settled.submission;
          }
          return submission.takeovers === lives.reduce((sum, { deaths }) => sum + deaths, 0);
        },
      ),
    );
  });
});

test('a run that takes more places than are free is given back for five seconds, and after the fourth time kept until it has them', () => {
  let submission = fresh;
  const waits: (number | undefined)[] = [];
  for (let n = 0; n < 5; n++) {
    waits.push(patienceFor(submission));
    const settled = givenBack(submission);
    if (settled.kind !== 'again') throw new Error(settled.kind);
    expect(settled.afterMs).toBe(5000);
    submission = settled.submission;
  }
  expect(waits).toEqual([15_000, 15_000, 15_000, 15_000, undefined]);
  expect(submission).toMatchObject({ takeovers: 0, waits: 0 });
});
