import type { CallResult, Pause } from './gate.ts';

/**
 * The rules of the gate, as a function from state and event to state. Times are monotonic ms.
 *
 * The gate is open, or closed until a moment. It closes when Defender answers 429 (throttled), or when ten calls in a
 * row over ten different subjects got no answer or a 5xx (out of reach). Once the moment has come, one call goes alone:
 * the probe. Its answer opens the gate; its failure sets a later moment. What comes back meanwhile from calls that were
 * sent before the closing can only move the moment further away: a probe that is out by then opens nothing before it.
 */
export type GateState = Open | Closed;

export interface Open {
  kind: 'open';
  /** Closings so far: a permit of an earlier generation is not good any more. */
  generation: number;
  /** Subjects of the failures in a row. */
  failing: ReadonlySet<string>;
}

export interface Closed {
  kind: 'closed';
  generation: number;
  pause: Pause;
  /** The wait that the next 429 to a probe doubles. */
  throttledWaitMs: number;
  /** The wait before the probe after the next one that finds nobody. */
  unreachableWaitMs: number;
  /** Whether a probe is out; there is never more than one. */
  probing: boolean;
}

export type GateEvent =
  | { kind: 'report'; probe: boolean; result: CallResult }
  | { kind: 'probe-sent' }
  /** Nothing was sent on the probe's permit. */
  | { kind: 'probe-given-up' }
  /** Another process of this sender was told to wait until then. */
  | { kind: 'pause-heard'; untilMs: number };

/** Calls in a row, over different subjects, that close the gate. */
const OUT_OF_REACH_AFTER = 10;

/** Where a 429 does not say how long. */
const THROTTLED_MS = 60_000;
/** A limit on what doubling alone makes of it; Defender may ask for more. */
const THROTTLED_MOST_MS = 300_000;
/** A pause that is heard of and ends sooner, or that much later than the one there is, changes nothing: it may be our own, as others' clocks have it. */
const SAME_PAUSE_MS = 1000;
/** On top of every 429's wait, because Defender rounds its seconds. */
const THROTTLED_EXTRA_MS = 1000;

const UNREACHABLE_MS = 1000;
const UNREACHABLE_MOST_MS = 60_000;

export const OPEN: Open = { kind: 'open', generation: 0, failing: new Set() };

/** Whether a probe may go now. */
export function probeIsDue(state: GateState, nowMs: number): boolean {
  return state.kind === 'closed' && !state.probing && nowMs >= state.pause.untilMs;
}

/** The state after an event. A pause that differs from the one before is a closing or an extension. */
export function nextState(state: GateState, event: GateEvent, nowMs: number): GateState {
  if (event.kind === 'pause-heard') return whenHeard(state, event.untilMs, nowMs);
  if (event.kind !== 'report') {
    return state.kind === 'closed' ? { ...state, probing: event.kind === 'probe-sent' } : state;
  }
  return state.kind === 'open' ? whenOpen(state, event.result, nowMs) : whenClosed(state, event, nowMs);
}

function whenOpen(state: Open, result: CallResult, nowMs: number): GateState {
  switch (result.kind) {
    case 'answered':
      return state.failing.size === 0 ? state : { ...state, failing: new Set() };
    case 'throttled':
      return close(state, 'throttled', nowMs, result.retryAfterMs ?? THROTTLED_MS);
    case 'unreachable': {
      const failing = new Set(state.failing).add(result.subject);
      return failing.size < OUT_OF_REACH_AFTER
        ? { ...state, failing }
        : close(state, 'out-of-reach', nowMs, UNREACHABLE_MS);
    }
  }
}

function close(state: Open, reason: Pause['reason'], nowMs: number, waitMs: number): Closed {
  const throttled = reason === 'throttled';
  return {
    kind: 'closed',
    generation: state.generation + 1,
    pause: { reason, untilMs: nowMs + waitMs + (throttled ? THROTTLED_EXTRA_MS : 0) },
    throttledWaitMs: throttled ? waitMs : 0,
    unreachableWaitMs: throttled ? UNREACHABLE_MS : UNREACHABLE_MS * 2,
    probing: false,
  };
}

function whenClosed(state: Closed, { probe, result }: GateEvent & { kind: 'report' }, nowMs: number): GateState {
  if (result.kind === 'answered') {
    if (!probe) return state;
    // Somebody was told to wait longer while the probe was out: its answer takes nothing of that back.
    if (nowMs < state.pause.untilMs) return { ...state, probing: false };
    return { kind: 'open', generation: state.generation, failing: new Set() };
  }
  if (result.kind === 'throttled') {
    const asked = result.retryAfterMs ?? THROTTLED_MS;
    // Only a probe's 429 doubles: the others were sent before anybody had been told to wait.
    const doubled = probe ? Math.min(THROTTLED_MOST_MS, state.throttledWaitMs * 2) : 0;
    const waitMs = Math.max(asked, doubled);
    const extended = later(state, { reason: 'throttled', untilMs: nowMs + waitMs + THROTTLED_EXTRA_MS });
    return probe
      ? { ...extended, probing: false, throttledWaitMs: waitMs }
      : { ...extended, throttledWaitMs: Math.max(state.throttledWaitMs, waitMs) };
  }
  if (!probe) return state;
  return {
    ...later(state, { reason: 'out-of-reach', untilMs: nowMs + state.unreachableWaitMs }),
    probing: false,
    unreachableWaitMs: Math.min(UNREACHABLE_MOST_MS, state.unreachableWaitMs * 2),
  };
}

function whenHeard(state: GateState, untilMs: number, nowMs: number): GateState {
  const known = state.kind === 'closed' ? state.pause.untilMs : nowMs;
  if (untilMs - known < SAME_PAUSE_MS) return state;
  const pause: Pause = { reason: 'throttled', untilMs };
  return state.kind === 'closed'
    ? { ...state, pause }
    : { ...close(state, 'throttled', nowMs, untilMs - nowMs), pause };
}

function later(state: Closed, pause: Pause): Closed {
  return pause.untilMs > state.pause.untilMs ? { ...state, pause } : state;
}
