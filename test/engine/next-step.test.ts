import { describe, expect, it } from 'vitest';
import { isOutdated, type NextStep, nextStep, Task } from '../../src/engine/task.ts';
import { type Script, T0 } from '../report/records.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { id, NO_GUARDS, STAMP } from './run.ts';
import { Told } from './state.ts';

interface Given {
  retried?: boolean;
  fresh?: boolean;
  on?: boolean;
  known?: Partial<Pick<Task, 'attempt' | 'timesPutBack' | 'found' | 'seenAtMs'>>;
}

function setting(told: (script: Script) => unknown, { retried = false, fresh = true, on = true, known = {} }: Given) {
  const { state } = new Told(1).tell(told);
  const action = state.actions.get(id(1));
  if (action === undefined) throw new Error('it was admitted');
  const task = Object.assign(new Task(action, state.actions, retried, new ManualClock()), known);
  return { task, screening: { on, isFresh: () => fresh } };
}

function step(told: (script: Script) => unknown, given: Given = {}): NextStep {
  const { task, screening } = setting(told, given);
  return nextStep(task, { guards: NO_GUARDS, canRead: true, stamp: STAMP, screening });
}

const again = (attempt: number): NextStep => ({ kind: 'work', next: { kind: 'again', attempt } });
const nothing = () => undefined;
const screened = (status: string) => (script: Script) =>
  script.add('screen', {
    ...{ id: id(1), status, type: 'Isolate' },
    ...{ machineId: null, computer: null, requestor: null, created: null },
  });
/** Seen to be a release only so long after a cancel of it was taken, which may take hold later. */
const releaseSeenAfter = (minutes: number) => (script: Script) => {
  script
    .cancel(id(1), { http: 200, error: 'foreign-body' })
    .add('outcome', { id: id(1), outcome: 'unconfirmed', attempts: 1 });
  const nobody = { machineId: null, computer: null, requestor: null, created: null };
  script.add('screen', { id: id(1), status: 'Pending', type: 'Unisolate', ...nobody }, minutes * 60_000);
};
const isSettledAs = (outcome: 'unknown' | 'excluded') => ({ kind: 'settle', settlement: { outcome } }) as const;
const failed = (script: Script) =>
  script.cancel(id(1), { http: 409 }, { attempt: 3 }).add('outcome', { id: id(1), outcome: 'failed', attempts: 1 });

describe('the next step of an action', () => {
  it.each<
    [string, (script: Script) => unknown, Given, NextStep | { kind: NextStep['kind'] } | ReturnType<typeof isSettledAs>]
  >([
    ['that nothing is known of is a look', nothing, { fresh: false }, { kind: 'look' }],
    ['that is known well enough is its first call', screened('Pending'), {}, again(1)],
    ['that is over is its outcome', screened('Succeeded'), {}, { kind: 'settle' }],
    ['that nothing is looked up of is its first call', nothing, { on: false }, again(1)],
    ['whose 503 is recorded is the next attempt', (s) => s.cancel(id(1), { http: 503 }, { attempt: 2 }), {}, again(3)],
    ['whose 200 is recorded is to confirm it', (s) => s.cancel(id(1), { http: 200 }), {}, { kind: 'work' }],
    ['that is unknown since an earlier session is to leave it', unknown, {}, { kind: 'leave' }],
    [
      'of a release that is seen to be one too late is unknown',
      releaseSeenAfter(14),
      { retried: true, on: false },
      isSettledAs('unknown'),
    ],
    [
      'of a release that is open still long after a cancel is excluded',
      releaseSeenAfter(16),
      { retried: true, on: false },
      isSettledAs('excluded'),
    ],
    [
      'of a release that is seen to be one before its clock was set back is unknown',
      releaseSeenAfter(-60),
      { retried: true, on: false },
      isSettledAs('unknown'),
    ],
    [
      'of a release that an earlier session saw open too, after a clock was set back, is excluded',
      releaseSeenAfter(-60),
      { retried: true, on: false, known: { seenAtMs: T0 - 80 * 60_000 } },
      isSettledAs('excluded'),
    ],
    [
      'of a release that an earlier session saw open shortly before is unknown',
      releaseSeenAfter(-60),
      { retried: true, on: false, known: { seenAtMs: T0 - 70 * 60_000 } },
      isSettledAs('unknown'),
    ],
    ['that failed and is tried again is a look, whatever is known of it', failed, { retried: true }, { kind: 'look' }],
    ['that failed and is tried again unseen is its first call', failed, { retried: true, on: false }, again(1)],
    [
      'that a worker put back is the attempt it was at, whatever the ledger has of it',
      (s) => s.cancel(id(1), { http: 503 }, { attempt: 2 }),
      { known: { timesPutBack: 1, attempt: 4 } },
      again(4),
    ],
    [
      'that was looked up just now is no further look',
      nothing,
      { fresh: false, known: { found: { kind: 'unreadable', why: 'no-answer' } } },
      again(1),
    ],
  ])('the next step of an action %s', (_, told, given, expected) => {
    expect(step(told, given)).toMatchObject(expected);
  });
});

describe('a step', () => {
  it.each<[string, NextStep, Given, boolean]>([
    ['is outdated when what its call rests on has become too old', again(1), { fresh: false }, true],
    [
      'is outdated when what its outcome rests on has',
      { kind: 'settle', settlement: { outcome: 'excluded' } },
      { fresh: false },
      true,
    ],
    ['is not outdated while that is fresh', again(1), {}, false],
    ['is not outdated where nothing is looked up', again(1), { fresh: false, on: false }, false],
    ['is not outdated after a lookup', again(1), { fresh: false, known: { found: { kind: 'unknown' } } }, false],
    ['is not outdated where it only looks', { kind: 'work', next: { kind: 'confirm' } }, { fresh: false }, false],
  ])('a step %s', (_, decided, given, expected) => {
    const { task, screening } = setting(nothing, given);
    expect(isOutdated(decided, task, screening)).toBe(expected);
  });
});

function unknown(script: Script): void {
  script.cancel(id(1), { error: 'timeout' }).add('outcome', { id: id(1), outcome: 'unknown', attempts: 1 });
}
