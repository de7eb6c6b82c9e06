import { stripVTControlCharacters } from 'node:util';
import { bold, cyan, dim, green, red, yellow } from 'yoctocolors';
import { cleanLine } from '../../clean.ts';
import { OUTCOME_NAMES } from '../../ledger/outcomes.ts';
import { leftWords } from '../../ledger/state/counts.ts';
import type { CampaignStatus } from '../../report/facts/campaign-status.ts';
import { RUN_STATES, type RunCondition, type RunStatus, type WorkerStatus } from '../../report/facts/run-status.ts';
import {
  formatCount,
  formatMinute,
  formatTime,
  PAUSE_WORDS,
  plural,
  type Terminal,
  wrap,
} from '../../report/format.ts';
import type { StatusBoard } from '../../run/status.ts';

const PAINT: Readonly<Record<RunCondition, (text: string) => string>> = {
  running: cyan,
  corrupt: red,
  'dead-letter': red,
  waiting: (text) => text,
  interrupted: yellow,
  halted: red,
  planned: (text) => text,
  finished: green,
};
const INDENT = '  ';

/** The columns beside the name. */
const STATE_WIDTH = 'interrupted'.length;
const REVIEW_WIDTH = 'Review'.length;
const END_WIDTH = '2026-11-26 04:10'.length;
const GAP = 2;

/** With what its runs come to together, where it is that of a campaign. */
export type ShownBoard = Omit<StatusBoard, 'campaign'> & { campaign?: CampaignStatus | undefined };

/**
 * A line a run, with its numbers and the command that goes on with it below, the unfinished first. At most `rows` lines of a terminal: what does not
 * fit is counted. Commands are never broken, so that they can be pasted.
 */
export function statusText(
  { atMs, runs, passedOver, workers, campaign }: ShownBoard,
  terminal: Terminal,
  rows?: number,
): string {
  const { columns, plain } = terminal;
  const inOrder = [...runs].sort((a, b) => RUN_STATES.indexOf(a.state) - RUN_STATES.indexOf(b.state));
  const tenants = new Set(runs.map(({ tenant }) => tenant));
  const shared = tenants.size === 1 ? [...tenants][0] : undefined;
  const head = [
    ...wrap(`${formatTime(atMs)}  ${sums(runs)}`, columns),
    ...(shared ? [`tenant ${cleanLine(shared)}`] : []),
    ...(workers === undefined ? [] : wrap(workerWords(workers), columns)),
    ...(campaign === undefined ? [] : campaignLines(campaign, columns)),
  ];
  const done = runs.map(doneWords);
  const doneWidth = Math.max('Done'.length, ...done.map((text) => text.length));
  const beside = STATE_WIDTH + doneWidth + REVIEW_WIDTH + END_WIDTH + 4 * GAP;
  const longest = Math.max('Run'.length, ...runs.map(({ name }) => cleanLine(name).length));
  const nameWidth = Math.max(10, Math.min(longest, columns - beside));
  const line = (name: string, state: string, done: string, review: string, end: string) =>
    `${[name.padEnd(nameWidth), state, done.padStart(doneWidth), review.padStart(REVIEW_WIDTH), end].join('  ').trimEnd()}`;

  const blocks = inOrder.map((run) => {
    const name = cleanLine(run.name);
    const state = run.state.padEnd(STATE_WIDTH);
    // A plan that nothing is to be started of has no end.
    const isNoRun = run.state === 'planned' && run.next === null;
    const end = run.forecast === null || isNoRun ? '' : formatMinute(run.forecast.endsAtMs);
    const command = run.next ?? run.says.command;
    const review = run.needsReview === 0 ? '-' : formatCount(run.needsReview);
    // A name that is longer than its column has a line of its own.
    const isLong = name.length > nameWidth;
    const row = line(isLong ? '' : name, plain ? state : PAINT[run.state](state), doneWords(run), review, end);
    const details = detailsOf(run, shared === undefined).flatMap((text) => wrap(text, columns - INDENT.length));
    return [
      ...(isLong ? [name] : []),
      row,
      ...details.map((text) => `${INDENT}${plain ? text : dim(text)}`),
      ...(command === undefined ? [] : [`${INDENT}${cleanLine(command)}`]),
    ];
  });
  const notes = passedOver.flatMap((text) => wrap(`passed over: ${cleanLine(text)}`, columns));
  const titles = line('Run', 'State'.padEnd(STATE_WIDTH), 'Done', 'Review', 'Ends (UTC)');
  const above = runs.length === 0 ? [...head, ''] : [...head, '', plain ? titles : bold(titles)];
  const body =
    rows === undefined ? blocks.flat() : fitting(blocks, rows - heightOf([...above, ...notes], columns), columns);
  return `${[...above, ...body, ...notes].join('\n').trimEnd()}\n`;
}

