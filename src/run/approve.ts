import { type CallOrder, chooseOrder, orderTrouble } from '../engine/order.ts';
import { type Change, countDecisions, SCREEN_AT_MOST } from '../engine/screen-all.ts';
import type { EngineParts, Stop } from '../engine/session.ts';
import { UsageError } from '../errors.ts';
import { wordsToRepeat } from '../job/from-ledger.ts';
import { unseenTypes } from '../job/known-names.ts';
import { leftOutWords, toCallCount } from '../ledger/decisions.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { OUTCOMES, type Outcome } from '../ledger/outcomes.ts';
import type { Action } from '../ledger/state/run-state.ts';
import type { Quota } from '../quota/quota.ts';
import { forecastWords } from '../report/facts/headline.ts';
import { commandLine, ledgerSource } from '../report/facts/next-steps.ts';
import { type ForecastFacts, forecastFacts } from '../report/facts/plan-summary.ts';
import type { TracedReject } from '../report/facts/view.ts';
import { formatEnd, plural } from '../report/format.ts';
import { styled } from '../styled.ts';
import type { Connected } from './assemble.ts';
import type { Console } from './console.ts';
import { lookUpList } from './look-up-list.ts';
import type { Machine } from './machine.ts';
import { questionText, tenantShort, tokenTrouble } from './question.ts';
import { forecastInput, workLeft } from './run-forecast.ts';

const CHANGES_SHOWN = 20;

export interface ApproveOptions {
  yes: boolean;
  /** Look up everything again, whatever its age, and tell what changed: what was reviewed may be old. */
  anew: boolean;
  /** Taken back by the user, and so not counted. */
  without: ReadonlySet<string>;
  /** Actions with a final outcome that are called once more. */
  retry: ReadonlySet<string>;
  /** Rows of the source that were rejected, the first of them. */
  rejects: readonly TracedReject[];
}

/**
 * Looks the list up, says what would be done, and asks. Writes the `start` record when it may begin, and resolves to the order of the calls.
 * Throws a UsageError when the answer is no: nothing was sent, and the ledger stays as a plan.
 */
export async function approve(
  { engine, quota, sender, warnings }: Connected,
  { yes, anew, without, retry, rejects }: ApproveOptions,
  console: Console & Pick<Machine, 'storeWords'>,
): Promise<CallOrder> {
  const { say } = console;
  const { ledger, job, stop, clock } = engine;
  const { changes, notLookedUp } = await lookUpList({ engine, quota }, anew, console);
  showChanges(changes, say);
  const counted = countDecisions(engine, without);
  const { total, by: counts, typesToCancel, unseen } = counted;
  const count = toCallCount(counts);
  for (const sentence of warnings(typesToCancel)) say(`warning: ${sentence}\n`);
  if (unseen > 0) say(`warning: ${unseenTypes(unseen)}\n`);

  const order = await chooseOrderAloud(engine, retry, say);
  if (notLookedUp > 0) {
    say(`${notLookedUp} actions are beyond the first ${SCREEN_AT_MOST} and were not looked up yet.\n`);
  }
  const out = leftOutWords(counts);
  if (count > 0) {
    const forecast = forecastNow(engine, quota, order, without);
    const firstRejected = rejects.find(({ reason }) => reason !== 'duplicate')?.line;
    const plan = { counted, count, order, forecast, firstRejected };
    const facts = { job, state: ledger.state, sender, ...plan, nowMs: clock.wallMs(), yes };
    say(styled(questionText(facts, console.terminal)));
    const trouble = tokenTrouble(sender, forecast);
    if (trouble !== undefined) say(`warning: ${trouble}\n`);
  } else if (out.length > 0) say(`Of ${total} ${actions(total)}: ${out.join(', ')}.\n`);
  const question = `Cancel ${plural(count, 'action')} in tenant ${tenantShort(sender)}?`;
  if (count === 0) say('Nothing is left to cancel.\n');
  else if (yes) say(`${question} yes (--yes)\n`);
  else if (!(await console.ask(question, stop.signal))) {
    stop.signal.throwIfAborted();
    const again = commandLine('run', ledgerSource(ledger.name), ...console.storeWords, ...wordsToRepeat(job));
    throw new UsageError(`not confirmed, so nothing was cancelled; the list is kept, and \`${again}\` asks again`);
  }
  await ledger.start({ by: yes ? 'yes' : 'question', count, order: order.by });
  return order;
}

/** What a session goes on with that was approved before. */
export function sayGoesOn({ engine, quota, sender }: Connected, order: CallOrder, say: Console['say']): void {
  const { ledger, clock } = engine;
  const forecast = forecastNow(engine, quota, order, new Set());
  if (forecast.calls === 0) return;
  const { leftCount } = ledger.state;
  say(`Going on with ${plural(leftCount, 'action')}: over at ${forecastWords(forecast, clock.wallMs(), formatEnd)}.\n`);
  const trouble = tokenTrouble(sender, forecast);
  if (trouble !== undefined) say(`warning: ${trouble}\n`);
}

