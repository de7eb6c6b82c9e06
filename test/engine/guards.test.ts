import { describe, expect, it } from 'vitest';
import { tooManyFailures } from '../../src/engine/failure-guard.ts';
import { decide, guardsThatLook, keptOutBy, refuseUnseen, undoesAnUndo } from '../../src/engine/guards.ts';
import type { Guards } from '../../src/job/job.ts';
import type { Screened } from '../../src/ledger/state/run-state.ts';
import { NO_GUARDS } from './run.ts';

const SEEN: Screened = {
  session: 1,
  atMs: 0,
  status: 'Pending',
  type: 'Isolate',
  machineId: 'aa11',
  computer: 'srv-1.contoso.com',
  requestor: 'Analyst@contoso.com',
  created: '2026-03-01T12:00:00.1234567Z',
};
const guards = (some: Partial<Guards>): Guards => ({ ...NO_GUARDS, ...some });

describe('a guard', () => {
  it.each<[string, Partial<Guards>, Partial<Screened>, RegExp | undefined]>([
    ['lets all in when none is given', {}, {}, undefined],
    ['by type lets that type in, in any case', { onlyType: ['isolate'] }, {}, undefined],
    ['by type keeps others out', { onlyType: ['LiveResponse', 'Offboard'] }, {}, /^only-type: it is Isolate/],
    ['by requestor ignores case', { onlyRequestor: ['analyst@contoso.com'] }, {}, undefined],
    ['by requestor keeps out what names nobody', { onlyRequestor: ['a'] }, { requestor: null }, /nobody named/],
    ['by machine takes the ID', { onlyMachine: ['AA11'] }, {}, undefined],
    ['by machine takes the name', { onlyMachine: ['SRV-1.contoso.com'] }, {}, undefined],
    ['by machine keeps out what names none', { onlyMachine: ['x'] }, { machineId: null, computer: null }, /no machine/],
    ['by age takes the very moment', { createdAfter: '2026-03-01T12:00:00.123Z' }, {}, undefined],
    ['by age keeps out the older', { createdAfter: '2026-03-01T12:00:01Z' }, {}, /^created-after/],
    ['by age keeps out the newer', { createdBefore: '2026-03-01T11:59:59Z' }, {}, /^created-before/],
    ['by age keeps out what has no age', { createdBefore: '2026-03-02T00:00:00Z' }, { created: null }, /no known time/],
    [
      'by age keeps out what is no date',
      { createdAfter: '2020-01-01T00:00:00Z' },
      { created: 'soon' },
      /created-after/,
    ],
    ['must hold with all others', { onlyType: ['Isolate'], onlyMachine: ['x'] }, {}, /^only-machine/],
  ])('a guard %s', (_, some, seen, why) => {
    const kept = keptOutBy(guards(some), { ...SEEN, ...seen });
    if (why === undefined) expect(kept).toBeUndefined();
    else expect(kept).toMatch(why);
  });

  it.each(['Unisolate', 'UnrestrictCodeExecution', 'unisolate'])(
    'a guard keeps a pending %s from being undone',
    (type) => {
      const advice = `--only-type ${type} cancels it, and no type that it does not name`;
      expect(undoesAnUndo(NO_GUARDS, { type })).toMatch(/cut off/);
      expect(undoesAnUndo(NO_GUARDS, { type })).toContain(advice);
      expect(undoesAnUndo(guards({ onlyType: [type.toUpperCase()] }), { type })).toBeUndefined();
    },
  );

  it('a guard names the flags that need a lookup', () => {
    const all = guards({
      onlyType: ['a'],
      onlyRequestor: ['b'],
      onlyMachine: ['c'],
      createdAfter: 'd',
      createdBefore: 'e',
    });
    expect(guardsThatLook(all)).toEqual([
      '--only-type',
      '--only-requestor',
      '--only-machine',
      '--created-after',
      '--created-before',
    ]);
    expect(guardsThatLook(guards({ maxActions: 1, first: 1 }))).toEqual([]);
  });

  it('a guard that needs a lookup is refused beside --screen never', () => {
    expect(() => refuseUnseen({ guards: guards({ createdAfter: 'x' }), screen: 'never' })).toThrow(/--created-after/);
    expect(() => refuseUnseen({ guards: guards({}), screen: 'never' })).not.toThrow();
    expect(() => refuseUnseen({ guards: guards({ onlyType: ['x'] }), screen: 'auto' })).not.toThrow();
  });
});

describe('the decision on an action', () => {
  it.each<[string, Screened | undefined, Partial<Guards>, string]>([
    ['without a lookup is unscreened', undefined, {}, 'unscreened'],
    [
      'that Defender does not know is not-found',
      { ...SEEN, status: 'NotFound', type: '' },
      { onlyType: ['x'] },
      'not-found',
    ],
    ['that is pending is cancel', SEEN, {}, 'cancel'],
    ['of an unknown status is cancel', { ...SEEN, status: 'Paused' }, {}, 'cancel'],
    ['of an unknown type is cancel', { ...SEEN, type: 'RequestSample' }, {}, 'cancel'],
    ['that is over is already-final', { ...SEEN, status: 'TimeOut' }, {}, 'already-final'],
    ['outside a guard is excluded, over or not', { ...SEEN, status: 'TimeOut' }, { onlyType: ['x'] }, 'excluded'],
    ['that undoes an undo is excluded', { ...SEEN, type: 'Unisolate' }, {}, 'excluded'],
    [
      'that undid one and is over is already-final',
      { ...SEEN, type: 'Unisolate', status: 'Succeeded' },
      {},
      'already-final',
    ],
    ['that undoes one by name is cancel', { ...SEEN, type: 'Unisolate' }, { onlyType: ['Unisolate'] }, 'cancel'],
  ])('the decision on an action %s', (_, screen, some, decision) => {
    expect(decide(screen, guards(some)).kind).toBe(decision);
  });
});

describe('too many failures', () => {
  it.each([
    [19, 19, false],
    [20, 2, false],
    [20, 3, true],
    [30, 3, false],
    [31, 4, true],
  ])('too many failures are more than 10 %% of %i called: that %i are is %s', (called, failures, expected) => {
    expect(tooManyFailures({ percent: 10 }, { called, failures })).toBe(expected);
  });
  it('too many failures are strictly more than a number, from the first on', () => {
    expect(tooManyFailures({ count: 0 }, { called: 1, failures: 1 })).toBe(true);
    expect(tooManyFailures({ count: 5 }, { called: 5, failures: 5 })).toBe(false);
  });
});
