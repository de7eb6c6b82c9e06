import { bold, cyan, dim, green, red, yellow } from 'yoctocolors';
import { cleanDeep } from '../clean.ts';
import { describeDuration } from '../duration.ts';
import { OUTCOME_NAMES, OUTCOMES } from '../ledger/outcomes.ts';
import { leftWords } from '../ledger/state/counts.ts';
import { exitMeaning, headlineOf, sessionEnd, type Tone, verdictOf } from './facts/headline.ts';
import { type ListFiles, nextSteps } from './facts/next-steps.ts';
import type { Summary } from './facts/summary.ts';
import { describeWindow, formatCount, formatMinute, formatShare, plural, type Terminal, wrap } from './format.ts';
import { planTables } from './plan-text.ts';
import { type Column, textTable } from './table.ts';

type Paint = (text: string) => string;
type PaintWith = (tone: Paint, text: string) => string;

const TONES: Record<Tone, Paint> = { good: green, attention: yellow, bad: red, open: cyan };

/** Sessions and rejected rows listed on a terminal; the other formats list more. */
const LISTED = 5;

export interface TextOptions {
  terminal: Terminal;
  /** Where the lists lie, when they were written. */
  files?: ListFiles | undefined;
}

/**
 * The summary as a terminal shows it, at most `terminal.columns` wide, ending in a newline. All of it is cleaned before anything is made of it,
 * so whatever a line ends or colours below is ours.
 */
export function summaryText(given: Summary, { terminal, files: givenFiles }: TextOptions): string {
  const summary = cleanDeep(given);
  const files = cleanDeep(givenFiles);
  const paint: PaintWith = (tone, text) => (terminal.plain ? text : tone(text));
  const headline = headlineOf(summary);
  const blocks = [
    [
      paint((text) => bold(TONES[headline.tone](text)), headline.title),
      ...wrap(headline.sentence, terminal.columns),
      ...wrap(headline.timing, terminal.columns),
    ].join('\n'),
    summary.plan === undefined ? outcomeTable(summary, terminal) : planTables(summary, terminal),
    typeTable(summary, terminal),
    sessionTable(summary, terminal),
    rejectTable(summary, terminal),
    facts(summary, terminal, paint),
    steps(summary, files, terminal, paint),
  ];
  const exit = exitMeaning(summary);
  const verdict = wrap(verdictOf(summary), terminal.columns).map((line) =>
    paint((text) => bold(TONES[headline.tone](text)), line),
  );
  blocks.push([...(exit === undefined ? [] : wrap(`${exit}.`, terminal.columns)), ...verdict].join('\n'));
  return `${blocks.filter((block) => block !== '').join('\n\n')}\n`;
}

function outcomeTable(summary: Summary, terminal: Terminal): string {
  const rows = OUTCOME_NAMES.filter((name) => summary.counts[name] > 0).map((name) => [
    name,
    formatCount(summary.counts[name]),
    formatShare(summary.counts[name], summary.admitted),
    OUTCOMES[name].needsLook ? 'review' : '',
    OUTCOMES[name].means,
  ]);
  if (summary.open > 0) {
    const { open, admitted, openBy } = summary;
    rows.push(['open', formatCount(open), formatShare(open, admitted), '', leftWords(openBy, formatCount)]);
  }
  if (rows.length === 0) return '';
  const columns: Column[] = [
    { head: 'Outcome' },
    { head: 'Actions', align: 'right' },
    { head: 'Share', align: 'right' },
    { head: 'Action needed', paint: terminal.plain ? String : yellow },
    { head: 'Meaning', paint: terminal.plain ? String : dim },
  ];
  return textTable(columns, rows, terminal);
}

function typeTable(summary: Summary, terminal: Terminal): string {
  if (summary.types.length === 0 || summary.plan?.decisions !== undefined) return '';
  return textTable(
    [{ head: 'Type' }, { head: 'Actions', align: 'right' }, { head: 'Last known status' }],
    summary.types.map(({ type, total, statuses }) => [
      type,
      formatCount(total),
      statuses.map(({ status, n }) => `${status} ${formatCount(n)}`).join(', '),
    ]),
    terminal,
  );
}

