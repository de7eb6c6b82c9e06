import { describeDuration } from '../../duration.ts';
import { EXIT_CODES, type ExitCode, SIGNAL_EXITS, type StopSignal } from '../../exit-codes.ts';
import { unseenTypes } from '../../job/known-names.ts';
import { leftOutWords, toCallCount } from '../../ledger/decisions.ts';
import { needsLook, OUTCOME_NAMES, type Outcome } from '../../ledger/outcomes.ts';
import type { CloseReason, RejectReason } from '../../ledger/record.ts';
import { formatCount, formatTime, plural } from '../format.ts';
import type { SessionSummary } from './ledger-summary.ts';
import type { ForecastFacts } from './plan-summary.ts';
import type { Summary } from './summary.ts';

/** What an outcome means for the reader's mood: done, worth a look, gone wrong, or still on its way. */
export type Tone = 'good' | 'attention' | 'bad' | 'open';

export interface Headline {
  tone: Tone;
  /** Did it work, in a few words. */
  title: string;
  /** What was done, in one sentence. */
  sentence: string;
  /** When it was over, or can be. */
  timing: string;
}

export function headlineOf(summary: Summary): Headline {
  const headline = summary.kind === 'plan' ? planHeadline(summary) : runHeadline(summary);
  if (summary.unseen === 0) return headline;
  const unseen = unseenTypes(summary.unseen);
  return { ...headline, sentence: `${headline.sentence} ${unseen.charAt(0).toUpperCase()}${unseen.slice(1)}.` };
}

function runHeadline(summary: Summary): Headline {
  return { ...titleOf(summary), sentence: runSentence(summary), timing: runTiming(summary) };
}

function titleOf(summary: Summary): { tone: Tone; title: string } {
  if (summary.ledgers.some((ledger) => !ledger.intact)) return { tone: 'bad', title: 'The ledger is damaged' };
  const looks = summary.needsLook + summary.needsRelease;
  switch (summary.reason) {
    case undefined:
      return { tone: 'open', title: workedOnWords(summary) };
    case 'finished':
      if (summary.admitted === 0 && summary.exitCode === 0) return { tone: 'good', title: 'Nothing to cancel' };
      // "Done" says that nothing more will change.
      if (summary.left > 0) return { tone: 'attention', title: 'Finished, and not all of it is final yet' };
      if (looks === 0 && summary.exitCode === 0) return { tone: 'good', title: 'Done. Nothing needs attention' };
      if (looks === 0) return { tone: 'attention', title: 'Done. Some input rows were rejected' };
      return { tone: 'attention', title: 'Done. Some actions need attention' };
    case 'interrupted':
      return { tone: 'open', title: 'Interrupted with work left' };
    case 'halted':
      return { tone: 'bad', title: 'Stopped by a guard' };
    case 'deadline':
      return { tone: 'open', title: 'Out of time with work left' };
    case 'refused':
      return { tone: 'bad', title: 'Credentials or permissions were refused' };
    case 'unreachable':
      return { tone: 'bad', title: 'Defender or sign-in was out of reach' };
    case 'disk':
      return { tone: 'bad', title: 'The ledger could not be written' };
    case 'planned':
      return isRead(summary)
        ? { tone: 'open', title: 'Planned, not started' }
        : { tone: 'bad', title: 'The source was not read to its end' };
  }
}

/** Of runs of which one has no end. */
function workedOnWords({ ledgers }: Summary): string {
  const open = ledgers.filter(({ ended }) => ended === undefined).map(({ holder }) => holder);
  if (open.some((holder) => holder)) return 'Running';
  return open.includes(undefined) ? 'Not over yet' : 'Interrupted, and nobody works on it';
}

function runSentence({ admitted, counts, openBy, needsLook, needsRelease }: Summary): string {
  if (admitted === 0) return 'No action was admitted, so there was nothing to cancel.';
  const parts = [
    `${formatCount(counts.cancelled)} of ${plural(admitted, 'action')} ${were(counts.cancelled)} cancelled`,
  ];
  const over = counts['already-final'];
  if (over > 0) parts.push(`${formatCount(over)} had already finished`);
  const otherwise = counts['ended-otherwise'];
  if (otherwise > 0) parts.push(`${formatCount(otherwise)} ended Failed or TimeOut after the cancel`);
  const kept = counts.excluded + counts.withdrawn;
  if (kept > 0) parts.push(`${formatCount(kept)} ${were(kept)} excluded`);
  if (openBy.accepted > 0) parts.push(`${areCount(openBy.accepted)} accepted and not seen to end yet`);
  if (openBy.inDoubt > 0) parts.push(`${areCount(openBy.inDoubt)} in doubt`);
  if (openBy.again > 0) parts.push(`${areCount(openBy.again)} to be tried again`);
  if (openBy.notCalled > 0) parts.push(`${areCount(openBy.notCalled)} not called yet`);
  if (needsLook > 0) parts.push(`${formatCount(needsLook)} ${needsLook === 1 ? 'needs' : 'need'} review`);
  if (needsRelease > 0) parts.push(`${plural(needsRelease, 'isolation')} may need release`);
  return `${joined(parts)}.`;
}

