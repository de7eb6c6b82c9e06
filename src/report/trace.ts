import type { LedgerRecord, RejectReason, Route } from '../ledger/record.ts';

/** What a report needs of a ledger beyond its book: what happened when. Built by streaming the records once. */
export interface Trace {
  /** Calls by the clock minute (epoch ms) of their intent, those that were not sent left out. */
  readonly minutes: ReadonlyMap<number, Readonly<Record<Route, number>>>;
  readonly pauses: readonly TracedPause[];
  /** Rejected rows of the last reading of the source, the first {@link REJECTS_KEPT} of them. */
  readonly rejects: readonly TracedReject[];
  /** Wall clock of the first cancel call of each action that was called, epoch ms. */
  readonly firstSentAtMs: ReadonlyMap<string, number>;
  /** Answers by HTTP status, or by error for those without. */
  readonly answers: ReadonlyMap<string, number>;
}

export interface TracedPause {
  atMs: number;
  untilMs: number;
  reason: string;
}

export interface TracedReject {
  line: number;
  reason: RejectReason;
  text: string;
}

/** A report lists this many rejected rows; the ledger has them all. */
export const REJECTS_KEPT = 1000;

/**
 * Follows the records up to `lastSeq`, so that a ledger which grows meanwhile gives the same numbers as the book that
 * was read before.
 */
export async function traceRecords(
  records: AsyncIterable<LedgerRecord> | Iterable<LedgerRecord>,
  lastSeq = Number.POSITIVE_INFINITY,
): Promise<Trace> {
  const tracer = createTracer();
  for await (const record of records) {
    if (record.seq > lastSeq) break;
    tracer.add(record);
  }
  return tracer.trace;
}

export interface Tracer {
  add(record: LedgerRecord): void;
  readonly trace: Trace;
}

export function createTracer(): Tracer {
  const minutes = new Map<number, Record<Route, number>>();
  const pauses: TracedPause[] = [];
  let rejects: TracedReject[] = [];
  const firstSentAtMs = new Map<string, number>();
  const answers = new Map<string, number>();
  const inFlight = new Map<number, { minute: number; route: Route; id: string | undefined; first: boolean }>();
  let readingEnded = false;

  const beginReading = () => {
    if (!readingEnded) return;
    rejects = [];
    readingEnded = false;
  };

  const add = (record: LedgerRecord) => {
    switch (record.kind) {
      case 'admit':
        beginReading();
        break;
      case 'reject':
        beginReading();
        if (rejects.length < REJECTS_KEPT) rejects.push(rejectOf(record));
        break;
      case 'intake':
        beginReading();
        readingEnded = true;
        break;
      case 'open':
        // A reading that a killed session left open is begun again from the source's first line.
        if (!readingEnded) rejects = [];
        break;
      case 'intent': {
        const atMs = Date.parse(record.at);
        const minute = Math.floor(atMs / 60_000) * 60_000;
        countCall(minutes, minute, record.route, 1);
        const first = record.route === 'cancel' && record.id !== undefined && !firstSentAtMs.has(record.id);
        if (first && record.id !== undefined) firstSentAtMs.set(record.id, atMs);
        inFlight.set(record.call, { minute, route: record.route, id: record.id, first });
        break;
      }
      case 'reply': {
        const call = inFlight.get(record.call);
        inFlight.delete(record.call);
        if (record.error === 'not-sent') {
          if (call === undefined) break;
          countCall(minutes, call.minute, call.route, -1);
          if (call.first && call.id !== undefined) firstSentAtMs.delete(call.id);
          break;
        }
        const answer = record.http === undefined ? (record.error ?? 'no answer') : String(record.http);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
        break;
      }
      case 'pause':
        pauses.push({ atMs: Date.parse(record.at), untilMs: Date.parse(record.until), reason: record.reason });
        break;
      default:
        break;
    }
  };

  return {
    add,
    get trace() {
      return { minutes, pauses, rejects, firstSentAtMs, answers };
    },
  };
}

function rejectOf({ line, reason, text }: TracedReject): TracedReject {
  return { line, reason, text };
}

function countCall(minutes: Map<number, Record<Route, number>>, minute: number, route: Route, by: number): void {
  let entry = minutes.get(minute);
  if (entry === undefined) {
    entry = { cancel: 0, get: 0, list: 0 };
    minutes.set(minute, entry);
  }
  entry[route] += by;
}
