import type { Route } from '../ledger/record.ts';
import type { Slot } from '../quota/quota.ts';
import type { Device, MachineAction } from './entity.ts';

/** One HTTP request to Defender that is wanted; each attempt at it is a call of its own, with its own slot, token and intent. */
export interface Call {
  readonly route: Route;
  readonly method: 'GET' | 'POST';
  /** Below the API's base URL, with its query. */
  readonly path: string;
  readonly body?: string;
  /** The action, for cancel and get. */
  readonly id?: string;
  /** How many actions a list call asks for, or devices. */
  readonly ids?: number;
  /** The action or the batch, by which ten failures in a row are told to be over different ones. */
  readonly subject: string;
  readonly attempt: number;
  /**
   * Asked with the slot in hand and again once the gate is open, each of which may be an hour after the call was wanted:
   * false gives the slot back, unsent.
   */
  readonly stillDue?: (() => boolean) | undefined;
  /** Whether the token was renewed for this call already, so that a second 401 is a refusal. */
  readonly renewed?: boolean;
}

/** A call with the slot that it goes out on; whoever took the slot gives it back. */
export interface SlottedCall extends Call {
  readonly slot: Pick<Slot, 'usable'>;
  /** How long it waited for its slot; for the log. */
  readonly slotWaitMs: number;
}

/** 200 with a page of entities. */
export interface Page {
  kind: 'page';
  /** Those that have an ID that can be called. */
  actions: MachineAction[];
  /** How many entries the page has, `odd` ones included: for `$skip`. */
  entries: number;
  /** Entries without such an ID. */
  odd: number;
  /** `@odata.count`, where it is one. */
  count: number | undefined;
  /** `@odata.nextLink` as it came; from `Defender.list` the path that it leads to, and undefined where it is not to be followed. */
  nextLink: string | undefined;
}

/** What came of one attempt. */
export type Answer =
  /** 200 with the entity that was asked for. */
  | { kind: 'action'; action: MachineAction }
  | Page
  /** 200 with a page of devices, those without an ID left out; `entries` counts all. */
  | { kind: 'devices'; devices: Device[]; entries: number }
  /** Defender itself refused: an error body of its own, or a 401 or 403 with any body, which then has no code. */
  | {
      kind: 'error';
      http: number;
      code: string | undefined;
      correlation: string | undefined;
      claims: string | undefined;
    }
  /** 429. */
  | { kind: 'throttled'; code: string | undefined; retryAfterMs: number | undefined }
  /** 408, 500, 502, 503, 504. */
  | { kind: 'unavailable'; http: number; code: string | undefined; retryAfterMs: number | undefined }
  /** Nothing that Defender can be held to: no answer, a cut one, or somebody else's page. */
  | { kind: 'lost'; error: string; http: number | undefined }
  /** Nothing was sent. */
  | { kind: 'not-sent'; why: NotSent };

/** Why a call was not sent: nobody wants it any more; the gate closed, its slot lapsed or its intent took too long between being ready and the send. */
export type NotSent = 'not-due' | 'gate' | 'slot' | 'slow-sync';

/** An answer and what the layers below learned on the way. */
export interface Received {
  readonly answer: Answer;
  /** The attempt that the answer belongs to. */
  readonly attempt: number;
  /** Monotonic ms; undefined when nothing was sent. */
  readonly sentAtMs: number | undefined;
  /** Whether an HTTP answer came back, so that the service has counted the call by now. */
  readonly answered: boolean;
  /** False when the gate was closed by then: a failure costs the action no attempt. */
  readonly costsAttempt: boolean;
}

/** What a layer says of a call that it did not send. */
export function notSent({ attempt }: Call, why: NotSent): Received {
  return {
    answer: { kind: 'not-sent', why },
    attempt,
    sentAtMs: undefined,
    answered: false,
    costsAttempt: false,
  };
}

/** A layer's view of the layer below it. Rejects with the signal's reason when a wait is ended; what was sent is always awaited. */
export type Handler<C extends Call = Call> = (call: C, signal: AbortSignal) => Promise<Received>;