function runTiming(summary: Summary): string {
  const { firstAtMs, lastAtMs, sessions, left, reason, ledgers, durationMs, generatedAtMs } = summary;
  const worked = sessions.reduce((sum, { openedAtMs, endedAtMs }) => sum + endedAtMs - openedAtMs, 0);
  // What a program is told is of the last sessions.
  const ofLast = sessions.length > ledgers.length ? `, ${describeDuration(durationMs)} of it in the last` : '';
  const ofEach = ofLast !== '' && ledgers.length > 1 ? ' of each ledger' : '';
  const work = `${describeDuration(worked)} of work in ${plural(sessions.length, 'session')}${ofLast}${ofEach}`;
  if (reason === 'finished' && left === 0) return `Finished at ${formatTime(lastAtMs)}, after ${work}.`;
  if (reason === 'finished') {
    return `Last record at ${formatTime(lastAtMs)}, after ${work}; what is not final can be verified later.`;
  }
  const begun = `Begun ${formatTime(firstAtMs)}, last record ${formatTime(lastAtMs)}; ${work}.`;
  const holders = ledgers.flatMap(({ holder }) => holder ?? []);
  const running = holders.map(
    ({ pid, host, since }) => `Process ${pid} on ${host} works on it since ${formatTime(Date.parse(since))}.`,
  );
  return [
    begun,
    ...running,
    ...endWords(summary, holders.length > 0 ? 'Over at' : 'If resumed now: over at', generatedAtMs),
  ].join(' ');
}

/** `If started now: over at 2026-11-26 10:20:00 UTC, in 51 min, 1,230 calls.` */
function endWords({ forecast }: Summary, beginning: string, nowMs: number): string[] {
  if (forecast === undefined) return [];
  if (forecast.calls === 0) return ['What is left needs no call.'];
  return [`${beginning} ${forecastWords(forecast, nowMs)}.`];
}

/** When it is over, how long that is from now, and the calls until then: in these words wherever it is said. */
export function forecastWords(
  { calls, endsAtMs }: Pick<ForecastFacts, 'calls' | 'endsAtMs'>,
  nowMs: number,
  end: (atMs: number) => string = formatTime,
): string {
  return `${end(endsAtMs)}, in ${describeDuration(Math.max(0, endsAtMs - nowMs))}, ${plural(calls, 'call')}`;
}

/** Whether a run of this plan would begin: one that a guard refuses, or that did not come to its end, promises nothing. */
export function canStart(summary: Summary): boolean {
  // Where nothing is admitted, nothing is to be started, however far the source was read.
  const isWhole = summary.admitted === 0 || isRead(summary);
  return summary.reason === 'planned' && summary.plan?.overMaxActions !== true && isWhole;
}

function isRead({ ledgers }: Summary): boolean {
  return ledgers.every(({ isRead }) => isRead);
}

/** Ends that say more than that work is left. */
const SAID_OF_AN_END: readonly (CloseReason | undefined)[] = ['refused', 'deadline', 'unreachable', 'disk'];

/** Why a plan or run stands as it does, in a few words; undefined where its state says it all. */
export function whyItStands(summary: Summary): string | undefined {
  const { kind, reason } = summary;
  const isSaid = kind === 'plan' ? !canStart(summary) || toCancel(summary) === 0 : SAID_OF_AN_END.includes(reason);
  return isSaid ? headlineOf(summary).title : undefined;
}

function planHeadline(summary: Summary): Headline {
  const { plan, admitted } = summary;
  const timing = planTiming(summary);
  if (plan?.overMaxActions) {
    const most = summary.ledgers.at(-1)?.job.maxActions ?? 0;
    const sentence = `The source names ${plural(admitted, 'action')}, and --max-actions allows ${formatCount(most)}: a run would not start, and nothing would be cancelled.`;
    return { tone: 'bad', title: 'More actions than the job allows', sentence, timing };
  }
  if (!canStart(summary)) {
    const sentence = `${plural(admitted, 'action')} ${were(admitted)} admitted, and the plan did not come to its end: it does not say what would be cancelled.`;
    return { ...titleOf(summary), sentence, timing };
  }
  const sentence = planSentence(summary);
  if (toCancel(summary) === 0) {
    const tone = summary.exitCode === 0 ? 'good' : 'attention';
    return { tone, title: 'Nothing to cancel', sentence, timing: 'Nothing was cancelled.' };
  }
  if (summary.exitCode === 0) return { tone: 'good', title: 'Ready to run', sentence, timing };
  return { tone: 'attention', title: 'Ready, but look at the input first', sentence, timing };
}

/** How many actions a run of the plan would call; all of them where nobody has decided. */
function toCancel({ plan, admitted }: Summary): number {
  return plan?.decisions === undefined ? admitted : toCallCount(plan.decisions);
}

