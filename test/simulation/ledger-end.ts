import { OUTCOMES, type Outcome } from '../../src/ledger/outcomes.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import type { readView } from '../../src/run/read-view.ts';
import type { LedgerWatch } from './ledger-watch.ts';

/** A ledger at the end of its world: by the program's readers and by a stranger's. */
export interface LedgerEnd {
  readonly watch: LedgerWatch;
  readonly records: readonly LedgerRecord[];
  readonly folded: Folded;
  readonly view: Awaited<ReturnType<typeof readView>>;
  readonly nowMs: number;
  /** No more faults, and enough sessions: nothing may be open. */
  readonly settled: boolean;
  readonly secrets: readonly string[];
  readonly logs: readonly string[];
  /** Defender's entity of it lacks what tells its state: nobody can know its end. */
  isOdd(id: string): boolean;
}

export interface Folded {
  admitted: Set<string>;
  outcomes: Map<string, Outcome>;
  /** Cancels, by action. */
  sent: Map<string, number>;
  rejected: number;
  calls: Record<string, number>;
  closed: Extract<LedgerRecord, { kind: 'close' }> | undefined;
  /** What came before its time. */
  disorder: string[];
  /** Outcomes after a final one. */
  repeated: string[];
}

/** Reads the records as a stranger would, by the design's words alone. */
export function fold(records: readonly LedgerRecord[], retriedIn: (session: number) => ReadonlySet<string>): Folded {
  const folded: Folded = {
    admitted: new Set(),
    outcomes: new Map(),
    sent: new Map(),
    rejected: 0,
    calls: { cancel: 0, get: 0, list: 0 },
    closed: undefined,
    disorder: [],
    repeated: [],
  };
  const { outcomes, sent, calls } = folded;
  const pending = new Map<
    number,
    { route: string; id: string | undefined; session: number; before: Outcome | undefined }
  >();
  let session = 0;
  let readingIn = 0;
  for (const record of records) {
    folded.closed = undefined;
    switch (record.kind) {
      case 'open':
        session = record.session;
        break;
      case 'admit':
      case 'reject':
      case 'intake': {
        if (readingIn !== session) folded.rejected = 0;
        readingIn = record.kind === 'intake' ? 0 : session;
        if (record.kind === 'admit') folded.admitted.add(record.id);
        if (record.kind === 'reject') folded.rejected++;
        break;
      }
      case 'intent': {
        const { id, route, call } = record;
        calls[route] = (calls[route] ?? 0) + 1;
        const before = id === undefined ? undefined : outcomes.get(id);
        pending.set(call, { route, id, session, before });
        if (route !== 'cancel' || id === undefined) break;
        sent.set(id, (sent.get(id) ?? 0) + 1);
        outcomes.delete(id);
        break;
      }
      case 'reply': {
        const intent = pending.get(record.call);
        if (intent === undefined) {
          folded.disorder.push(`a reply to call ${record.call}, which has no open intent`);
          break;
        }
        pending.delete(record.call);
        if (record.error !== 'not-sent') break;
        calls[intent.route] = (calls[intent.route] ?? 0) - 1;
        if (intent.route !== 'cancel' || intent.id === undefined) break;
        sent.set(intent.id, (sent.get(intent.id) ?? 0) - 1);
        if (intent.before !== undefined) outcomes.set(intent.id, intent.before);
        break;
      }
      case 'outcome': {
        const { id, outcome } = record;
        const before = outcomes.get(id);
        if (before !== undefined && OUTCOMES[before].final && !retriedIn(session).has(before)) {
          folded.repeated.push(`${id} was ${before} and became ${outcome} in session ${session}`);
        }
        for (const intent of pending.values()) {
          if (intent.route === 'cancel' && intent.id === id && intent.session === session) {
            folded.disorder.push(`${id} is ${outcome} before the reply to its cancel`);
          }
        }
        outcomes.set(id, outcome);
        break;
      }
      case 'close':
        folded.closed = record;
        break;
      default:
        break;
    }
  }
  return folded;
}
