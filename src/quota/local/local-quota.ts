import type { Clock } from '../../clock.ts';
import type { Route } from '../../ledger/record.ts';
import { UNANSWERED_MS } from '../call-times.ts';
import type { AgedCall, Quota, Slot, Window } from '../quota.ts';
import { shareOf } from '../windows.ts';
import { type HeldWindow, makeHeldWindow, type WindowPermit } from './held-window.ts';

export interface QuotaOptions {
  /** One to any number, in any order. */
  windows: readonly Window[];
  /** Part of each window that this sender may use, above 0. @default 1 */
  share?: number;
  /** Whether cancel, get and list have windows of their own. @default 'shared' */
  routes?: 'shared' | 'separate';
  /** Calls of earlier sessions, which fill the windows. @default none */
  past?: readonly AgedCall[];
  clock: Clock;
}

/**
 * The quota on Bottleneck, with held slots. The promise: in every span of `perMs` at most `calls` calls, at whatever
 * moment between sending and answering the service counts them.
 *
 * One limiter stands for each window; its `maxConcurrent` is the cap. A call enters the longest window first, and from
 * inside it the next shorter one (nested, never chained: a chain frees all permits together, so an hour's permit would be
 * free after a minute). In the innermost the caller gets its slot. Settling it does not end the permits: each is held
 * for its own window after the latest moment at which the service can have counted the call. Two calls of one
 * permit are therefore counted at least a window apart, and since there are `calls` permits, any `calls + 1` calls in a
 * row span more than a window.
 */
export function makeQuota({ windows, share = 1, routes = 'shared', past = [], clock }: QuotaOptions): Quota {
  const nests = makeNests(shareOf(windows, share), routes, countedAt(past, clock), clock);
  return {
    take: (route, signal) => take(nests[route].longestFirst, clock, signal),
    left: () => nests.cancel.windows.map((window) => window.left()),
  };
}

/** A past call, with the monotonic moment at which it counted at the latest. */
interface CountedCall {
  route: Route;
  atMs: number;
}

function countedAt(calls: readonly AgedCall[], clock: Clock): CountedCall[] {
  const now = clock.monotonicMs();
  return calls.map(({ route, ageMs }) => ({ route, atMs: now - ageMs }));
}

/** The windows that a call goes through: as they were given, and in the order in which it enters them. */
interface Nest {
  windows: readonly HeldWindow[];
  longestFirst: readonly HeldWindow[];
}

function makeNests(
  capped: readonly Window[],
  routes: 'shared' | 'separate',
  past: readonly CountedCall[],
  clock: Clock,
): Record<Route, Nest> {
  const nestOf = (calls: readonly CountedCall[]): Nest => {
    const atMs = calls.map((call) => call.atMs);
    const windows = capped.map((window) => makeHeldWindow(window, atMs, clock));
    return { windows, longestFirst: windows.toSorted((a, b) => b.perMs - a.perMs) };
  };
  if (routes === 'separate') {
    const own = (route: Route) => nestOf(past.filter((call) => call.route === route));
    return { cancel: own('cancel'), get: own('get'), list: own('list'), machines: own('machines') };
  }
  const shared = nestOf(past);
  return { cancel: shared, get: shared, list: shared, machines: shared };
}

function take(windows: readonly HeldWindow[], clock: Clock, signal: AbortSignal | undefined): Promise<Slot> {
  return new Promise((resolve, reject) => {
    const permits: WindowPermit[] = [];
    let given = false;
    let abandoned = false;
    // Whoever waits for the minute already has a permit in the hour: giving up gives that back, and the minute's as soon as it comes.
    const onAbort = () => {
      if (given) return;
      abandoned = true;
      for (const permit of permits) permit.leave();
      reject(signal?.reason);
    };

    const enter = (depth: number) => {
      const window = windows[depth];
      if (window === undefined) {
        given = true;
        signal?.removeEventListener('abort', onAbort);
        resolve(makeSlot(windows, permits, clock));
        return;
      }
      const use = (permit: WindowPermit) => {
        if (abandoned) {
          permit.leave();
          return;
        }
        permits.push(permit);
        enter(depth + 1);
      };
      window.enter(use);
    };

    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    enter(0);
    // Mostly the slot is there at once, and nobody need listen.
    if (!given) signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function makeSlot(windows: readonly HeldWindow[], permits: readonly WindowPermit[], clock: Clock): Slot {
  for (const window of windows) window.inFlight(1);
  let over = false;
  const end = (each: (permit: WindowPermit) => void) => {
    if (over) return;
    over = true;
    for (const window of windows) window.inFlight(-1);
    for (const permit of permits) each(permit);
  };
  return {
    // Nobody else can be given it, however long it is kept.
    usable: () => true,
    settle: () => {
      const now = clock.monotonicMs();
      end((permit) => permit.hold(now));
    },
    settleUnanswered: (sentAtMs) => end((permit) => permit.hold(sentAtMs + UNANSWERED_MS)),
    release: () => end((permit) => permit.leave()),
  };
}
