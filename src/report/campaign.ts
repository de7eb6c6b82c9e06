import { OUTCOME_NAMES } from '../ledger/outcomes.ts';
import { type CsvColumn, csvText } from './csv.ts';
import type { CampaignSummary, UnreadRun } from './facts/campaign-summary.ts';
import { headlineOf } from './facts/headline.ts';
import type { LedgerSummary } from './facts/ledger-summary.ts';
import type { Summary } from './facts/summary.ts';
import { formatCount, plural, type Terminal, wrap } from './format.ts';
import { textTable } from './table.ts';

/** A line of the tables of a campaign. */
export interface CampaignRow {
  run: string;
  tenant: string;
  /** What became of it, in a few words. */
  state: string;
  /** Undefined where its ledger could not be read. */
  summary: Summary | undefined;
  ledger: LedgerSummary | undefined;
}

/** The runs by name, those that cannot be read among them. */
export function campaignRows({ runs, unread }: Pick<CampaignSummary, 'runs' | 'unread'>): CampaignRow[] {
  const rows = [...runs.map(rowOf), ...unread.map(unreadRow)];
  return rows.sort((a, b) => (a.run < b.run ? -1 : 1));
}

function rowOf(summary: Summary): CampaignRow {
  const [ledger] = summary.ledgers;
  return {
    ...{ run: ledger?.path ?? '', tenant: ledger?.tenant ?? '', state: headlineOf(summary).title },
    ...{ summary, ledger },
  };
}

function unreadRow({ name, tenant, reason }: UnreadRun): CampaignRow {
  return { run: name, tenant, state: reason, summary: undefined, ledger: undefined };
}

const COLUMNS: readonly CsvColumn<CampaignRow>[] = [
  ['run', (row) => row.run],
  ['tenant', (row) => row.tenant],
  ['name', (row) => row.ledger?.job.name],
  ['state', (row) => row.state],
  ['actions', (row) => row.summary?.admitted],
  ...OUTCOME_NAMES.map((name): CsvColumn<CampaignRow> => [name, (row) => row.summary?.counts[name]]),
  ['open', (row) => row.summary?.open],
  ['needs review', (row) => row.summary?.needsLook],
  ['needs release', (row) => row.summary?.needsRelease],
  ['exit code', (row) => row.summary?.exitCode],
  ['head', (row) => row.ledger?.head],
];

/** One row a tenant: what became of it. The actions of each are in its own report. */
export function tenantsCsv(campaign: CampaignSummary): Iterable<string> {
  return csvText(COLUMNS, campaignRows(campaign));
}

/** The campaign as a terminal shows it, ending in a newline. */
export function campaignText(campaign: CampaignSummary, terminal: Terminal): string {
  const { name, title } = campaign;
  const rows = campaignRows(campaign);
  const number = (n: number | undefined) => (n === undefined ? '' : formatCount(n));
  const table = textTable(
    [
      { head: 'Tenant' },
      ...['Actions', 'Cancelled', 'Open', 'Review', 'Release'].map((head) => ({ head, align: 'right' as const })),
      { head: 'State' },
    ],
    rows.map(({ run, state, summary }) => [
      run.slice(name.length + 1),
      number(summary?.admitted),
      number(summary?.counts.cancelled),
      number(summary?.open),
      number(summary?.needsLook),
      number(summary?.needsRelease),
      // Of those that are done as they should be, a word.
      summary?.exitCode === 0 ? (state.split('.', 1)[0] ?? '') : state,
    ]),
    terminal,
  );
  const head = wrap(`Campaign ${name}, ${plural(rows.length, 'tenant')}. ${title}.`, terminal.columns);
  return `${[...head, ...wrap(campaignSentence(campaign), terminal.columns), '', table].join('\n')}\n`;
}

/** What was done, in one sentence. */
export function campaignSentence({ admitted, counts, openBy, needsLook, needsRelease }: CampaignSummary): string {
  const open = Object.values(openBy).reduce((sum, n) => sum + n, 0);
  const parts = [`${formatCount(counts.cancelled)} of ${plural(admitted, 'action')} cancelled`];
  if (open > 0) parts.push(`${formatCount(open)} without an outcome`);
  if (needsLook > 0) parts.push(`${formatCount(needsLook)} to review`);
  if (needsRelease > 0) parts.push(`${plural(needsRelease, 'isolation')} may need release`);
  return `${parts.join(', ')}.`;
}
