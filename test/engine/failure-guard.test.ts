import { describe, expect, it } from 'vitest';
import { makeFailureGuard } from '../../src/engine/failure-guard.ts';
import { GuardError } from '../../src/errors.ts';

describe('the guard against failures', () => {
  it('the guard against failures stops at one failure too many', () => {
    const tally = { called: 2, failures: 2 };
    const guard = makeFailureGuard({ count: 2 }, { tally });
    guard.settled('failed');
    tally.failures = 3;
    expect(() => guard.settled('failed')).toThrow(GuardError);
  });

  it('the guard against failures stops a session that begins with too many at its next failure, and not before', () => {
    const guard = makeFailureGuard({ count: 2 }, { tally: { called: 9, failures: 5 } });
    expect(() => guard.settled('cancelled')).not.toThrow();
    expect(() => guard.settled('unknown')).toThrow('5 of 9 called actions failed, more than --max-failures 2');
    expect(() => guard.settled('cancelled')).toThrow(GuardError);
  });

  it('the guard against failures stops nothing any more once it is disarmed', () => {
    const guard = makeFailureGuard({ count: 0 }, { tally: { called: 9, failures: 5 } });
    guard.disarm();
    expect(() => guard.settled('failed')).not.toThrow();
  });
});
