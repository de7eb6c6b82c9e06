import { describeDuration } from '../../duration.ts';
import { EXIT_CODES } from '../../exit-codes.ts';
import { unseenTypes } from '../../job/unseen-types.ts';
import { leftOutWords, toCallCount } from '../../ledger/decisions.ts';
import { formatCount, formatTime, plural } from '../format.ts';
import type { LedgerSummary, SessionSummary } from './ledger-summary.ts';
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
      return { tone: 'open', title: 'Not over yet' };
    case 'finished':
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
      return { tone: 'open', title: 'Planned, not started' };
  }
}

function runSentence({ admitted, counts, left, needsLook, needsRelease }: Summary): string {
  if (admitted === 0) return 'No action was admitted, so there was nothing to cancel.';
  const parts = [
    `${formatCount(counts.cancelled)} of ${plural(admitted, 'action')} ${were(counts.cancelled)} cancelled`,
  ];
  const over = counts['already-final'] + counts['ended-otherwise'];
  if (over > 0) parts.push(`${formatCount(over)} had already finished`);
  const kept = counts.excluded + counts.withdrawn;
  if (kept > 0) parts.push(`${formatCount(kept)} ${were(kept)} excluded`);
  if (left > 0) parts.push(`${areCount(left)} not final yet`);
  if (needsLook > 0) parts.push(`${formatCount(needsLook)} ${needsLook === 1 ? 'needs' : 'need'} review`);
  if (needsRelease > 0) parts.push(`${plural(needsRelease, 'isolation')} may need release`);
  return `${joined(parts)}.`;
}

function runTiming(summary: Summary): string {
  const { firstAtMs, lastAtMs, sessions, left, reason, remainingMs } = summary;
  const worked = sessions.reduce((sum, { openedAtMs, endedAtMs }) => sum + endedAtMs - openedAtMs, 0);
  const work = `${describeDuration(worked)} of work in ${plural(sessions.length, 'session')}`;
  if (reason === 'finished' && left === 0) return `Over at ${formatTime(lastAtMs)}, after ${work}.`;
  if (reason === 'finished') {
    return `Last call ended at ${formatTime(lastAtMs)}, after ${work}; what is not final can be verified later.`;
  }
  const quota = remainingMs > 0 ? `at least ${describeDuration(remainingMs)} more under the quota` : 'minutes more';
  return `Begun ${formatTime(firstAtMs)}, last record ${formatTime(lastAtMs)}; ${work}. What is left takes ${quota}.`;
}

/** Whether a run of this plan would begin: one that a guard refuses, or that did not come to its end, promises nothing. */
export function canStart({ plan, reason }: Summary): boolean {
  return reason === 'planned' && plan?.overMaxActions !== true;
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
  if (summary.exitCode === 0) return { tone: 'good', title: 'Ready to run', sentence, timing };
  return { tone: 'attention', title: 'Ready, but look at the input first', sentence, timing };
}

function planSentence({ plan, admitted, needsRelease }: Summary): string {
  if (admitted === 0) return 'No action was admitted.';
  const decisions = plan?.decisions;
  const toCall = decisions === undefined ? admitted : toCallCount(decisions);
  const parts = [`${formatCount(toCall)} of ${plural(admitted, 'action')} would be cancelled`];
  if (decisions !== undefined) parts.push(...leftOutWords(decisions, areCount));
  if (needsRelease > 0) parts.push(`${plural(needsRelease, 'isolation')} had succeeded and may need release`);
  return `${joined(parts)}.`;
}

function planTiming(summary: Summary): string {
  const forecast = summary.plan?.forecast;
  if (!canStart(summary)) return 'Nothing was cancelled.';
  if (forecast === undefined || forecast.calls === 0) return 'Nothing is sent before it is started.';
  const takes = describeDuration(forecast.endsAtMs - forecast.startsAtMs);
  return `If started now: over by ${formatTime(forecast.endsAtMs)}, ${takes} for ${plural(forecast.calls, 'call')}. Nothing is sent before it is started.`;
}

/** One thing to do next: a sentence, and the command that does it, ready to paste. */
export interface Step {
  text: string;
  command?: string;
}

/** Where the lists were written, those that were. */
export interface ListFiles {
  failed?: string | undefined;
  needsRelease?: string | undefined;
}

