import { describe, expect, it } from 'vitest';
import type { MachineAction } from '../../src/defender/entity.ts';
import { isOurs, settledBy, settledByAnswer, stampOf } from '../../src/engine/outcome-rules.ts';
import { id, RUN, STAMP } from './run.ts';

const COMPLETED = { commands: [{ commandStatus: 'Failed' }, { commandStatus: 'Completed', endTime: 'x' }] };
const OURS = { cancellationComment: `${STAMP}why` };
const THEIRS = { cancellationComment: '[countermand 00000000] why' };

function action(status: string, more: Partial<MachineAction> = {}): MachineAction {
  return { id: id(1), type: 'LiveResponse', status, ...more };
}

describe('what Defender shows of an accepted cancel', () => {
  it.each<[string, MachineAction, string | undefined]>([
    ['Cancelled is cancelled', action('Cancelled'), 'cancelled'],
    [
      'Cancelled with unfinished commands is cancelled',
      action('Cancelled', { commands: [{ commandStatus: 'Created' }] }),
      'cancelled',
    ],
    ['Cancelled with null commands is cancelled', action('Cancelled', { commands: null }), 'cancelled'],
    ['Cancelled with a completed command ran anyway', action('Cancelled', COMPLETED), 'ran-anyway'],
    ['Succeeded ran anyway', action('Succeeded'), 'ran-anyway'],
    ['Failed ended otherwise', action('Failed'), 'ended-otherwise'],
    ['TimeOut ended otherwise', action('TimeOut'), 'ended-otherwise'],
    ['Pending is not over', action('Pending'), undefined],
    ['InProgress is not over', action('InProgress'), undefined],
    ['a status that nobody knows is not over', action('Cancelling'), undefined],
  ])('%s', (_, shown, outcome) => {
    expect(settledBy(shown, { accepted: true, stamp: STAMP })?.outcome).toBe(outcome);
  });
});

describe('what Defender shows of a cancel that nobody answered', () => {
  it.each<[string, MachineAction, string | undefined]>([
    ['Cancelled with our stamp is cancelled', action('Cancelled', OURS), 'cancelled'],
    [
      'Cancelled with our stamp and a completed command ran anyway',
      action('Cancelled', { ...OURS, ...COMPLETED }),
      'ran-anyway',
    ],
    ['Cancelled by another run was over before us', action('Cancelled', THEIRS), 'already-final'],
    [
      'Cancelled without a comment was over before us',
      action('Cancelled', { cancellationComment: null }),
      'already-final',
    ],
    ['Succeeded was over before us', action('Succeeded'), 'already-final'],
    ['Failed with our stamp ended otherwise', action('Failed', OURS), 'ended-otherwise'],
    ['Pending with our stamp is not over', action('Pending', OURS), undefined],
  ])('%s', (_, shown, outcome) => {
    expect(settledBy(shown, { accepted: false, stamp: STAMP })?.outcome).toBe(outcome);
  });

  it('an outcome keeps the status that settled it', () => {
    expect(settledBy(action('TimeOut'), { accepted: false, stamp: STAMP })).toEqual({
      outcome: 'already-final',
      status: 'TimeOut',
    });
  });
});

describe('an answer that has to do, without permission to read', () => {
  it('an action that may not be read is cancelled by its answer when that says Cancelled', () => {
    expect(settledByAnswer(action('Cancelled'))).toEqual({
      outcome: 'cancelled',
      status: 'Cancelled',
      detail: 'by its answer',
    });
  });
  it('an action that may not be read ran anyway when a command of it had completed', () => {
    expect(settledByAnswer(action('Cancelled', COMPLETED)).outcome).toBe('ran-anyway');
  });
  it('an action that may not be read is unconfirmed otherwise, final statuses included', () => {
    expect(['Pending', 'Succeeded', 'Whatever'].map((status) => settledByAnswer(action(status)).outcome)).toEqual([
      'unconfirmed',
      'unconfirmed',
      'unconfirmed',
    ]);
  });
});

describe('the stamp', () => {
  it('the stamp names the first eight digits of the run', () => {
    expect(stampOf(RUN)).toBe('[countermand 4f1c2d3e] ');
  });
  it('the stamp is ours only at the beginning of the comment', () => {
    expect(isOurs(action('Cancelled', OURS), STAMP)).toBe(true);
    expect(isOurs(action('Cancelled', { cancellationComment: `see ${STAMP}why` }), STAMP)).toBe(false);
  });
});
