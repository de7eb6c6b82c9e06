import { type CampaignRow, campaignRows, campaignSentence } from '../campaign.ts';
import type { CampaignSummary } from '../facts/campaign-summary.ts';
import { formatCount, formatTime, plural } from '../format.ts';
import { documentOf, ICONS } from './document.ts';
import { html, type Markup } from './markup.ts';
import { type HtmlColumn, named, part, sortedTable } from './parts.ts';

/** One self-contained page over all tenants of a campaign. `pageOf`: where the report of a run lies, relative to this page, if it was written. */
export function campaignPage(
  campaign: CampaignSummary,
  pageOf: (run: string) => string | undefined = () => undefined,
): string {
  const { name, tone, title, generatedAtMs } = campaign;
  const rows = campaignRows(campaign);
  const body = html`<div class="${tone}"><div class="band"></div><div class="page">
<a class="skip" href="#answer">Skip to the answer</a>
<header class="mast"><p class="kind"><strong>countermand</strong> campaign report</p>
<dl><div><dt>Campaign</dt><dd>${named(name)}</dd></div><div><dt>Tenants</dt><dd>${formatCount(rows.length)}</dd></div></dl></header>
<main id="answer">
<section class="answer" aria-labelledby="verdict"><div>
<h1 id="verdict">${ICONS[tone]}<span>${title}</span></h1>
<p class="sentence">${campaignSentence(campaign)}</p>
</div></section>
${part('tenants', 'Tenants', `${plural(rows.length, 'run')}, each with a report of its own.`, tenantTable(rows, pageOf), true)}
</main>
<footer><p>Made ${formatTime(generatedAtMs)} from the ledgers alone.</p></footer>
</div></div>`;
  return documentOf(`${title}: ${name}`, body);
}

function tenantTable(rows: readonly CampaignRow[], pageOf: (run: string) => string | undefined): Markup {
  const number = (head: string, of: (row: CampaignRow) => number | undefined): HtmlColumn<CampaignRow> => ({
    ...{ head, label: head, kind: 'num' },
    cell: (row) => {
      const n = of(row);
      return n === undefined ? '' : formatCount(n);
    },
  });
  const columns: HtmlColumn<CampaignRow>[] = [
    {
      head: 'Tenant',
      kind: 'name',
      cell: ({ run, tenant }) => {
        const page = pageOf(run);
        const shown = named(tenant === '' ? run : tenant);
        return page === undefined ? shown : html`<a href="${page}">${shown}</a>`;
      },
    },
    { head: 'Name', label: 'Name', cell: ({ ledger }) => named(ledger?.job.name) },
    number('Actions', ({ summary }) => summary?.admitted),
    number('Cancelled', ({ summary }) => summary?.counts.cancelled),
    number('Already over', ({ summary }) => summary?.counts['already-final']),
    number('Open', ({ summary }) => summary?.open),
    number('Review', ({ summary }) => summary?.needsLook),
    number('Release', ({ summary }) => summary?.needsRelease),
    { head: 'State', label: 'State', cell: ({ state }) => state },
  ];
  const choices = [...new Set(rows.map(({ state }) => state))].sort();
  return sortedTable({
    ...{ caption: 'Tenants', columns, rows, search: 'tenant, name' },
    filter: { head: 'State', choices, of: ({ state }) => state },
  });
}
