import { stripVTControlCharacters } from 'node:util';
import { bold, cyan, dim, green, red, yellow } from 'yoctocolors';
import { cleanLine } from '../../clean.ts';
import { OUTCOME_NAMES } from '../../ledger/outcomes.ts';
import { leftWords } from '../../ledger/state/counts.ts';
import type { CampaignStatus } from '../../report/facts/campaign-status.ts';
import { RUN_STATES, type RunCondition, type RunStatus, type WorkerStatus } from '../../report/facts/run-status.ts';
import { needsLook, type ScheduleStatus, turnWords } from '../../report/facts/schedule-status.ts';
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

/** As a person is told: a ledger without a record counts as interrupted, and there is no run in it to go on with. */
type ShownState = RunCondition | 'empty';

const SHOWN_STATES: readonly ShownState[] = [...RUN_STATES, 'empty'];

function shownState({ state, integrity }: RunStatus): ShownState {
  return state === 'interrupted' && integrity.records === 0 ? 'empty' : state;
}

const PAINT: Readonly<Record<ShownState, (text: string) => string>> = {
  running: cyan,
  corrupt: red,
  'dead-letter': red,
  waiting: (text) => text,
  interrupted: yellow,
  halted: red,
  planned: (text) => text,
  finished: green,
  empty: dim,
};
const INDENT = '  ';

/** The columns beside the name. */
const STATE_WIDTH = 'interrupted'.length;
const REVIEW_WIDTH = 'Review'.length;
const END_WIDTH = '2026-11-26 04:10'.length;
const GAP = 2;
/** The name has at least so many. */
const NAME_WIDTH = 10;

/** With what its runs come to together, where it is that of a campaign. */
export type ShownBoard = Omit<StatusBoard, 'campaign'> & { campaign?: CampaignStatus | undefined };

/**
 * A line a run, with its numbers and the command that goes on with it below, the unfinished first; where its columns have no room, its words are broken
 * at blanks. At most `rows` lines of a terminal: what does not fit is counted. Commands are never broken, so that they can be pasted.
 */
export function statusText(
  { atMs, runs, passedOver, workers, schedules, campaign }: ShownBoard,
  terminal: Terminal,
  rows?: number,
): string {
  const { columns, plain } = terminal;
  const inOrder = [...runs].sort((a, b) => SHOWN_STATES.indexOf(shownState(a)) - SHOWN_STATES.indexOf(shownState(b)));
  const tenants = new Set(runs.flatMap(({ tenant }) => tenant ?? []));
  const shared = tenants.size === 1 ? [...tenants][0] : undefined;
  const table = columnsFor(runs, columns);
  // The lines of a small terminal are for the runs.
  const isTight = table === undefined && rows !== undefined;
  const head = [
    ...wrap(`${formatTime(atMs)}  ${sums(runs)}`, columns),
    ...(shared && !isTight ? wrap(`tenant ${cleanLine(shared)}`, columns) : []),
    ...(workers === undefined ? [] : wrap(workerWords(workers), columns)),
    ...(campaign === undefined ? [] : campaignLines(campaign, columns)),
    ...(schedules === undefined ? [] : scheduleLines(schedules, columns, rows !== undefined)),
  ];
  const blocks = inOrder.map((run) => {
    const command = run.next ?? run.says.command;
    const details = detailsOf(run, shared === undefined).flatMap((text) => wrap(text, columns - INDENT.length));
    return [
      ...(table === undefined ? brokenRow(run, terminal) : tableRow(run, table, terminal)),
      ...details.map((text) => `${INDENT}${plain ? text : dim(text)}`),
      ...(command === undefined ? [] : [`${INDENT}${cleanLine(command)}`]),
    ];
  });
  const notes = passedOver.map((text) => wrap(`passed over: ${cleanLine(text)}`, columns));
  const titles = table?.line(['Run', 'State', 'Done', 'Review', 'Ends (UTC)']);
  const above = [
    ...head,
    ...(isTight ? [] : ['']),
    ...(titles === undefined || runs.length === 0 ? [] : [plain ? titles : bold(titles)]),
  ];
  const body = [...blocks.flat(), ...notes.flat()];
  const shown = rows === undefined ? body : fittingBoth(blocks, notes, rows - heightOf(above, columns), columns);
  return `${[...above, ...shown].join('\n').trimEnd()}\n`;
}

/** Name, state, done, review and end, side by side. */
interface Columns {
  nameWidth: number;
  line(cells: readonly [string, string, string, string, string]): string;
}