function sessionTable(summary: Summary, terminal: Terminal): string {
  if (summary.sessions.length < 2) return '';
  const shown = summary.sessions.slice(-LISTED);
  const table = textTable(
    [{ head: 'Session', align: 'right' }, { head: 'Begun (UTC)' }, { head: 'Took' }, { head: 'Ended' }],
    shown.map((session) => [
      formatCount(session.session),
      formatMinute(session.openedAtMs),
      describeDuration(session.endedAtMs - session.openedAtMs),
      sessionEnd(session),
    ]),
    terminal,
  );
  const earlier = summary.sessions.length - shown.length;
  return earlier > 0 ? `${table}\nand ${plural(earlier, 'earlier session')}` : table;
}

function rejectTable(summary: Summary, terminal: Terminal): string {
  const faults = summary.rejects.filter(({ reason }) => reason !== 'duplicate');
  const shown = faults.slice(0, LISTED);
  const more = summary.rejected['not-an-id'] + summary.rejected['bad-row'] - shown.length;
  const table = textTable(
    [{ head: 'Rejected line', align: 'right' }, { head: 'Why' }, { head: 'Content' }],
    shown.map(({ line, reason, text }) => [formatCount(line), reason, text.slice(0, 60)]),
    terminal,
  );
  const rest = plural(more, shown.length > 0 ? 'more rejected line' : 'rejected line');
  const where = `${shown.length > 0 ? 'and ' : ''}${rest}, listed on the page: plan or report --html FILE`;
  return [...(shown.length > 0 ? [table] : []), ...(more > 0 ? wrap(where, terminal.columns) : [])].join('\n');
}

function facts(summary: Summary, terminal: Terminal, paint: PaintWith): string {
  const { rejected, calls } = summary;
  const entries: [string, string][] = [];
  const refused = Object.entries(rejected).flatMap(([reason, n]) => (n > 0 ? [`${formatCount(n)} ${reason}`] : []));
  entries.push([
    'Input',
    `${plural(summary.admitted, 'action')} admitted${refused.length > 0 ? `; rejected: ${refused.join(', ')}` : ''}`,
  ]);
  entries.push([
    'Calls',
    `${formatCount(calls.cancel)} cancel, ${formatCount(calls.get)} get, ${formatCount(calls.list)} list${calls.machines > 0 ? `, ${formatCount(calls.machines)} machines` : ''}${summary.windows.length > 0 ? `; quota ${summary.windows.map(describeWindow).join(', ')}` : ''}`,
  ]);
  if (summary.pauses.length > 0) {
    entries.push(['Pauses', `${formatCount(summary.pauses.length)}, ${describeDuration(summary.pausedMs)} together`]);
  }
  for (const ledger of summary.ledgers) {
    entries.push(['Job', `${ledger.job.name}, tenant ${ledger.tenant}`]);
    if (ledger.order !== undefined && ledger.order !== 'source') entries.push(['Order', ledger.order]);
    entries.push(['Run', `${ledger.run} (${ledger.tool})`]);
    entries.push(['Ledger', ledger.path]);
    const state = ledger.intact ? 'intact' : 'DAMAGED';
    entries.push(['Head', `${ledger.head} (${plural(ledger.records, 'record')}, ${state})`]);
    if (ledger.integrityNote !== undefined) entries.push(['', ledger.integrityNote]);
  }
  const indent = 9;
  return entries
    .map(([name, value]) => {
      const lines = wrap(value, terminal.columns - indent);
      return lines
        .map((line, i) => `${i === 0 ? paint(dim, name.padEnd(indent)) : ' '.repeat(indent)}${line}`)
        .join('\n');
    })
    .join('\n');
}

function steps(summary: Summary, files: ListFiles | undefined, terminal: Terminal, paint: PaintWith): string {
  const next = nextSteps(summary, files);
  if (next.length === 0) return '';
  const lines = next.flatMap(({ text, command }) => [
    ...wrap(command === undefined ? text : `${text}:`, terminal.columns - 4).map(
      (line, i) => `${i === 0 ? '  - ' : '    '}${line}`,
    ),
    // A command stays on one line whatever its length, so that it can be copied.
    ...(command === undefined ? [] : [`      ${paint(bold, command)}`]),
  ]);
  return [paint(bold, 'Next'), ...lines].join('\n');
}
