import PQueue from 'p-queue';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { CountermandError, HaltError } from '../errors.ts';
import { unseenTypes } from '../job/unseen-types.ts';
import type { Action } from '../ledger/book.ts';
import { cancelAction } from './cancel-action.ts';
import type { Next } from './cancel-rule.ts';
import { makeConfirmer } from './confirmer.ts';
import { closeReasonOf } from './ending.ts';
import { makeFailureGuard } from './failure-guard.ts';
import { makeForbiddenStreak } from './forbidden-streak.ts';
import { refuseUnseen } from './guards.ts';
import { type Entry, makeLine } from './line.ts';
import { makeLookupDesk } from './lookup-desk.ts';
import type { Found } from './lookups.ts';
import type { Verdict } from './outcome-rules.ts';
import type { EngineParts } from './parts.ts';
import { countDecisions } from './screen-all.ts';
import { makeScreening, refuseUnread } from './screening.ts';
import { stampOf } from './stamp.ts';
import { type Turn, turnOf } from './turn.ts';

export interface CancelAllOptions {
  /** Actions with a final outcome that are to be tried once more. */
  retry?: ReadonlySet<string> | undefined;
  /** Shows what became of the first N (`--first`) and says whether the rest is to be called. */
  goOn(first: readonly Action[]): Promise<boolean>;
}

/** Actions taken from the line at a time, at most, when none of them needs a lookup. */
const CHUNK = 1000;

/**
 * Takes every open action of the ledger to an outcome. Actions come in source order, a hundred screened just ahead of the workers,
 * which take them through slot, call and answer; accepted ones are confirmed alongside. Resolves when all is done and
 * confirmed. Rejects with what stopped it, or the stop signal's reason, once everything in flight has ended.
 */