function sums(runs: readonly RunStatus[]): string {
  if (runs.length === 0) return 'no runs';
  const parts = RUN_STATES.flatMap((state) => {
    const n = runs.filter((run) => run.state === state).length;
    return n === 0 ? [] : [`${formatCount(n)} ${state}`];
  });
  return `${plural(runs.length, 'run')}: ${parts.join(', ')}`;
}

/** The command is never broken, as those of the runs. */
function campaignLines({ name, head, sums, next }: CampaignStatus, columns: number): string[] {
  const done = sum(Object.values(sums.counts));
  const review = sums.needsReview === 0 ? '' : `, ${formatCount(sums.needsReview)} to review`;
  const ends = sums.endsAtMs === null ? '' : `; the longest is over at ${formatTime(sums.endsAtMs)}`;
  const words = `campaign ${cleanLine(name)}: ${formatCount(done)} of ${plural(sums.admitted, 'action')} done${review}${ends}`;
  return [
    ...wrap(words, columns),
    ...(head === null ? [] : [`head ${head}`]),
    ...(next === null ? [] : [`${INDENT}${cleanLine(next)}`]),
  ];
}

function workerWords(workers: readonly WorkerStatus[]): string {
  if (workers.length === 0) return 'no workers';
  const [places, busy] = [sum(workers.map((each) => each.places)), sum(workers.map((each) => each.busy))];
  return `${plural(workers.length, 'worker')} with ${plural(places, 'place')}, ${formatCount(busy)} of them at work`;
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, n) => total + n, 0);
}

function doneWords({ admitted, counts }: RunStatus): string {
  const done = Object.values(counts).reduce((sum, n) => sum + n, 0);
  return `${formatCount(done)} of ${formatCount(admitted)}`;
}

function detailsOf(run: RunStatus, namesTenant: boolean): string[] {
  const { tenant, holder, counts, left, integrity, pause, says, placed } = run;
  const { intact, line } = integrity;
  const outcomes = OUTCOME_NAMES.flatMap((name) => counted(name, counts[name])).join(', ');
  const open = leftWords(left, formatCount);
  const numbers = [outcomes, open === '' ? '' : `left: ${open}`].filter((text) => text !== '').join('; ');
  return [
    intact ? '' : `damaged at line ${formatCount(line ?? 0)}; what stands before it is shown`,
    namesTenant && tenant !== null ? `tenant ${cleanLine(tenant)}` : '',
    holder === null
      ? ''
      : `${placed?.worker ? 'worker' : 'process'} ${holder.pid} on ${cleanLine(holder.host)} since ${formatTime(Date.parse(holder.since))}`,
    placed && placed.takeovers > 0 ? plural(placed.takeovers, 'takeover') : '',
    placed?.reason ? cleanLine(placed.reason) : '',
    pause === null ? '' : `${PAUSE_WORDS[pause.reason]}: no calls before ${formatTime(pause.untilMs)}`,
    numbers,
    cleanLine(says.sentence ?? ''),
  ].filter((text) => text !== '');
}

function counted(word: string, n: number): string[] {
  return n === 0 ? [] : [`${word} ${formatCount(n)}`];
}

/** Whole blocks that fit into so many lines, the last of which counts those that do not. */
function fitting(blocks: readonly (readonly string[])[], rows: number, columns: number): string[] {
  const heights = blocks.map((block) => heightOf(block, columns));
  const all = heights.reduce((sum, height) => sum + height, 0);
  if (all <= rows) return blocks.flat();
  let [used, shown] = [0, 0];
  while (used + (heights[shown] ?? 0) <= rows - 1) used += heights[shown++] ?? 0;
  return [...blocks.slice(0, shown).flat(), `… and ${plural(blocks.length - shown, 'more run')}`];
}

function heightOf(lines: readonly string[], columns: number): number {
  return sum(lines.map((text) => linesOf(text, columns)));
}

/** A command that is longer than the terminal is broken by it. */
function linesOf(text: string, columns: number): number {
  return Math.max(1, Math.ceil(stripVTControlCharacters(text).length / columns));
}
