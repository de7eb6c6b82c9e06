import { MARGIN_MS } from './call-times.ts';
import type { Window, WindowLeft } from './quota.ts';

/** From send to answer, roughly, where no call was measured yet. */
export const ASSUMED_ROUND_TRIP_MS = 300;

export interface ForecastInput {
  /** Calls still to be made. */
  calls: number;
  /** The windows as they are now, see `Quota.left`; for a plan, {@link allFree}. */
  windows: readonly WindowLeft[];
  /** Calls in flight at most. */
  concurrency: number;
  /** From send to answer. */
  roundTripMs: number;
  /** Monotonic ms; all moments of the forecast are on this clock. */
  nowMs: number;
  /** The end of a pause, if the gate is closed. */
  notBeforeMs?: number | undefined;
  /** The last call looks up what came of those before it, and goes out no sooner than so long after their answers. @default as soon as it may */
  settlesMs?: number | undefined;
}

export interface Forecast {
  /** When the next call goes out; undefined when none is left. */
  nextAtMs: number | undefined;
  /** When a quarter, half, three quarters and all of the calls are answered. */
  quartersAtMs: readonly [number, number, number, number];
  /** When the last call goes out. */
  lastAtMs: number | undefined;
  /** When the last call is answered. */
  doneAtMs: number;
}

/**
 * When the calls that are left will go out, first come first served and as early as the windows let them.
 *
 * Each call takes, in each window, the permit that is free first. The number in flight is a
 * window without a length. It is reckoned call by call until the slowest window sets the pace for good, and from there
 * in whole windows, so the cost is O(windows × largest cap) however many calls are left.
 */
export function forecast(input: ForecastInput): Forecast {
  return reckon(input).forecast;
}

/** A forecast, and every call of it. */
export interface Reckoning {
  forecast: Forecast;
  /** When the n-th call goes out, counted from 1 to the number of calls. */
  sentAtMs(n: number): number;
  /** When it is answered. */
  answeredAtMs(n: number): number;
}

/** {@link forecast}, for who asks for many of its moments: the calls are reckoned once. */
export function reckon(input: ForecastInput): Reckoning {
  const { calls, roundTripMs, nowMs } = input;
  if (calls <= 0) {
    const none = { nextAtMs: undefined, lastAtMs: undefined, doneAtMs: nowMs };
    const never = () => nowMs;
    return {
      forecast: { ...none, quartersAtMs: [nowMs, nowMs, nowMs, nowMs] },
      sentAtMs: never,
      answeredAtMs: never,
    };
  }
  const inTurnAtMs = sendMoments(input);
  const beforeLastMs = calls > 1 ? inTurnAtMs(calls - 2) + roundTripMs : nowMs;
  const sentAtMs = (n: number) =>
    input.settlesMs === undefined || n < calls
      ? inTurnAtMs(n - 1)
      : Math.max(inTurnAtMs(n - 1), beforeLastMs + input.settlesMs);
  const answeredAtMs = (n: number) => sentAtMs(n) + roundTripMs;
  const answered = (part: number) => answeredAtMs(Math.max(1, Math.ceil(calls * part)));
  const whole = {
    nextAtMs: sentAtMs(1),
    lastAtMs: sentAtMs(calls),
    quartersAtMs: [answered(0.25), answered(0.5), answered(0.75), answered(1)],
    doneAtMs: answered(1),
  } as const;
  return { forecast: whole, sentAtMs, answeredAtMs };
}

/**
 * A window's permits: those free or held at the start, and those of the calls reckoned since, which become free in the
 * order of the calls.
 */
interface Permits {
  cap: number;
  /** From send until the permit is free again. */
  heldMs: number;
  /** Permits free at the start that no call has taken yet. */
  free: number;
  /** When the permits that are taken at the start become free, ascending. */
  takenUntilMs: readonly number[];
  /** How many of those were taken again. */
  taken: number;
  /** How many permits of reckoned calls were taken again. */
  again: number;
}

/**
 * The moment at which call `index` finds its permit in a window, which it takes. A permit held for long (an answer was
 * lost) keeps nobody from another.
 */
function takeFirstFree(permits: Permits, reckoned: Float64Array, index: number): number {
  if (permits.free > 0) {
    permits.free -= 1;
    return Number.NEGATIVE_INFINITY;
  }
  const heldAtStart = permits.takenUntilMs[permits.taken] ?? Number.POSITIVE_INFINITY;
  const called = permits.again < index ? reckoned[permits.again] : undefined;
  const ofCall = called === undefined ? Number.POSITIVE_INFINITY : called + permits.heldMs;
  if (heldAtStart <= ofCall) permits.taken += 1;
  else permits.again += 1;
  return Math.min(heldAtStart, ofCall);
}

/**
 * After so many of the largest cap the slowest window's pace has settled; where caps are small, after so many calls.
 */
const SETTLED_AFTER_CAPS = 4;
const SETTLED_AFTER_CALLS = 5000;

/** The moment of the n-th call's send, counted from 0. */
function sendMoments(input: ForecastInput): (index: number) => number {
  const { calls, concurrency, roundTripMs, nowMs } = input;
  const earliestMs = Math.max(nowMs, input.notBeforeMs ?? nowMs);
  const permits: Permits[] = input.windows.map((window) => permitsOf(window, nowMs, roundTripMs));
  const inFlight = { cap: concurrency, free: concurrency, takenUntilMs: [], taken: 0, again: 0 };
  permits.push({ ...inFlight, heldMs: roundTripMs });
  const slowest = permits.reduce((slow, each) => (each.heldMs / each.cap > slow.heldMs / slow.cap ? each : slow));

  const largestCap = Math.max(...permits.map(({ cap }) => cap));
  const reckoned = new Float64Array(Math.min(calls, Math.max(SETTLED_AFTER_CALLS, SETTLED_AFTER_CAPS * largestCap)));
  for (let index = 0; index < reckoned.length; index += 1) {
    let atMs = index === 0 ? earliestMs : (reckoned[index - 1] ?? earliestMs);
    for (const each of permits) atMs = Math.max(atMs, takeFirstFree(each, reckoned, index));
    reckoned[index] = atMs;
  }
  return (index) => {
    const rounds = index < reckoned.length ? 0 : Math.ceil((index - reckoned.length + 1) / slowest.cap);
    return (reckoned[index - rounds * slowest.cap] ?? earliestMs) + rounds * slowest.heldMs;
  };
}

function permitsOf({ calls, perMs, left, freeAtMs }: WindowLeft, nowMs: number, roundTripMs: number): Permits {
  const heldMs = roundTripMs + perMs + MARGIN_MS;
  const held = freeAtMs.slice(-calls);
  // A permit that is neither free nor held has a call in flight, about to be answered.
  const flying = Math.max(0, calls - left - held.length);
  const takenUntilMs = [...held, ...Array<number>(flying).fill(nowMs + heldMs)].sort((a, b) => a - b);
  return { cap: calls, heldMs, free: calls - takenUntilMs.length, takenUntilMs, taken: 0, again: 0 };
}

/** Windows that no call has touched. */
export function allFree(windows: readonly Window[]): WindowLeft[] {
  return windows.map(({ calls, perMs }) => ({ calls, perMs, left: calls, freeAtMs: [] }));
}
