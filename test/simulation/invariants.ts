import { checkLedger } from '../../src/ledger/check-ledger.ts';
import type { Disk } from '../../src/ledger/disk.ts';
import { OUTCOME_NAMES, OUTCOMES, type Outcome } from '../../src/ledger/outcomes.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { shareOf } from '../../src/quota/window.ts';
import { outcomesCsv } from '../../src/report/csv.ts';
import { summaryDocument } from '../../src/report/document.ts';
import { summarise } from '../../src/report/summary.ts';
import { readView } from '../../src/report/view-file.ts';
import type { SimDefender, Truth } from './defender.ts';
import type { DurableIntent, LedgerWatch } from './ledger-watch.ts';
import type { SimProcess } from './process.ts';
import type { Scenario } from './scenario.ts';
import type { Sent } from './transport.ts';

/** A rule that did not hold. */
export class Violation extends Error {
  readonly invariant: string;

  constructor(invariant: string, detail: string) {
    super(`${invariant}: ${detail}`);
    this.invariant = invariant;
  }
}

/** What is known of a process that works on a ledger. */
export interface Worker {
  process: SimProcess;
  watch: () => LedgerWatch | undefined;
  retry: ReadonlySet<string>;
  /** The caps of its job hold. */
  limited: boolean;
  /** Its operator takes back what the source no longer names. */
  withdraws: boolean;
  /** What the source named when it was read to its end in this session; undefined when it was not. */
  named: ReadonlySet<string> | undefined;
}

export interface ChecksOptions {
  scenario: Scenario;
  defender: SimDefender;
  now(): number;
  violate(invariant: string, detail: string): void;
  workerOf(process: SimProcess): Worker | undefined;
  /** Who was the last to open a ledger, whichever: all are of one application and in one folder. */
  lastOpener(): SimProcess | undefined;
  /** Whether an action of that truth is outside the job's guards. */
  isExcluded(truth: Truth): boolean;
  /** A wall clock was wrong in a way that no ledger can show: see src/quota/seeds.ts. */
  clockWasSlow(sent: Sent): boolean;
}

/** What must hold whenever something is sent or counted. */
export class Checks {
  readonly #options: ChecksOptions;
  readonly #counted = new Map<string, Sent[]>();
  /** By ledger and action: its last cancel, and whether a lookup of it was sent after that. Another ledger knows nothing of it. */
  readonly #last = new Map<string, { sent: Sent; lookedAt: boolean }>();

  constructor(options: ChecksOptions) {
    this.#options = options;
  }

  onSend(sent: Sent): void {
    const { violate, workerOf, lastOpener } = this.#options;
    const { by, request } = sent;
    const worker = workerOf(by);
    const watch = worker?.watch();
    if (worker === undefined || watch === undefined) {
      violate('intent', `${by.name} sends ${request.route} without a ledger`);
      return;
    }
    const sender = lastOpener();
    if (sender !== by) violate('one sender', `${by.name} sends beside its successor ${sender?.name}`);
    const intent = intentOf(watch, sent);
    if (intent === undefined) {
      violate(
        'intent',
        `${request.route} ${request.id ?? `of ${request.ids.length}`} is sent without a durable intent`,
      );
      return;
    }
    intent.used = true;
    for (const id of request.route === 'cancel' ? [] : [...request.ids, request.id]) {
      const last = this.#last.get(`${watch.run} ${id}`);
      if (last !== undefined) last.lookedAt = true;
    }
    if (request.route === 'cancel') this.#onCancel(sent, worker, watch, intent);
  }

  onCount(sent: Sent): void {
    const { scenario, violate, now, clockWasSlow } = this.#options;
    const key = scenario.routes === 'shared' ? 'all' : sent.request.route;
    const counted = this.#counted.get(key) ?? [];
    this.#counted.set(key, counted);
    counted.push(sent);
    for (const { calls, perMs } of shareOf(scenario.windows, scenario.share)) {
      const first = counted[counted.length - 1 - calls];
      const agoMs = first?.countedAtMs === undefined ? undefined : now() - first.countedAtMs;
      if (agoMs === undefined || agoMs >= perMs) continue;
      if (counted.slice(-1 - calls).some(clockWasSlow)) continue;
      violate('quota', `${calls + 1} calls within ${agoMs} ms, and ${calls} per ${perMs} ms are allowed`);
    }
  }

