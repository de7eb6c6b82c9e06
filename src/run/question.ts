import { cleanLine } from '../clean.ts';
import { type CallOrder, isAsGiven } from '../engine/order.ts';
import type { CountedList } from '../engine/screen-all.ts';
import type { Job } from '../job/job.ts';
import { leftOutWords } from '../ledger/decisions.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { forecastWords } from '../report/facts/headline.ts';
import type { ForecastFacts } from '../report/facts/plan-summary.ts';
import { formatCount, formatEnd, plural, type Terminal, wrap } from '../report/format.ts';

/** Who sends, as far as token and user tell. */
export interface SenderFacts {
  /** As the job has it: a GUID or a domain. */
  tenant: string;
  /** The tenant by name; undefined where neither the token nor the user gives one. */
  tenantName: string | undefined;
  /** The tenant's GUID, as the token shows it. */
  tenantId: string | undefined;
  /** The application, as the token shows it, else as the job has it. */
  application: string;
  /** When the token ends, epoch ms, where it cannot be renewed. */
  tokenEndsAtMs: number | undefined;
}

export interface QuestionFacts {
  job: Job;
  state: Pick<RunState, 'actions' | 'rejected'>;
  /** The first line of the source that was rejected. */
  firstRejected: number | undefined;
  sender: SenderFacts;
  counted: CountedList;
  /** How many are to be called. */
  count: number;
  order: CallOrder;
  forecast: ForecastFacts;
  nowMs: number;
  /** It was answered beforehand. */
  yes: boolean;
}

/** The tenant in as few words as tell which. */
export function tenantShort({ tenant, tenantName }: SenderFacts): string {
  return tenantName ?? tenant;
}

/** What a yes means, a line for each thing: what, where, until when, and in which order. */
export function questionText(facts: QuestionFacts, terminal: Terminal): string {
  return factLines(linesOf(facts), terminal);
}

/** Names and what is said of each, in two columns. */
export function factLines(
  lines: readonly (readonly [name: string, value: string])[],
  { plain, columns }: Terminal,
): string {
  const width = Math.max(...lines.map(([name]) => name.length)) + 2;
  return lines
    .map(([name, value]) => {
      const clean = cleanLine(value);
      const wrapped = plain ? [clean.replaceAll('\u00A0', ' ')] : wrap(clean, columns - width - 1);
      return `${name.padEnd(width)}${wrapped.join(`\n${' '.repeat(width)}`)}\n`;
    })
    .join('');
}

function linesOf({
  job,
  state,
  firstRejected,
  sender,
  counted,
  count,
  order,
  forecast,
  nowMs,
  yes,
}: QuestionFacts): [string, string][] {
  const { total, by, typesToCancel, machines } = counted;
  const types = [...typesToCancel].sort(([, a], [, b]) => b - a).map(([type, n]) => `${type}\u00A0${formatCount(n)}`);
  const unknown = by.unscreened > 0 ? [`not looked up ${formatCount(by.unscreened)}`] : [];
  const on = machines > 0 ? ` on ${plural(machines, 'device')}` : '';
  const out = leftOutWords(by, formatCount);
  const { first } = job.guards;
  return [
    ['Actions', `${formatCount(count)}${on}: ${[...types, ...unknown].join(', ')}`],
    ...(out.length > 0 ? [['Left out', `${out.join(', ')}, of ${plural(total, 'action')}`] as [string, string]] : []),
    ...inputLine(state, firstRejected),
    ['Tenant', `${tenantLong(sender)}, as application ${sender.application}`],
    ['Ends', forecastWords(forecast, nowMs, formatEnd)],
    ...(first
      ? [
          [
            'First',
            `${plural(first, 'action')}, then ${yes ? 'the rest if all of them are cancelled or already over' : 'it asks again'}`,
          ] as [string, string],
        ]
      : []),
    ['Order', orderLine(state, order, forecast)],
  ];
}

/** Lines that were meant to be actions and are none: who says yes to the rest should know that they are missing. */
function inputLine(
  { rejected }: Pick<RunState, 'rejected'>,
  first: number | undefined,
): [name: string, value: string][] {
  const faults = rejected['not-an-id'] + rejected['bad-row'];
  if (faults === 0) return [];
  const where =
    first === undefined
      ? ''
      : faults === 1
        ? `, line ${formatCount(first)}`
        : `, the first in line ${formatCount(first)}`;
  return [
    [
      'Input',
      `${plural(faults, 'line')} without an action ID${where}: ${faults === 1 ? 'it is' : 'they are'} left out`,
    ],
  ];
}

function tenantLong({ tenant, tenantName, tenantId }: SenderFacts): string {
  const id = tenantId ?? tenant;
  return tenantName === undefined || tenantName === id ? id : `${tenantName} (${id})`;
}

function orderLine({ actions }: Pick<RunState, 'actions'>, { by }: CallOrder, { order }: ForecastFacts): string {
  const hasPriority = !isAsGiven(actions.values(), { by: 'source' });
  const words = { source: 'as given', newest: 'newest first', 'last-seen': 'devices last seen first' } as const;
  const named = hasPriority ? `by priority, then ${words[by]}` : words[by];
  const spans: [n: number | undefined, when: string][] = [
    [order?.firstMinute, 'in the first minute'],
    [order?.firstHour, 'in the rest of the first hour'],
    [order?.later, 'later'],
  ];
  const when = spans.flatMap(([n, span]) => (n ? [`${formatCount(n)} ${span}`] : []));
  return [named, ...when].join(', ');
}

/** Undefined for a token that lasts, or is renewed. */
export function tokenTrouble(
  { tokenEndsAtMs }: SenderFacts,
  forecast: Pick<ForecastFacts, 'endsAtMs'>,
): string | undefined {
  if (tokenEndsAtMs === undefined || tokenEndsAtMs > forecast.endsAtMs) return undefined;
  return `the token ends at ${formatEnd(tokenEndsAtMs)}, before the run does, and it cannot be renewed: the run stops then (exit 4). Give a token that lasts longer, or keep COUNTERMAND_TOKEN_FILE up to date`;
}
