import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { CallResult } from '../../../src/quota/gate/gate.ts';
import { type GateState, nextState, OPEN, probeIsDue } from '../../../src/quota/gate/gate-state.ts';

const result: fc.Arbitrary<CallResult> = fc.oneof(
  fc.constant<CallResult>({ kind: 'answered' }),
  fc.record({
    kind: fc.constant<'throttled'>('throttled'),
    retryAfterMs: fc.option(fc.integer({ min: 1, max: 900_000 }), { nil: undefined }),
  }),
  fc.record({ kind: fc.constant<'unreachable'>('unreachable'), subject: fc.constantFrom(...'abcdefghijklmnop') }),
);

/**
 * What comes next: time passes, a call that passed while the gate was open comes back, the probe does or is given up, or another process is told to
 * wait.
 */
const step = fc.oneof(
  fc.record({ kind: fc.constant<'time'>('time'), ms: fc.integer({ min: 0, max: 120_000 }) }),
  fc.record({ kind: fc.constant<'call'>('call'), result }),
  fc.record({ kind: fc.constant<'probe'>('probe'), result: fc.option(result, { nil: undefined }) }),
  fc.record({ kind: fc.constant<'hear'>('hear'), inMs: fc.integer({ min: -1000, max: 200_000 }) }),
);

it('only a probe opens the gate, and not before the pause is over, only one is out, and no pause gets shorter, whatever comes back in whatever order', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      let state: GateState = OPEN;
      let nowMs = 0;
      for (const each of steps) {
        const before: GateState = state;
        if (each.kind === 'time') nowMs += each.ms;
        else if (each.kind === 'hear') {
          state = nextState(state, { kind: 'pause-heard', untilMs: nowMs + each.inMs }, nowMs);
          if (before.kind === 'closed') expect(state.kind).toBe('closed');
        } else if (each.kind === 'call') {
          state = nextState(state, { kind: 'report', probe: false, result: each.result }, nowMs);
          if (before.kind === 'closed') expect(state.kind).toBe('closed');
        } else if (before.kind === 'closed' && before.probing) {
          state =
            each.result === undefined
              ? nextState(state, { kind: 'probe-given-up' }, nowMs)
              : nextState(state, { kind: 'report', probe: true, result: each.result }, nowMs);
          const isOver = nowMs >= before.pause.untilMs;
          expect(state.kind).toBe(each.result?.kind === 'answered' && isOver ? 'open' : 'closed');
          if (state.kind === 'closed') expect(state.probing).toBe(false);
        } else if (probeIsDue(before, nowMs)) {
          state = nextState(state, { kind: 'probe-sent' }, nowMs);
          expect(probeIsDue(state, Number.POSITIVE_INFINITY)).toBe(false);
        }
        if (before.kind === 'closed' && state.kind === 'closed') {
          expect(state.pause.untilMs).toBeGreaterThanOrEqual(before.pause.untilMs);
          expect(state.generation).toBe(before.generation);
        }
        if (before.kind === 'open' && state.kind === 'closed') {
          expect(state.pause.untilMs).toBeGreaterThan(nowMs);
          expect(state.generation).toBe(before.generation + 1);
        }
      }
    }),
    { numRuns: 1000, seed: 11 },
  );
});

it('a failed probe always moves the end of the pause beyond now', () => {
  let failures = 0;
  fc.assert(
    fc.property(result, result, fc.integer({ min: 0, max: 1_000_000 }), (first, second, lateMs) => {
      const closed = nextState(OPEN, { kind: 'report', probe: false, result: first }, 0);
      if (closed.kind === 'open' || second.kind === 'answered') return;
      failures += 1;
      const nowMs = closed.pause.untilMs + lateMs;
      const failed = nextState({ ...closed, probing: true }, { kind: 'report', probe: true, result: second }, nowMs);
      expect(failed.kind === 'closed' && failed.pause.untilMs > nowMs).toBe(true);
    }),
    { numRuns: 300, seed: 11 },
  );
  expect(failures).toBeGreaterThan(20);
});
