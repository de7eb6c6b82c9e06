import { OUTCOMES, type Outcome } from '../../src/ledger/outcomes.ts';
import type { CloseReason, LedgerRecord, Route } from '../../src/ledger/record.ts';
import type { Inode } from './disk.ts';
import type { SimProcess } from './process.ts';
import type { Sent } from './transport.ts';

interface Written {
  record: LedgerRecord;
  /** Offset behind its newline. */
  end: number;
  by: SimProcess | undefined;
}

/** An intent that is on the platter. */
export interface DurableIntent {
  call: number;
  route: Route;
  id: string | undefined;
  /** The final outcome that its action had before it. */
  after: Outcome | undefined;
  /** The cancel before it was answered 200. */
  afterAccepting: boolean;
  by: SimProcess | undefined;
  /** A call went out on it, or it was recorded that none would. */
  used: boolean;
}

/** What a lookup showed: `byHand`, none of our processes wrote it. */
interface Seen {
  type: string;
  status: string;
  byHand: boolean;
}

interface Tell {
  /** A line that is no JSON. */
  garbage(line: string): void;
  /** The number of a record that was on the platter. */
  lost(record: number): void;
  /** As it is written. */
  record(record: LedgerRecord, by: SimProcess | undefined): void;
}

/** What a ledger's bytes say to somebody who trusts nothing but the platter. Read here anew, without the program's own reader. */
export class LedgerWatch {
  readonly written: Written[] = [];
  readonly intents = new Map<number, DurableIntent>();
  readonly admitted = new Set<string>();
  readonly outcomes = new Map<string, Outcome>();
  readonly accepted = new Set<string>();
  /** `byHand`: none of our processes wrote it. */
  readonly screened = new Map<string, Seen>();
  run = '';
  /** What was admitted when a start was written last: only that was approved. */
  agreed: ReadonlySet<string> = new Set();
  hasIntake = false;
  hasStart = false;
  /** Why the last session ended, if it did so in order. */
  closed: CloseReason | undefined;
  #parsed = 0;
  #durable = 0;
  readonly #tell: Tell;

  constructor(tell: Tell) {
    this.#tell = tell;
  }

  /** All that was admitted, on the platter or not. */
  admittedSoFar(): Set<string> {
    return new Set(this.written.flatMap(({ record }) => (record.kind === 'admit' ? [record.id] : [])));
  }

  /** The intent of a request. Of calls for the same, made at the same time, it cannot be told which is which: each takes one. */
  intentOf({ request, by }: Sent): DurableIntent | undefined {
    for (const intent of this.intents.values()) {
      if (intent.by === by && intent.route === request.route && intent.id === request.id && !intent.used) return intent;
    }
    return undefined;
  }

  onWritten(inode: Inode, by: SimProcess | undefined): void {
    for (;;) {
      const newline = inode.data.subarray(0, inode.length).indexOf(10, this.#parsed);
      if (newline < 0) return;
      const text = inode.data.toString('utf8', this.#parsed, newline);
      this.#parsed = newline + 1;
      let record: LedgerRecord;
      try {
        record = JSON.parse(text) as LedgerRecord;
      } catch {
        this.#tell.garbage(text);
        return;
      }
      this.written.push({ record, end: this.#parsed, by });
      this.#tell.record(record, by);
      if (record.kind === 'reply' && record.error === 'not-sent') {
        const intent = this.intents.get(record.call);
        if (intent !== undefined) intent.used = true;
      }
    }
  }

  onSynced(inode: Inode): void {
    for (; this.#durable < this.written.length; this.#durable++) {
      const next = this.written[this.#durable];
      if (next === undefined || next.end > inode.synced) return;
      this.#apply(next);
    }
  }

  onTruncated(inode: Inode): void {
    const lost = this.written.findIndex(({ end }) => end > inode.length);
    if (lost >= 0) {
      if (lost < this.#durable) {
        this.#tell.lost(lost + 1);
        return;
      }
      this.written.length = lost;
    }
    this.#parsed = Math.min(this.#parsed, this.written.at(-1)?.end ?? 0);
  }

  #apply({ record, by }: Written): void {
    switch (record.kind) {
      case 'open':
        this.run = record.run;
        this.closed = undefined;
        break;
      case 'admit':
        this.admitted.add(record.id);
        break;
      case 'intake':
        this.hasIntake = true;
        break;
      case 'start':
        this.hasStart = true;
        this.agreed = new Set(this.admitted);
        break;
      case 'screen':
        this.screened.set(record.id, { type: record.type, status: record.status, byHand: by === undefined });
        break;
      case 'intent': {
        const before = record.route === 'cancel' && record.id !== undefined ? this.outcomes.get(record.id) : undefined;
        const after = before !== undefined && OUTCOMES[before].final ? before : undefined;
        this.intents.set(record.call, {
          call: record.call,
          route: record.route,
          id: record.id,
          after,
          afterAccepting: record.id !== undefined && this.accepted.has(record.id),
          by,
          used: false,
        });
        if (record.route === 'cancel' && record.id !== undefined) {
          this.outcomes.delete(record.id);
          this.accepted.delete(record.id);
        }
        break;
      }
      case 'reply': {
        const intent = this.intents.get(record.call);
        if (intent?.id === undefined || intent.route !== 'cancel') break;
        if (record.error === 'not-sent' && intent.after !== undefined) this.outcomes.set(intent.id, intent.after);
        if (record.http === 200 && record.error === undefined) this.accepted.add(intent.id);
        break;
      }
      case 'close':
        this.closed = record.reason;
        break;
      case 'outcome':
        this.outcomes.set(record.id, record.outcome);
        break;
      default:
        break;
    }
  }
}