/** What to do next, in order. Nothing to do is an empty list. */
export function nextSteps(summary: Summary, files?: ListFiles): Step[] {
  return [...carryOn(summary), ...lookAt(summary, files)];
}

function carryOn(summary: Summary): Step[] {
  const { counts, reason } = summary;
  if (summary.kind === 'plan') {
    if (summary.plan?.overMaxActions) return [{ text: 'Shorten the list, or raise --max-actions, and plan again.' }];
    if (!canStart(summary)) return [{ text: 'See what stopped it, and plan again.' }];
    return summary.ledgers
      .filter(() => summary.admitted > 0)
      .map((ledger) => ({
        text: 'Start exactly this plan',
        command: onLedger('run', ledger, '--head', ledger.head),
      }));
  }
  const steps: Step[] = [];
  if (reason === undefined) {
    for (const ledger of openLedgers(summary)) {
      steps.push({ text: 'Unless it still runs, go on with it', command: onLedger('resume', ledger) });
    }
  } else if (reason !== 'finished') {
    for (const ledger of openLedgers(summary)) {
      steps.push({ text: 'Go on with what is left', command: onLedger('resume', ledger) });
    }
  } else if (counts.unconfirmed + counts.unknown > 0) {
    for (const ledger of summary.ledgers)
      steps.push({ text: 'Look up what is not final yet', command: onLedger('verify', ledger) });
  }
  const refused = (['failed', 'forbidden'] as const).filter((name) => counts[name] > 0).join(',');
  if (refused !== '') {
    for (const ledger of summary.ledgers) {
      steps.push({ text: 'Try the refused ones again', command: onLedger('resume', ledger, '--retry', refused) });
    }
  }
  return steps;
}

function openLedgers({ ledgers }: Summary): readonly LedgerSummary[] {
  const open = ledgers.filter(({ ended }) => ended !== 'finished');
  return open.length > 0 ? open : ledgers;
}

/** A command on a ledger that runs as it stands: with what a session must say itself, because a ledger may not. */
function onLedger(command: string, { path, job }: Pick<LedgerSummary, 'path' | 'job'>, ...more: string[]): string {
  return ['countermand', command, path, ...more, ...job.again].map(shellWord).join(' ');
}

function lookAt(summary: Summary, files: ListFiles | undefined): Step[] {
  const steps: Step[] = [];
  const paths = summary.ledgers.map(({ path }) => shellWord(path)).join(' ');
  if (summary.needsLook > 0) {
    const text = `See the ${plural(summary.needsLook, 'action')} that ${summary.needsLook === 1 ? 'needs' : 'need'} review`;
    steps.push(
      files?.failed === undefined
        ? { text, command: `countermand report ${paths} --out report` }
        : { text: `${text} in ${files.failed}, which countermand run takes as a source` },
    );
  }
  if (summary.needsRelease > 0) {
    const list = files?.needsRelease === undefined ? '' : `; they are listed in ${files.needsRelease}`;
    const isolations = plural(summary.needsRelease, 'isolation');
    steps.push({
      text: `${isolations} took effect; cancelling cannot undo that. In Defender, release the devices that should be back online${list}`,
    });
  }
  const faults = summary.rejected['not-an-id'] + summary.rejected['bad-row'];
  if (faults > 0)
    steps.push({
      text: `Correct the ${faults === 1 ? 'rejected line' : plural(faults, 'rejected line')} of the source, and ${summary.kind === 'plan' ? 'plan' : 'run it'} again`,
    });
  return steps;
}

/** `Exit code 3: finished, but …` ; undefined for 0 and for a run that has not ended. */
export function exitMeaning(summary: Summary): string | undefined {
  if (summary.exitCode === undefined || summary.exitCode === 0) return undefined;
  return `Exit code ${summary.exitCode}: ${EXIT_CODES[summary.exitCode].means}`;
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

/** A path as a POSIX shell takes it. */
export function shellWord(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", `'\\''`)}'`;
}

/** How a session ended, in a word. */
export function sessionEnd({ reason, killed }: SessionSummary): string {
  if (reason !== undefined) return reason;
  return killed ? 'killed' : 'no end recorded';
}