  #onCancel(sent: Sent, worker: Worker, watch: LedgerWatch, intent: DurableIntent): void {
    const { violate, defender, isExcluded, scenario } = this.#options;
    const { comment, id = '' } = sent.request;
    if (!watch.hasIntake || !watch.hasStart)
      violate('started', `${id} is cancelled before intake and start are durable`);
    if (!watch.agreed.has(id)) violate('admitted', `${id} is cancelled and was not admitted before the start`);
    if (!comment.startsWith(`[countermand ${watch.run.slice(0, 8)}] `)) violate('stamp', `${id}: ${comment}`);
    if (intent.after !== undefined && !worker.retry.has(intent.after)) {
      violate('final', `${id} is cancelled after its final outcome ${intent.after}`);
    }
    if (watch.outcomes.get(id) === 'withdrawn') violate('final', `${id} is cancelled and was withdrawn`);
    if (intent.afterAccepting && worker.retry.size === 0)
      violate('once', `${id} is cancelled again after an accepting answer`);
    const { maxActions } = scenario.guards;
    if (worker.limited && maxActions !== undefined && watch.admitted.size > maxActions)
      violate('cap', `${id} is cancelled, though ${watch.admitted.size} are admitted and ${maxActions} are allowed`);
    // What was or may have been called is not taken back any more.
    const isFirst = ![...watch.intents.values()].some(
      (each) => each !== intent && each.route === 'cancel' && each.id === id,
    );
    if (worker.withdraws && isFirst && worker.retry.size === 0 && worker.named?.has(id) === false)
      violate('withdrawn', `${id} is cancelled, though its source names it no more`);
    const truth = defender.truth.get(id);
    if (truth !== undefined && isExcluded(truth)) violate('guards', `${id} (${truth.type}) is outside the guards`);
    const screened = watch.screened.get(id);
    if (screened?.type === 'Unisolate' && screened.status !== 'NotFound' && scenario.guards.onlyType === false) {
      violate('guards', `${id} is an Unisolate`);
    }
    const last = this.#last.get(`${watch.run} ${id}`);
    const wasLost = last !== undefined && (last.sent.told !== 'answer' || last.sent.spoiled);
    if (wasLost && !last.lookedAt && scenario.reads && !worker.retry.size) {
      violate('in doubt', `${id} is sent again without a look after an answer that was lost`);
    }
    this.#last.set(`${watch.run} ${id}`, { sent, lookedAt: false });
  }
}

/** Of calls for the same, made at the same time, it cannot be told which is which: each takes one. */
function intentOf(watch: LedgerWatch, { request, by }: Sent): DurableIntent | undefined {
  for (const intent of watch.intents.values()) {
    if (intent.by === by && intent.route === request.route && intent.id === request.id && !intent.used) return intent;
  }
  return undefined;
}

/** Whether a worker of this ledger still has actions that a session could settle. */
export function openActions(watch: LedgerWatch): string[] {
  return [...watch.admitted].filter((id) => {
    const outcome = watch.outcomes.get(id);
    return outcome === undefined || !OUTCOMES[outcome].final;
  });
}

export interface FinalOptions {
  scenario: Scenario;
  defender: SimDefender;
  disk: Disk;
  path: string;
  watch: LedgerWatch;
  nowMs: number;
  /** Outcomes that the session with that number was told to try again. */
  retriedIn(session: number): ReadonlySet<string>;
  /** No more faults, and enough sessions: nothing may be open. */
  settled: boolean;
  secrets: Iterable<string>;
  logs: readonly string[];
  isExcluded(truth: Truth): boolean;
  /** The wall clock was set at some time. */
  clockWasWrong: boolean;
}

/** What must hold at the end of a world. Throws a Violation. */
export async function checkEnd(options: FinalOptions): Promise<void> {
  const { disk, path, watch, secrets, logs } = options;
  const checked = await checkLedger({ path, disk });
  if (checked.fault !== undefined) throw new Violation('intact', `line ${checked.fault.line} ${checked.fault.what}`);
  const records = watch.written.map(({ record }) => record);
  if (checked.records !== records.length) {
    throw new Violation('intact', `${checked.records} records are read and ${records.length} were written`);
  }
  const folded = fold(records, options);
  checkTruth(folded, options);
  await checkReports(folded, options);
  const text = `${records.map((record) => JSON.stringify(record)).join('\n')}\n${logs.join('\n')}`;
  for (const secret of secrets) {
    const part = secret.split('.')[1] ?? secret;
    if (text.includes(part)) throw new Violation('secrets', 'a token stands in a record or a log line');
  }
}

interface Folded {
  admitted: Set<string>;
  outcomes: Map<string, Outcome>;
  sent: Map<string, number>;
  rejected: number;
  calls: Record<string, number>;
  closed: Extract<LedgerRecord, { kind: 'close' }> | undefined;
}

