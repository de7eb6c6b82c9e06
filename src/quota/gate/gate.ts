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
