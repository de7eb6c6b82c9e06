import type { CallHistory } from './call-history.ts';
import type { SimDefender } from './defender.ts';
import type { Inode } from './disk.ts';
import type { DurableIntent, LedgerWatch } from './ledger-watch.ts';
import type { SimProcess } from './process.ts';
import type { Command } from './program.ts';
import type { Scenario } from './scenario.ts';
import type { Sent } from './transport.ts';
import type { Truth } from './truth.ts';

/** What is known of a process that works on a ledger. */
export interface Worker {
  readonly process: SimProcess;
  readonly path: string;
  readonly kind: Command['kind'];
  /** The file that it opened, once it wrote to it. */
  inode: Inode | undefined;
  readonly retry: ReadonlySet<string>;
  /** The caps of its job hold. */
  readonly limited: boolean;
  /** Its operator takes back what the source no longer names. */
  readonly withdraws: boolean;
  /** What the source named when it was read to its end in this session; undefined when it was not. */
  named: ReadonlySet<string> | undefined;
  /** What the plan admitted whose head its operator gave; undefined without one. */
  readonly reviewed: ReadonlySet<string> | undefined;
  /** True ms at which its file was taken away under it. */
  swappedAtMs: number | undefined;
  /** Its wall clock was set while it ran, by more than a lock's life; nothing else stood still. */
  clockJumped: boolean;
  /** It, its machine or its disk stood still, somebody else went on with its work, or a hand changed its ledger before it had opened it. */
  disturbed: boolean;
}

/** What every rule may look at. Functions and not methods: rules take apart what they are given. */
export interface Facts {
  readonly scenario: Scenario;
  readonly defender: SimDefender;
  readonly history: CallHistory;
  /** No more faults. */
  readonly isCalm: boolean;
  /** Our wall clock was right all the time. */
  readonly clockWasRight: boolean;
  /** True ms since the beginning. */
  readonly now: () => number;
  /** Whether the file can still be read by some name. */
  readonly isThere: (inode: Inode) => boolean;
  /** Who was the last to open a ledger to send, whichever: all are of one application and in one folder. */
  readonly lastOpener: () => SimProcess | undefined;
  /** Whether an action of that truth is outside the job's guards. */
  readonly isExcluded: (truth: Truth) => boolean;
  /** The wall clock was wrong in a way that no ledger can show: see src/quota/past-calls.ts. */
  readonly clockWasSlow: (sent: Sent) => boolean;
}

/** A request as it leaves, with what its sender's ledger says at that moment. */
export interface Sending {
  sent: Sent;
  worker: Worker | undefined;
  watch: LedgerWatch | undefined;
  intent: DurableIntent | undefined;
}

/** A session that has come to its end by itself. */
export interface Exit {
  worker: Worker;
  code: number;
  /** What was said. */
  message: string;
  /** What its ledger says, which only the program has written. */
  watch: LedgerWatch | undefined;
  /** Every ID that the source names by now; undefined for a query. */
  named: readonly string[] | undefined;
  /** The list beside its ledger of isolations that may need release. */
  releases: string | undefined;
}