/** Reads the records as a stranger would, by the design's words alone. */
function fold(records: readonly LedgerRecord[], { retriedIn }: FinalOptions): Folded {
  const folded: Folded = {
    admitted: new Set(),
    outcomes: new Map(),
    sent: new Map(),
    rejected: 0,
    calls: { cancel: 0, get: 0, list: 0 },
    closed: undefined,
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
        if (intent === undefined)
          throw new Violation('order', `a reply to call ${record.call}, which has no open intent`);
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
          throw new Violation('one outcome', `${id} was ${before} and became ${outcome} in session ${session}`);
        }
        for (const intent of pending.values()) {
          if (intent.route === 'cancel' && intent.id === id && intent.session === session) {
            throw new Violation('order', `${id} is ${outcome} before the reply to its cancel`);
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

function checkTruth({ admitted, outcomes, sent }: Folded, options: FinalOptions): void {
  const { defender, scenario, settled, isExcluded, watch, clockWasWrong } = options;
  const stamp = `[countermand ${watch.run.slice(0, 8)}] `;
  for (const id of admitted) {
    const outcome = outcomes.get(id);
    const truth = defender.at(id);
    const called = sent.get(id) ?? 0;
    if (outcome === undefined || !OUTCOMES[outcome].final) {
      // Without permission to read there is no telling; else a resume, a look or another try settles it.
      if (settled && !(outcome !== undefined && !scenario.reads))
        throw new Violation('settled', `${id} is still ${outcome ?? 'open'}`);
      continue;
    }
    const wrong = (why: string) =>
      new Violation(
        'truth',
        `${id} is ${outcome}, but ${why} (${describe(truth)})\n${recordsOf(watch, id).join('\n')}`,
      );
    const effects = truth?.effects.filter(({ comment }) => comment.startsWith(stamp)).length ?? 0;
    // Accepted while another client's cancel is under way: nobody can tell whose it then was that ended it.
    const accepted = truth?.accepted.some((comment) => comment.startsWith(stamp)) ?? false;
    switch (outcome) {
      case 'cancelled':
        if (!accepted) throw wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Cancelled' || truth.completed) throw wrong('it did not end so');
        break;
      case 'ran-anyway':
        if (!accepted) throw wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Succeeded' && !truth?.completed) throw wrong('it did not run');
        break;
      case 'ended-otherwise':
        if (!accepted) throw wrong('no cancel of ours was accepted');
        if (truth?.status !== 'Failed' && truth?.status !== 'TimeOut') throw wrong('it did not end so');
        break;
      case 'already-final':
        if (effects > 0) throw wrong('a cancel of ours had an effect');
        if (!defender.isFinal(id)) throw wrong('it is open');
        break;
      case 'excluded':
        if (effects > 0) throw wrong('a cancel of ours had an effect');
        if (truth === undefined || !(isExcluded(truth) || truth.type === 'Unisolate'))
          throw wrong('no guard keeps it out');
        break;
      case 'withdrawn':
        if (called > 0) throw wrong('it was called');
        break;
      case 'not-found':
        // What was never looked up is not asked for again when it is too young to be found.
        // Nor where our clock makes it look older than it is.
        if (truth !== undefined && !truth.missingFromList && watch.screened.has(id) && !clockWasWrong)
          throw wrong('Defender knows it');
        if (effects > 0) throw wrong('a cancel of ours had an effect');
        break;
      case 'forbidden':
      case 'failed':
        // Without permission to read nothing tells a refusal from a repetition; nor does a look, while Defender shows no trace of our cancel.
        if (effects > 0 && scenario.reads && showsAtOnce(truth)) throw wrong('a cancel of ours had an effect');
        break;
      default:
        break;
    }
  }
}

async function checkReports(
  { admitted, outcomes, rejected, calls, closed }: Folded,
  options: FinalOptions,
): Promise<void> {
  const { disk, path, nowMs } = options;
  const view = await readView(disk, path);
  const summary = summarise([view], { nowMs });
  const counts = Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
  for (const outcome of outcomes.values()) counts[outcome]++;
  const present = Object.fromEntries(Object.entries(counts).filter(([, n]) => n > 0));
  same('summary.counts', summary.counts, counts);
  same('summary.calls', summary.calls, calls);
  same('summary.admitted', summary.admitted, admitted.size);
  same(
    'summary.rejected',
    Object.values(summary.rejected).reduce((sum, n) => sum + n, 0),
    rejected,
  );
  same('summary.open', summary.open, admitted.size - outcomes.size);
  same('document.counts', summaryDocument(summary).counts, present);
  if (closed !== undefined) same('close.counts', closed.counts, present);
  const rows = [...outcomesCsv([view])].join('').split('\r\n').slice(1);
  const byCsv: Record<string, number> = {};
  for (const row of rows) {
    const name = row.split(',')[1];
    if (name !== undefined && name !== '' && name in counts) byCsv[name] = (byCsv[name] ?? 0) + 1;
  }
  same('csv', byCsv, present);
}

function showsAtOnce(truth: Truth | undefined): boolean {
  return truth?.onCancel.kind !== 'later' || truth.onCancel.stamped;
}

function recordsOf({ written }: LedgerWatch, id: string): string[] {
  const calls = new Set<number>();
  return written.flatMap(({ record }) => {
    const isIts = 'id' in record && record.id === id;
    if (isIts && record.kind === 'intent') calls.add(record.call);
    if (!isIts && !('call' in record && calls.has(record.call))) return [];
    return [`    ${JSON.stringify(record)}`];
  });
}

function same(what: string, is: unknown, wanted: unknown): void {
  const text = (value: unknown) =>
    typeof value === 'object' && value !== null ? JSON.stringify(Object.entries(value).sort()) : JSON.stringify(value);
  if (text(is) !== text(wanted))
    throw new Violation('reports', `${what} is ${text(is)} and the ledger says ${text(wanted)}`);
}

function describe(truth: Truth | undefined): string {
  if (truth === undefined) return 'unknown to Defender';
  const { type, status, effects, calls, completed, onCancel } = truth;
  return `${type} ${status}${completed ? ' completed' : ''}, ${effects.length} effects of ${calls} calls, ${JSON.stringify(onCancel)}`;
}