/** Undefined where a terminal is too narrow for them. */
function columnsFor(runs: readonly RunStatus[], columns: number): Columns | undefined {
  const doneWidth = Math.max('Done'.length, ...runs.map((run) => doneWords(run).length));
  const beside = STATE_WIDTH + doneWidth + REVIEW_WIDTH + END_WIDTH + 4 * GAP;
  const longest = Math.max('Run'.length, ...runs.map(({ name }) => cleanLine(name).length));
  if (columns - beside < NAME_WIDTH) return undefined;
  const nameWidth = Math.max(NAME_WIDTH, Math.min(longest, columns - beside));
  return {
    nameWidth,
    line: ([name, state, done, review, end]) =>
      [
        name.padEnd(nameWidth),
        state + ' '.repeat(STATE_WIDTH - stripVTControlCharacters(state).length),
        done.padStart(doneWidth),
        review.padStart(REVIEW_WIDTH),
        end,
      ]
        .join(' '.repeat(GAP))
        .trimEnd(),
  };
}

function tableRow(run: RunStatus, { nameWidth, line }: Columns, { plain }: Terminal): string[] {
  const name = cleanLine(run.name);
  const state = shownState(run);
  const review = run.needsReview === 0 ? '-' : formatCount(run.needsReview);
  // A name that is longer than its column has a line of its own.
  const isLong = name.length > nameWidth;
  const shown = plain ? state : PAINT[state](state);
  return [...(isLong ? [name] : []), line([isLong ? '' : name, shown, doneWords(run), review, endOf(run)])];
}

function brokenRow(run: RunStatus, { columns, plain }: Terminal): string[] {
  const state = shownState(run);
  const end = endOf(run);
  const words = [
    state,
    `${doneWords(run)} done`,
    ...(run.needsReview === 0 ? [] : [`${formatCount(run.needsReview)} to review`]),
    ...(end === '' ? [] : [`ends ${end} UTC`]),
  ].join(', ');
  const [first = '', ...rest] = wrap(words, columns - INDENT.length);
  const painted = plain ? first : first.replace(state, PAINT[state](state));
  return [cleanLine(run.name), ...[painted, ...rest].map((text) => `${INDENT}${text}`)];
}

/** A plan that nothing is to be started of has no end. */
function endOf({ state, next, forecast }: RunStatus): string {
  return forecast === null || (state === 'planned' && next === null) ? '' : formatMinute(forecast.endsAtMs);
}

function sums(runs: readonly RunStatus[]): string {
  if (runs.length === 0) return 'no runs';
  const parts = SHOWN_STATES.flatMap((state) => {
    const n = runs.filter((run) => shownState(run) === state).length;
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

/** Where the lines are counted, those of which somebody has to know, and how many there are. */
function scheduleLines(schedules: readonly ScheduleStatus[], columns: number, isTight: boolean): string[] {
  const shown = isTight ? schedules.filter(needsLook) : schedules;
  const more = schedules.length - shown.length;
  return [
    ...shown.flatMap(({ name, cron, tz, nextAtMs, last }) => {
      const next = nextAtMs === null ? 'no next turn that this version can tell' : `next ${formatMinute(nextAtMs)} UTC`;
      const before = last === null ? '' : `; ${formatMinute(last.atMs)} UTC ${turnWords(last.end)}`;
      return wrap(cleanLine(`schedule ${name} (${cron}, ${tz}): ${next}${before}`), columns);
    }),
    ...(more > 0 ? [plural(more, shown.length > 0 ? 'more schedule' : 'schedule')] : []),
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

/** Runs before what was passed over, which gets a third of the lines at most where both do not fit. */
function fittingBoth(
  blocks: readonly (readonly string[])[],
  notes: readonly (readonly string[])[],
  rows: number,
  columns: number,
): string[] {
  const most = Math.max(1, rows - Math.min(heightOf(blocks.flat(), columns), Math.ceil((rows * 2) / 3)));
  const shownNotes = fitting(
    notes,
    most,
    columns,
    (n) => `… and ${formatCount(n)} ${n === notes.length ? '' : 'more '}passed over`,
  );
  const left = rows - heightOf(shownNotes, columns);
  return [...fitting(blocks, left, columns, (n) => `… and ${plural(n, 'more run')}`), ...shownNotes];
}

/** Whole blocks that fit into so many lines, the last of which counts those that do not. Where not even the first does, its beginning. */
function fitting(
  blocks: readonly (readonly string[])[],
  rows: number,
  columns: number,
  more: (n: number) => string,
): string[] {
  if (heightOf(blocks.flat(), columns) <= rows) return blocks.flat();
  const shown: string[] = [];
  let [used, whole] = [0, 0];
  const room = rows - 1;
  for (const block of blocks) {
    const height = heightOf(block, columns);
    if (used + height > room) break;
    shown.push(...block);
    used += height;
    whole++;
  }
  if (whole > 0) return [...shown, more(blocks.length - whole)];
  for (const text of blocks[0] ?? []) {
    used += heightOf([text], columns);
    if (used > room) break;
    shown.push(text);
  }
  const hidden = blocks.length - (shown.length > 0 ? 1 : 0);
  return [...shown, hidden > 0 ? more(hidden) : '…'];
}

/** Lines of a terminal: what is longer than one, a command or a path, is broken by it. */
function heightOf(lines: readonly string[], columns: number): number {
  return lines.reduce((sum, text) => sum + Math.max(1, Math.ceil(stripVTControlCharacters(text).length / columns)), 0);
}
