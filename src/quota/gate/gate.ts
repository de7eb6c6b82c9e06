import type { Clock } from '../../clock.ts';
import { type GateEvent, type GateState, nextState, OPEN, probeIsDue } from './gate-state.ts';

/** Why the gate is closed, and until when; for the pause record and the progress line. */
export interface Pause {
  reason: 'throttled' | 'out-of-reach';
  /** Monotonic ms. */
  untilMs: number;
}

/** What a call that went through the gate came back with, as far as the gate cares. */
export type CallResult =
  | { kind: 'answered' }
  /** HTTP 429; `retryAfterMs` from the header, else from the message, else undefined. */
  | { kind: 'throttled'; retryAfterMs: number | undefined }
  /** No answer, or a 5xx. `subject` is the action or batch, so that ten in a row are ten different ones. */
  | { kind: 'unreachable'; subject: string };

export interface Permit {
  /** This call goes alone, to see whether the gate may open. */
  readonly probe: boolean;
  /** False when the gate closed after the permit was given: the call must not be sent on it. */
  stillOpen(): boolean;
  /** What came of the call. Exactly once, unless `cancel` was called. Returns whether a failure costs an attempt. */
  report(result: CallResult): { costsAttempt: boolean };
  /** Nothing was sent on this permit. */
  cancel(): void;
}

/** One gate for all calls of a session. While it is closed nothing passes; then one probe goes alone. */
export interface Gate {
  /** Waits until the gate is open, or this call is chosen as the probe. Rejects with the signal's reason. */
  pass(signal?: AbortSignal): Promise<Permit>;
  /** Undefined while open. */
  readonly pause: Pause | undefined;
  /** Monotonic moment (ms) at which the gate was closed, however often its pause was extended since; undefined while open. */
  readonly closedAtMs: number | undefined;
  /** Monotonic moment (ms) of the last successful call, or of the gate's creation. For `--patience`. */
  readonly lastSuccessMs: number;
}

/** A gate that also closes for what others of the same sender were told. */
export interface SharedGate extends Gate {
  /** Another process was told to wait until then (monotonic ms): this one waits too, and then sends a probe of its own. */
  hear(untilMs: number): void;
}

export interface GateOptions {
  clock: Clock;
  /**
   * Called at every closing and every extension, for the ledger's `pause` record. Answers of calls that were in flight together move the
   * end by what lay between them; less than a second of that is no extension worth a record.
   */
  onPause?: (pause: Pause) => void;
}

const SAME_PAUSE_MS = 1000;

interface Waiter {
  admit(permit: Permit): void;
}

/** A gate that is open. Its rules are those of {@link nextState}; here are only the waiting calls and the timer. */
export function makeGate({ clock, onPause }: GateOptions): SharedGate {
  let state: GateState = OPEN;
  let lastSuccessMs = clock.monotonicMs();
  let closedAtMs: number | undefined;
  /** The pause as it was last told; undefined while the gate is open. */
  let announced: Pause | undefined;
  const waiting = new Set<Waiter>();
  /** The timer for the next probe. It runs only while somebody waits, and keeps the process alive while it does. */
  let alarm: { atMs: number; cancel: AbortController } | undefined;

  const apply = (event: GateEvent) => {
    state = nextState(state, event, clock.monotonicMs());
    closedAtMs = state.kind === 'open' ? undefined : (closedAtMs ?? clock.monotonicMs());
    announce(state.kind === 'closed' ? state.pause : undefined);
    letPass();
  };

  const announce = (pause: Pause | undefined) => {
    if (pause?.reason === announced?.reason && pause && announced && pause.untilMs - announced.untilMs < SAME_PAUSE_MS)
      return;
    announced = pause;
    if (pause !== undefined) onPause?.(pause);
  };

  const letPass = () => {
    for (const waiter of waiting) {
      if (state.kind === 'open') admit(waiter, false);
      else if (probeIsDue(state, clock.monotonicMs())) {
        state = nextState(state, { kind: 'probe-sent' }, clock.monotonicMs());
        admit(waiter, true);
      } else break;
    }
    setAlarm();
  };

  const admit = (waiter: Waiter, probe: boolean) => {
    waiting.delete(waiter);
    waiter.admit(makePermit(probe));
  };

  const setAlarm = () => {
    const atMs = state.kind === 'closed' && !state.probing && waiting.size > 0 ? state.pause.untilMs : undefined;
    if (alarm?.atMs === atMs) return;
    alarm?.cancel.abort();
    alarm = undefined;
    if (atMs === undefined) return;
    const cancel = new AbortController();
    alarm = { atMs, cancel };
    clock.sleep(atMs - clock.monotonicMs(), { signal: cancel.signal }).then(
      () => {
        alarm = undefined;
        letPass();
      },
      () => {},
    );
  };

  const makePermit = (probe: boolean): Permit => {
    const { generation } = state;
    let over = false;
    const once = (event: GateEvent | undefined) => {
      if (over) return;
      over = true;
      if (event !== undefined) apply(event);
    };
    return {
      probe,
      stillOpen: () => {
        if (over || state.generation !== generation) return false;
        // A probe is stale when a call sent earlier came back meanwhile and moved the end of the pause.
        return probe ? state.kind === 'closed' && clock.monotonicMs() >= state.pause.untilMs : state.kind === 'open';
      },
      report: (result: CallResult) => {
        if (result.kind === 'answered') lastSuccessMs = clock.monotonicMs();
        once({ kind: 'report', probe, result });
        return {
          costsAttempt: result.kind === 'answered' || (result.kind === 'unreachable' && state.kind === 'open'),
        };
      },
      cancel: () => once(probe ? { kind: 'probe-given-up' } : undefined),
    };
  };

  return {
    pass: (signal) =>
      new Promise((resolve, reject) => {
        if (signal?.aborted) {
          reject(signal.reason);
          return;
        }
        if (state.kind === 'open') {
          resolve(makePermit(false));
          return;
        }
        const onAbort = () => {
          waiting.delete(waiter);
          setAlarm();
          reject(signal?.reason);
        };
        const waiter: Waiter = {
          admit: (permit) => {
            signal?.removeEventListener('abort', onAbort);
            resolve(permit);
          },
        };
        signal?.addEventListener('abort', onAbort, { once: true });
        waiting.add(waiter);
        letPass();
      }),
    hear: (untilMs) => apply({ kind: 'pause-heard', untilMs }),
    get pause() {
      return state.kind === 'closed' ? state.pause : undefined;
    },
    get closedAtMs() {
      return closedAtMs;
    },
    get lastSuccessMs() {
      return lastSuccessMs;
    },
  };
}