export async function cancelAll(parts: EngineParts, options: CancelAllOptions): Promise<void> {
  const { job, ledger, lookups, clock, stop } = parts;
  const { book } = ledger;
  const { signal } = stop;
  const stamp = stampOf(book.run);
  const retry = options.retry ?? new Set<string>();
  const queue = new PQueue({ concurrency: job.concurrency });
  const line = makeLine(book, retry);
  const screening = makeScreening(parts);
  const guard = makeFailureGuard(job.guards.maxFailures, book);

  const timesPutBack = new Map<string, number>();

  let failure: { error: unknown } | undefined;
  /** The first error stays; it ends all waits, and nothing new is begun. */
  const fail = (error: unknown) => {
    failure ??= { error };
    stop.request({
      close: closeReasonOf(error) ?? 'interrupted',
      error: error instanceof CountermandError ? error : undefined,
    });
    queue.clear();
  };

  /** Nothing is left to be called: a guard against more of the same has nothing to stop any more. */
  let allCalled = false;
  const settle = async (id: string, verdict: Verdict) => {
    const attempts = book.actions.get(id)?.sent ?? 0;
    await ledger.outcome({ id, ...verdict, attempts });
    if (attempts > 0) guard.settled(id, verdict.outcome);
  };
  const streak = makeForbiddenStreak(parts, async (id, verdict) => {
    if (allCalled) await ledger.outcome({ id, ...verdict, attempts: book.actions.get(id)?.sent ?? 0 });
    else await settle(id, verdict);
  });
  const confirmer = makeConfirmer({
    lookups,
    clock,
    signal,
    confirmForMs: job.confirmForMs,
    stamp,
    settle,
    onError: fail,
  });
  const desk = makeLookupDesk(lookups, clock, signal);
  const helpers = { screening, desk, confirmer, streak, accepted: guard.accepted, settle };

  /** Hands an action to a worker as soon as one is near. */
  async function begin(action: Action, next: Next): Promise<void> {
    const attempt = next.next === 'again' ? next.attempt : (action.last?.attempt ?? 1);
    // A call of an earlier session that seems to come from the future (a clock was set back) counts as sent now.
    const sentAgoMs = action.last === undefined ? 0 : Math.max(0, clock.wallMs() - action.last.intentAtMs);
    const lastSentMs = clock.monotonicMs() - sentAgoMs;
    const work = async () => {
      const times = timesPutBack.get(action.id) ?? 0;
      const worked = await cancelAction(parts, helpers, action, { next, attempt, lastSentMs, timesPutBack: times });
      if (worked.done) return;
      timesPutBack.set(action.id, times + 1);
      line.putBack(action, worked.attempt);
    };
    queue.add(work).catch(fail);
    await queue.onSizeLessThan(job.concurrency);
  }

  const turn = ({ action, attempt }: Entry, shown: ReadonlyMap<string, Found>): Turn =>
    turnOf(action, screening, {
      guards: job.guards,
      canRead: lookups.canRead,
      retried: retry.has(action.id),
      attempt,
      found: shown.get(action.id),
      stamp,
    });

  /** What needs a lookup is looked up together, then each action has its turn. Returns how many more were begun. */
  async function serve(entries: readonly Entry[], most: number): Promise<number> {
    const nothing = new Map<string, Found>();
    const toLook = entries.filter((entry) => turn(entry, nothing).turn === 'look').map(({ action }) => action);
    const shown = toLook.length === 0 ? nothing : await screening.look(toLook, signal);
    const settling: Promise<void>[] = [];
    const later: Entry[] = [];
    let begun = 0;
    try {
      for (const entry of entries) {
        signal.throwIfAborted();
        const what = turn(entry, shown);
        if (what.turn === 'settle') {
          const settled = settle(entry.action.id, what.verdict);
          // Nobody waits for it before the end of the loop, which may be an hour away.
          settled.catch(fail);
          settling.push(settled);
        }
        // What was known at the start of this loop has become too old since.
        if (what.turn === 'look') {
          if (entry.attempt === undefined) later.push(entry);
          else line.putBack(entry.action, entry.attempt);
        }
        if (what.turn !== 'work') continue;
        const isNew = entry.attempt === undefined && what.next.next === 'again';
        if (isNew && begun >= most) {
          later.push(entry);
          continue;
        }
        if (isNew) begun++;
        await begin(entry.action, what.next);
      }
    } finally {
      // Together, so that they share their syncs.
      await Promise.all(settling);
    }
    line.holdOver(later);
    return begun;
  }

  /** Feeds the workers until the line is empty, or `most` actions were begun and have ended. */
  async function feed(most: number): Promise<void> {
    let begun = 0;
    for (;;) {
      const enough = (taken: readonly Entry[]) => {
        const last = taken.at(-1);
        if (last !== undefined && turn(last, new Map()).turn === 'look') looks++;
        return taken.length >= CHUNK || looks >= LOOKUP_SIZE;
      };
      let looks = 0;
      const entries = begun < most ? line.take(enough) : line.takeBegun(enough);
      if (entries.length > 0) {
        begun += await serve(entries, most - begun);
        continue;
      }
      await queue.onIdle();
      signal.throwIfAborted();
      if (!line.hasBegun) return;
    }
  }

  /** Until every action that was begun has its outcome. */
  async function finish(): Promise<void> {
    await streak.broken();
    await confirmer.drain();
    signal.throwIfAborted();
  }

  async function tryTheFirst(first: number): Promise<void> {
    if (calledOf(book).length > first) return;
    await feed(first - calledOf(book).length);
    await finish();
    const called = calledOf(book);
    if (line.isEmpty || (await options.goOn(called))) return;
    throw new HaltError(
      `stopped after the first ${called.length} (--first): look at what became of them, then resume to cancel the rest ` +
        '(with --first 0 to go on without this check)',
    );
  }

  try {
    refuseUnseen(job);
    refuseUnread(parts);
    const { unseen } = countDecisions(parts);
    if (unseen > 0) parts.log.warn(unseenTypes(unseen));
    if (job.guards.first) await tryTheFirst(job.guards.first);
    await feed(Number.POSITIVE_INFINITY);
    allCalled = true;
    await finish();
  } catch (error) {
    fail(error);
  }
  await queue.onIdle();
  await confirmer.ended();
  if (failure !== undefined) throw failure.error;
}

function calledOf(book: EngineParts['ledger']['book']): Action[] {
  return [...book.actions.values()].filter(({ sent }) => sent > 0);
}