function planSentence(summary: Summary): string {
  const { plan, admitted, needsRelease } = summary;
  if (admitted === 0) return 'No action was admitted.';
  const decisions = plan?.decisions;
  const parts = [`${formatCount(toCancel(summary))} of ${plural(admitted, 'action')} would be cancelled`];
  if (decisions !== undefined) parts.push(...leftOutWords(decisions, areCount));
  if (needsRelease > 0) parts.push(`${plural(needsRelease, 'isolation')} had succeeded and may need release`);
  return `${joined(parts)}.`;
}

function planTiming(summary: Summary): string {
  const { forecast, generatedAtMs } = summary;
  if (!canStart(summary)) return 'Nothing was cancelled.';
  const nothing = 'Nothing is sent before it is started.';
  if (forecast === undefined || forecast.calls === 0) return nothing;
  return [...endWords(summary, 'If started now: over at', generatedAtMs), nothing].join(' ');
}

/** `Exit code 3: finished, but …` ; undefined for 0 and for a run that has not ended. */
export function exitMeaning(summary: Summary): string | undefined {
  return summary.exitCode === undefined || summary.exitCode === 0 ? undefined : exitWords(summary.exitCode, summary);
}

/** What an exit code means; a ledger does not say which signal it was. */
export function exitWords(exitCode: ExitCode, { reason, signal }: Pick<Summary, 'reason' | 'signal'>): string {
  if (reason !== 'interrupted' || signal !== undefined) return `Exit code ${exitCode}: ${EXIT_CODES[exitCode].means}`;
  const codes = Object.entries(SIGNAL_EXITS).map(([name, code]) => `${code} after ${name}`);
  return `Interrupted by a signal: exit code ${codes.join(', ')}; the ledger does not say which`;
}

/** What it comes down to in one sentence: the last thing that a report says, because its first lines have scrolled away by then. */
export function verdictOf(summary: Summary): string {
  const { admitted, counts, needsLook, needsRelease, open } = summary;
  const ofAll = `of ${plural(admitted, 'action')}`;
  const planned = canStart(summary) && admitted > 0;
  const done =
    summary.kind === 'plan'
      ? planned
        ? [toCancel(summary) === 0 ? `none ${ofAll}` : `${formatCount(toCancel(summary))} ${ofAll} to cancel`]
        : []
      : [
          `${formatCount(counts.cancelled)} ${ofAll} cancelled`,
          ...(open > 0 ? [`${formatCount(open)} left`] : []),
          ...(needsLook > 0 ? [`${formatCount(needsLook)} to review`] : []),
        ];
  const parts = [...done, ...(needsRelease > 0 ? [`${formatCount(needsRelease)} may need release`] : [])];
  const title = headlineOf(summary).title;
  return parts.length === 0 ? `${title}.` : `${title}: ${joined(parts)}.`;
}

function were(n: number): string {
  return n === 1 ? 'was' : 'were';
}

function areCount(n: number): string {
  return `${formatCount(n)} ${n === 1 ? 'is' : 'are'}`;
}

function joined(parts: readonly string[]): string {
  return parts.length < 2 ? parts.join('') : `${parts.slice(0, -1).join(', ')} and ${parts.at(-1)}`;
}

/** How a session ended, in a word. */
export function sessionEnd({ reason, killed }: SessionSummary): string {
  if (reason !== undefined) return reason;
  return killed ? 'killed' : 'no end recorded';
}

/** What decides how a run ends, whether it is read from a ledger or known at the end of a session. */
export interface Ending {
  /** Of the last session; undefined while it runs, or when it was killed. */
  reason: CloseReason | undefined;
  counts: Readonly<Partial<Record<Outcome, number>>>;
  rejected: Readonly<Partial<Record<RejectReason, number>>>;
  needsRelease: number;
  /** Which signal interrupted it. The ledger does not keep it. @default 'SIGINT' */
  signal?: StopSignal | undefined;
  /** For a plan: IDs that Defender does not know. @default 0 */
  notFound?: number | undefined;
  /** For a plan: more were admitted than `--max-actions` allows. @default false */
  overMaxActions?: boolean | undefined;
}

/** The exit code of a run or a plan; undefined for one that has not ended, as a killed session never says how it ended. */
export function exitCodeOf(ending: Ending): ExitCode | undefined {
  const inputFaults = (ending.rejected['not-an-id'] ?? 0) + (ending.rejected['bad-row'] ?? 0);
  switch (ending.reason) {
    case undefined:
      return undefined;
    case 'planned':
      if (ending.overMaxActions) return 5;
      return inputFaults > 0 || (ending.notFound ?? 0) > 0 ? 3 : 0;
    case 'finished':
      return inputFaults > 0 || ending.needsRelease > 0 || lookCount(ending.counts) > 0 ? 3 : 0;
    case 'interrupted':
      return SIGNAL_EXITS[ending.signal ?? 'SIGINT'];
    case 'refused':
      return 4;
    case 'halted':
      return 5;
    case 'deadline':
    case 'unreachable':
    case 'disk':
      return 6;
  }
}

/** How many of the counted actions somebody must look at. */
export function lookCount(counts: Readonly<Partial<Record<Outcome, number>>>): number {
  let n = 0;
  for (const name of OUTCOME_NAMES) if (needsLook(name)) n += counts[name] ?? 0;
  return n;
}
