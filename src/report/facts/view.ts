import type { RecordSink } from '../../ledger/read-ledger.ts';
import type { LedgerRecord, RejectReason, Route } from '../../ledger/record.ts';
import type { ChainFault } from '../../ledger/scanner.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import type { Action, RunState } from '../../ledger/state/run-state.ts';

/** One ledger as the reports see it. */
export interface LedgerView {
  /** As it was named by the user. */
  path: string;
  state: RunState;
  trace: Trace;
  /** The last chain value. */
  head: string;
  /** False when the file does not fit its chain; what stands before the fault is still reported. */
  intact: boolean;
  /** The first line that does not fit, where one does not. */
  fault?: ChainFault | undefined;
  /** What is wrong with it, or worth knowing (a torn last line). */
  integrityNote?: string | undefined;
}

/** A process that works on a ledger. */
export interface Holder {
  pid: number;
  host: string;
  /** ISO time, by its own clock. */
  since: string;
}

/** An action of the merged ledgers, and which of them had the last word on it. */
export interface MergedAction {
  action: Action;
  view: LedgerView;
}

/** Closed as planned and never started: its actions were looked up, and nothing is settled. */
export function isPlan({ state }: LedgerView): boolean {
  return state.start === undefined && state.sessions.at(-1)?.closed?.reason === 'planned';
}

/** Nobody can go on with it: it is finished, damaged, a copy for others to see, or nothing was begun. */
export function isOver({ state, intact }: LedgerView): boolean {
  const last = state.sessions.at(-1);
  const isCopy = state.sessions[0]?.opened.redacted === true;
  return !intact || isCopy || last === undefined || last.closed?.reason === 'finished';
}

/**
 * Copies of one run are one ledger: the longest is kept, so that no call is counted twice.
 * The order of the others stays as given.
 */
export function distinctRuns(views: readonly LedgerView[]): LedgerView[] {
  const longest = new Map<string, LedgerView>();
  for (const view of views) {
    const other = longest.get(view.state.run);
    if (other === undefined || other.state.lastSeq < view.state.lastSeq) longest.set(view.state.run, view);
  }
  return views.filter((view) => longest.get(view.state.run) === view);
}

/** Every action once, with its latest outcome, in the order of admission. */
export function* mergedActions(views: readonly LedgerView[]): Generator<MergedAction> {
  for (const [index, view] of views.entries()) {
    // By value: pairs of all IDs at once would cost a large ledger megabytes for each table.
    for (const action of view.state.actions.values()) {
      const { id } = action;
      if (views.length === 1) {
        yield { action, view };
        continue;
      }
      // The first ledger that names an action gives it its place; the one with the last word gives the rest.
      if (views.slice(0, index).some((earlier) => earlier.state.actions.has(id))) continue;
      let best: MergedAction = { action, view };
      for (const later of views.slice(index + 1)) {
        const other = later.state.actions.get(id);
        if (other !== undefined && isLater(other, best.action)) best = { action: other, view: later };
      }
      yield best;
    }
  }
}

/** An outcome beats none; between two outcomes, or two actions without one, the later word counts. */
function isLater(a: Action, b: Action): boolean {
  if ((a.outcome === undefined) !== (b.outcome === undefined)) return a.outcome !== undefined;
  return lastWordMs(a) > lastWordMs(b);
}

function lastWordMs(action: Action): number {
  if (action.outcome !== undefined) return action.outcome.atMs;
  return Math.max(action.last?.intentAtMs ?? 0, action.last?.repliedAtMs ?? 0, action.screen?.atMs ?? 0);
}

/** What a report needs of a ledger beyond its state: what happened when. Built by streaming the records once. */
export interface Trace {
  /** Calls by the clock minute (epoch ms) of their intent, those that were not sent left out. */
  readonly minutes: ReadonlyMap<number, Readonly<Record<Route, number>>>;
  /** Rejected rows of the last reading of the source, the first thousand of them. */
  readonly rejects: readonly TracedReject[];
  /** Answers by HTTP status, or by error for those without. */
  readonly answers: ReadonlyMap<string, number>;
  /** The last session asked for devices and was not shown them: it went by the source's order. */
  readonly devicesUnread: boolean;
}

export interface TracedReject {
  line: number;
  reason: RejectReason;
  text: string;
}

/** A report lists this many rejected rows; the ledger has them all. */
const REJECTS_KEPT = 1000;

export interface Tracer extends RecordSink {
  /** Goes on with what is added. */
  readonly trace: Trace;
}

export function createTracer(): Tracer {
  const minutes = new Map<number, Record<Route, number>>();
  let rejects: TracedReject[] = [];
  const answers = new Map<string, number>();
  const inFlight = new Map<number, { minute: number; route: Route }>();
  let session = 0;
  let devicesUnread = false;
  /** The session whose reading the rejects belong to; 0 once that reading has ended. */
  let readingSession = 0;

  // A reading begins with its first record after the end of another, or in a later session: as the run's state counts them.
  const reads = () => {
    if (readingSession === session) return;
    readingSession = session;
    rejects = [];
  };

  const add = (record: LedgerRecord, atMs: number) => {
    switch (record.kind) {
      case 'admit':
        reads();
        break;
      case 'reject':
        reads();
        if (rejects.length < REJECTS_KEPT) rejects.push(rejectOf(record));
        break;
      case 'intake':
        reads();
        readingSession = 0;
        break;
      case 'open':
        session = record.session;
        devicesUnread = false;
        break;
      case 'intent': {
        const minute = Math.floor(atMs / 60_000) * 60_000;
        countCall(minutes, minute, record.route, 1);
        inFlight.set(record.call, { minute, route: record.route });
        break;
      }
      case 'reply': {
        const call = inFlight.get(record.call);
        inFlight.delete(record.call);
        if (record.error === 'not-sent') {
          if (call !== undefined) countCall(minutes, call.minute, call.route, -1);
          break;
        }
        // A 404 says that there are no more of them.
        if (call?.route === 'machines')
          devicesUnread = record.error !== undefined || !(record.http === 200 || record.http === 404);
        const answer = record.http === undefined ? (record.error ?? 'no answer') : String(record.http);
        answers.set(answer, (answers.get(answer) ?? 0) + 1);
        break;
      }
      default:
        break;
    }
  };

  return {
    add,
    admitted: reads,
    restart: () => {
      for (const each of [minutes, answers, inFlight]) each.clear();
      rejects = [];
      session = 0;
      readingSession = 0;
      devicesUnread = false;
    },
    get trace() {
      return { minutes, rejects, answers, devicesUnread };
    },
  };
}

function rejectOf({ line, reason, text }: TracedReject): TracedReject {
  return { line, reason, text };
}

function countCall(minutes: Map<number, Record<Route, number>>, minute: number, route: Route, by: number): void {
  let entry = minutes.get(minute);
  if (entry === undefined) {
    entry = noCalls();
    minutes.set(minute, entry);
  }
  entry[route] += by;
}