function forecastNow(
  { ledger: { state }, job, clock, gate }: EngineParts,
  quota: Pick<Quota, 'left'>,
  { asked, by }: CallOrder,
  without: ReadonlySet<string>,
): ForecastFacts {
  const work = workLeft(state, job, without);
  const quotaNow = { windows: quota.left(), nowMs: clock.monotonicMs(), notBeforeMs: gate.pause?.untilMs };
  const order = { asked, by, cancels: work.toCall };
  return forecastFacts(forecastInput(work, state, job, quotaNow), clock.wallMs(), order);
}

/** As {@link chooseOrder}, and says where it is not the one that was asked for. */
export async function chooseOrderAloud(
  engine: EngineParts,
  retry: ReadonlySet<string>,
  say: Console['say'],
): Promise<CallOrder> {
  const order = await chooseOrder(engine, retry);
  const trouble = orderTrouble(order);
  if (trouble !== undefined) say(`warning: ${trouble}\n`);
  return order;
}

/** Shows what became of the first N, and asks; with `--yes` the outcomes are the answer. */
export async function approveAfterFirstBatch(
  first: readonly Action[],
  { yes, stop }: { yes: boolean; stop: Stop },
  console: Console,
): Promise<boolean> {
  const { say } = console;
  const counts = new Map<Outcome | 'open', number>();
  for (const { outcome } of first) {
    const name = outcome?.outcome ?? 'open';
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const message = [...counts].map(([name, n]) => `${n} ${name}`).join(', ');
  say(`\nThe first ${first.length}: ${message}\n`);
  for (const { id, outcome, screen } of first) {
    if (outcome !== undefined && !OUTCOMES[outcome.outcome].good) {
      say(`  ${id}  ${screen?.computer ?? ''}  ${outcome.outcome}${outcome.detail ? `: ${outcome.detail}` : ''}\n`);
    }
  }
  if (yes) return [...counts.keys()].every((name) => name !== 'open' && OUTCOMES[name].good);
  const goOn = await console.ask('Cancel the rest?', stop.signal);
  stop.signal.throwIfAborted();
  return goOn;
}

/** Throws a UsageError where nobody could answer. */
export function requireAnswer({ canAsk }: Pick<Console, 'canAsk'>, yes: boolean): void {
  if (yes || canAsk()) return;
  throw new UsageError('no terminal to confirm on, so nothing was sent: give --yes to cancel without a question');
}

function actions(n: number): string {
  return n === 1 ? 'action' : 'actions';
}

function showChanges(changes: readonly Change[], say: (text: string) => void): void {
  if (changes.length === 0) return;
  say(`Changed since they were last looked up:\n`);
  for (const { id, computer, was, now } of changes.slice(0, CHANGES_SHOWN)) {
    say(`  ${id}  ${computer ?? ''}  was ${was}, now ${now}\n`);
  }
  if (changes.length > CHANGES_SHOWN) say(`  and ${changes.length - CHANGES_SHOWN} more\n`);
}

export type MissingAnswer = 'withdraw' | 'keep' | undefined;

/**
 * Open actions that the source no longer names, of those that were not called yet. Asks what to do with them, and returns
 * those to be withdrawn. Throws a UsageError where nobody can say: an ID that was taken out of a list must not be called by mistake.
 */
export async function decideMissing(
  ledger: Ledger,
  answer: MissingAnswer,
  console: Pick<Console, 'canAsk' | 'ask'>,
  signal: AbortSignal,
): Promise<Action[]> {
  const missing = [...ledger.state.missing()].filter(({ sent, outcome }) => sent === 0 && outcome === undefined);
  if (missing.length === 0 || answer === 'keep') return [];
  if (answer === 'withdraw') return missing;
  const what = `${missing.length} open ${missing.length === 1 ? 'action is' : 'actions are'} no longer in the source`;
  if (!console.canAsk()) {
    throw new UsageError(
      `${what}, and nothing was sent: use --withdraw-missing to skip them, or --keep-missing to cancel them anyway`,
    );
  }
  const withdraw = await console.ask(`${what}. Skip them?`, signal);
  signal.throwIfAborted();
  if (withdraw) return missing;
  if (await console.ask(`Cancel them anyway?`, signal)) return [];
  throw new UsageError(`${what}: nothing was sent. Re-run with --withdraw-missing or --keep-missing`);
}

/** Takes those back that were not yet; after a `start` only, as all outcomes. */
export async function withdraw(ledger: Ledger, actions: readonly Action[]): Promise<void> {
  const detail = 'no longer in the source';
  const open = actions.filter(({ outcome }) => outcome === undefined);
  await Promise.all(open.map(({ id }) => ledger.outcome({ id, outcome: 'withdrawn', attempts: 0, detail })));
}
