import { DECISION_NAMES, DECISIONS, type Decision } from '../../ledger/decisions.ts';
import { OUTCOME_NAMES } from '../../ledger/outcomes.ts';
import { actionRows } from '../csv.ts';
import type { PlanFacts } from '../facts/plan-summary.ts';
import type { ActionRow } from '../facts/rows.ts';
import type { Summary } from '../facts/summary.ts';
import type { LedgerView } from '../facts/view.ts';
import { formatCount, formatMinute, plural } from '../format.ts';
import { html, type Markup } from './markup.ts';
import { type HtmlColumn, named, part, type SortedTable, sortedTable } from './parts.ts';
import { decisionColor, outcomeColor } from './style.ts';

/** Actions that a page holds at most: some 400 bytes each. The CSV files hold them all. */
const MAX_ROWS = 10_000;

/** Every action of the ledgers, folded: with its decision in a plan, else with its outcome. */
export function allActions(
  summary: Summary,
  views: readonly LedgerView[],
  decisions: PlanFacts['decisions'],
): Markup | undefined {
  if (summary.admitted === 0) return undefined;
  const rows: ActionRow[] = [];
  for (const row of actionRows(views)) {
    if (rows.push(row) === MAX_ROWS) break;
  }
  const isCut = rows.length < summary.admitted;
  const file = summary.kind === 'plan' ? 'the CSV file' : 'outcomes.csv';
  const table =
    decisions === undefined ? withOutcomes(rows, summary) : withDecisions(rows, (id) => decisions.get(id) ?? UNKNOWN);
  const shown = isCut ? `the first ${formatCount(rows.length)} of ${formatCount(summary.admitted)}` : 'all';
  return part(
    'all',
    'All actions',
    isCut
      ? `The first ${formatCount(rows.length)}, in the order of the source; ${file} holds all of them.`
      : 'In the order of the source.',
    html`<details><summary>${plural(summary.admitted, 'action')}: show ${shown}</summary>${table}</details>`,
    true,
  );
}

const UNKNOWN = { kind: 'unscreened', reason: undefined } as const satisfies { kind: Decision; reason: undefined };

type Decided = (id: string) => { kind: Decision; reason?: string | undefined };

function withDecisions(rows: readonly ActionRow[], decided: Decided): Markup {
  const kindOf = ({ id }: ActionRow) => decided(id).kind;
  return tableOf(rows, { head: 'Decision', choices: DECISION_NAMES, of: kindOf }, (row) => {
    const { kind, reason } = decided(row.id);
    return [
      html`<span class="dot c-${decisionColor(kind)}">${kind}</span>`,
      html`<span class="under">${reason ?? DECISIONS[kind].means}</span>`,
    ];
  });
}

function withOutcomes(rows: readonly ActionRow[], { counts, open }: Summary): Markup {
  const choices = [...OUTCOME_NAMES.filter((name) => counts[name] > 0), ...(open > 0 ? ['open'] : [])];
  const first: HtmlColumn<ActionRow>['cell'] = ({ outcome, detail }) => [
    html`<span class="dot c-${outcomeColor(outcome)}">${outcome}</span>`,
    detail !== undefined && html`<span class="under">${detail}</span>`,
  ];
  return tableOf(rows, { head: 'Outcome', choices, of: ({ outcome }) => outcome }, first, [SENT]);
}

const SENT: HtmlColumn<ActionRow> = {
  head: 'Sent (UTC)',
  kind: 'time',
  label: 'Sent',
  cell: ({ firstSentAtMs }) => firstSentAtMs !== undefined && formatMinute(firstSentAtMs),
};

function tableOf(
  rows: readonly ActionRow[],
  filter: SortedTable<ActionRow>['filter'],
  first: HtmlColumn<ActionRow>['cell'],
  more: readonly HtmlColumn<ActionRow>[] = [],
): Markup {
  return sortedTable<ActionRow>({
    caption: 'All actions',
    rows,
    filter,
    columns: [
      { head: filter.head, cell: first },
      {
        head: 'Device',
        kind: 'name',
        cell: ({ device, deviceId }) => [
          named(device),
          deviceId !== undefined && html`<span class="under mono">${deviceId}</span>`,
        ],
      },
      {
        head: 'Type',
        cell: ({ type, status }) => [type, status !== undefined && html`<span class="under">${status}</span>`],
      },
      {
        head: 'Created (UTC)',
        kind: 'time',
        label: 'Created',
        cell: ({ created, requestor }) => [
          created?.slice(0, 16).replace('T', ' '),
          requestor !== undefined && html`<span class="under">by ${named(requestor)}</span>`,
        ],
      },
      ...more,
      { head: 'Action ID', kind: 'id', label: 'Action', cell: ({ id }) => id },
    ],
  });
}
