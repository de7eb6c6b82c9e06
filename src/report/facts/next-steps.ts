import { COMMENT_PLACEHOLDER } from '../../comment.ts';
import { toCallCount } from '../../ledger/decisions.ts';
import { HERE } from '../../platform.ts';
import { plural } from '../format.ts';
import { canStart } from './headline.ts';
import type { LedgerSummary } from './ledger-summary.ts';
import type { Summary } from './summary.ts';

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

/** The command that goes on with it, ready to paste; undefined where there is nothing to go on with. */
export function nextCommand(summary: Summary): string | undefined {
  return carryOn(summary).find(({ command }) => command !== undefined)?.command;
}

function carryOn(summary: Summary): Step[] {
  const { counts, reason } = summary;
  if (summary.ledgers.some(({ redacted }) => redacted)) return [];
  if (summary.kind === 'plan') {
    if (summary.plan?.overMaxActions) return [{ text: 'Shorten the list, or raise --max-actions, and plan again.' }];
    if (!canStart(summary)) return [{ text: 'See what stopped it, and plan again.' }];
    return summary.ledgers
      .filter(() => summary.admitted > 0 && toBeCalled(summary) !== 0)
      .map((ledger) => ({
        text: 'Start exactly this plan',
        command: onLedger('run', ledger, '--head', ledger.head, ...commentToGive(ledger)),
      }));
  }
  const steps: Step[] = [];
  // Whoever works on it goes on with it.
  const free = openLedgers(summary).filter(({ holder }) => !holder);
  if (free.length === 0) return steps;
  if (reason === undefined) {
    for (const ledger of free) {
      const text = ledger.holder === null ? 'Nobody works on it: resume it' : 'If it is no longer running, resume it';
      steps.push({ text, command: goOnWith(ledger, summary) });
    }
  } else if (reason !== 'finished') {
    for (const ledger of free) steps.push({ text: 'Go on with what is left', command: goOnWith(ledger, summary) });
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

/** Undefined where nobody has decided. */
function toBeCalled({ plan }: Summary): number | undefined {
  return plan?.decisions === undefined ? undefined : toCallCount(plan.decisions);
}

function openLedgers({ ledgers }: Summary): readonly LedgerSummary[] {
  const open = ledgers.filter(({ ended }) => ended !== 'finished');
  return open.length > 0 ? open : ledgers;
}

/** A plan may be made without a comment, and cannot be started without one. */
function commentToGive({ job }: Pick<LedgerSummary, 'job'>): string[] {
  return job.comment === undefined ? ['--comment', COMMENT_PLACEHOLDER] : [];
}

/** A plan that did not come to its end has nothing of a run yet, and may lack what a run needs. */
function goOnWith(ledger: LedgerSummary, { startedAtMs }: Pick<Summary, 'startedAtMs'>): string {
  const comment = startedAtMs === undefined ? commentToGive(ledger) : [];
  return comment.length === 0 ? onLedger('resume', ledger) : onLedger('run', ledger, ...comment);
}

/** A command on a ledger that runs as it stands: with what a session must say itself, because a ledger may not. */
function onLedger(
  command: 'run' | 'resume' | 'verify',
  { path, job, storeWords }: Pick<LedgerSummary, 'path' | 'job' | 'storeWords'>,
  ...more: string[]
): string {
  const name = command === 'run' ? ledgerSource(path) : ledgerArgument(path);
  return commandLine(command, name, ...more, ...storeWords, ...job.again);
}

function lookAt(summary: Summary, files: ListFiles | undefined): Step[] {
  const steps: Step[] = [];
  if (summary.needsLook > 0) {
    const text = `See the ${plural(summary.needsLook, 'action')} that ${summary.needsLook === 1 ? 'needs' : 'need'} review`;
    steps.push(
      files?.failed === undefined
        ? { text, command: reportCommand(summary) }
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

function reportCommand({ ledgers }: Summary): string {
  const names = ledgers.map(({ path }) => ledgerArgument(path));
  return commandLine('report', ...names, '--out', 'report', ...(ledgers[0]?.storeWords ?? []));
}

/** What stands for a ledger where a SOURCE may be anything: what is no file of one is the name of a run. */
export function ledgerSource(path: string): string {
  return path.toLowerCase().endsWith('.jsonl') ? path : `run:${path}`;
}

/** What stands for a ledger where one is asked for: a run may be called as a flag is, or as what names one. */
function ledgerArgument(path: string): string {
  return /^(-|run:)/.test(path) ? ledgerSource(path) : path;
}

/** A command of this program as the shell here takes it. */
export function commandLine(...words: readonly string[]): string {
  return ['countermand', ...words].map(HERE.shellWord).join(' ');
}
