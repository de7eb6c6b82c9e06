import type { LedgerRecord } from '../../../src/ledger/record.ts';
import type { Inode } from '../disk.ts';
import type { Exit, Facts, Sending, Worker } from '../facts.ts';
import type { LedgerEnd } from '../ledger-end.ts';
import type { DurableIntent, LedgerWatch } from '../ledger-watch.ts';
import type { Sent } from '../transport.ts';
import type { Settled } from './fleet.ts';

/** What happens in a world that a rule can be asked about. */
export interface Events {
  /** A request leaves. */
  send: Sending;
  /** A cancel leaves, on a durable intent. */
  cancel: { sent: Sent; id: string; worker: Worker; watch: LedgerWatch; intent: DurableIntent };
  /** Defender counts a request; `counted` are all that count in the same windows, this one last. */
  count: { counted: readonly Sent[] };
  /** Defender has refused so many calls while nobody else used the application. */
  refused: number;
  /** A record is written. */
  record: { record: LedgerRecord; worker: Worker; watch: LedgerWatch };
  /** A process appends to a file that never was a ledger of its. */
  foreign: { worker: Worker | undefined; path: string };
  /** A whole line was written that is no JSON. */
  garbage: string;
  /** A ledger cannot be read as it was written. */
  damaged: string;
  /** A record (its number) that was on the platter is gone. */
  lost: number;
  /** A process removes a lock that another one holds and renewed so long ago. */
  unlocked: { by: string; path: string; holder: string; ageMs: number };
  /** A process removes a ledger that it may not. */
  removed: { by: string; path: string };
  /** A session is begun on another file than the one at its path. */
  elsewhere: { worker: Worker; inode: Inode };
  /** A session ends by itself. */
  exit: Exit;
  /** An error that nobody caught. */
  uncaught: unknown;
  /** A calm session is over. */
  calm: { tookMs: number; calls: number; afterLies: boolean };
  /** A session does not come to an end. */
  stall: string;
  /** So many actions are open after all calm sessions. */
  unsettled: number;
  /** A process appends to a ledger on which another one has begun a session since. */
  behind: { by: string; opener: string };
  settled: Settled;
  /** A worker process ends by itself, so long after it was asked to. */
  drained: { by: string; code: number; message: string; tookMs: number | undefined; isHindered: boolean };
  /** A run is not brought to its end, though nothing stands in the way. */
  stranded: string;
  /** A ledger as it is at the end of the world. */
  end: LedgerEnd;
}

/** Returns what is wrong, or undefined. */
type Check<K extends keyof Events> = (event: Events[K], facts: Facts) => string | undefined;

export type Checks = { readonly [K in keyof Events]?: Check<K> };

/** What must hold in every world, whatever goes wrong in it. */
export interface Invariant {
  readonly name: string;
  /** One sentence, as somebody would want to hear it who relies on it. */
  readonly promise: string;
  readonly check: Checks;
}
