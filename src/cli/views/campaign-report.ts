import { join, resolve } from 'node:path';
import { CountermandError, UsageError } from '../../errors.ts';
import { throwIfDamaged } from '../../ledger/read-ledger.ts';
import { type CampaignSummary, campaignSummary } from '../../report/facts/campaign-summary.ts';
import { summarise } from '../../report/facts/summary.ts';
import type { LedgerView } from '../../report/facts/view.ts';
import { campaignDocument, jsonDocument } from '../../report/json.ts';
import type { Context } from '../../run/console.ts';
import type { Output, Outputs } from '../../run/outputs.ts';
import { factsBeside } from '../../run/plan-facts.ts';
import { readView } from '../../run/read-view.ts';
import type { CampaignEntry, NetworkStore } from '../../store/network-store.ts';
import { styled } from '../../styled.ts';
import type { Args } from '../command.ts';
import { filePlaces } from '../flags/file-flags.ts';

/** The files that the report of a campaign has of its own, beside a folder for each tenant. */
const OWN_FILES = { html: 'campaign.html', json: 'campaign.json', csv: 'tenants.csv' } as const;

export interface CampaignReportParts {
  name: string;
  entries: readonly CampaignEntry[];
  args: Args;
  /** The files that a run was read from. */
  sourcesOf(view: LedgerView): readonly string[];
  /** Claims every file of a run's own report, and writes them. */
  claim(folder: string, outputs: Outputs): Promise<Map<string, Output>>;
  write(folder: string, view: LedgerView, files: Map<string, Output>): Promise<unknown>;
}

/**
 * The report of a campaign: a page over all tenants, and with `--out` beside it each tenant's own. One ledger is held in memory at a time. What cannot be
 * read is named in it, and thrown once all is written.
 */
export async function reportCampaign(
  { name, entries, args, sourcesOf, claim, write }: CampaignReportParts,
  context: Context & { store: NetworkStore },
): Promise<void> {
  if (args['redact'] !== undefined) throw new UsageError('--redact copies one ledger: name one run of the campaign.');
  const outputs = context.outputs();
  const places = await filePlaces(args, outputs);
  const outDir = args['out'] === undefined ? undefined : resolve(context.cwd, String(args['out']));
  const own: Partial<Record<keyof typeof OWN_FILES, Output>> = {};
  const ofRuns = new Map<string, { folder: string; files: Map<string, Output> }>();
  if (outDir !== undefined) {
    for (const [kind, file] of Object.entries(OWN_FILES) as [keyof typeof OWN_FILES, string][]) {
      own[kind] = await outputs.claim('--out', join(outDir, file));
    }
    for (const entry of entries) {
      const folder = folderOf(entry.name, name);
      ofRuns.set(entry.name, { folder, files: await claim(join(outDir, folder), outputs) });
    }
  }
  const { campaign, refuse } = await readAll(name, entries, (view) => outputs.keep(...sourcesOf(view)), context);
  await outputs.recheck();
  for (const { ledgers } of campaign.runs) {
    const run = ledgers[0]?.path ?? '';
    const place = ofRuns.get(run);
    if (place === undefined || outDir === undefined) continue;
    await write(join(outDir, place.folder), await readView(context.store, run), place.files);
  }
  const { campaignPage } = await import('../../report/html/campaign-page.ts');
  const { campaignText, tenantsCsv } = await import('../../report/campaign.ts');
  const put = async (output: Output | undefined, pieces: () => Iterable<string>) => {
    if (output === undefined) return;
    await output.write(pieces());
    context.say(`Wrote ${output.path}\n`);
  };
  const pageOf = (run: string) => {
    const place = campaign.unread.some((each) => each.name === run) ? undefined : ofRuns.get(run);
    return place && `${encodeURIComponent(place.folder)}/report.html`;
  };
  const json = jsonDocument(campaignDocument(campaign));
  await put(own.html, () => [campaignPage(campaign, pageOf)]);
  await put(own.json, () => [json]);
  await put(own.csv, () => tenantsCsv(campaign));
  await put(places.html, () => [campaignPage(campaign)]);
  await put(places.csv, () => tenantsCsv(campaign));
  context.out(styled(args['json'] === true ? json : campaignText(campaign, context.terminal)));
  await context.delivered();
  refuse();
}

/** Where a run's own report goes, within that of its campaign: a run may be called anything. */
function folderOf(run: string, campaign: string): string {
  const folder = run.slice(campaign.length + 1).replace(/[^A-Za-z0-9._-]/g, '-');
  return /^\.*$/.test(folder) ? `run-${folder}` : folder;
}

/** Each run as its own report has it; `refuse` throws what is wrong with the first that is damaged, or cannot be read. */
async function readAll(
  name: string,
  entries: readonly CampaignEntry[],
  seen: (view: LedgerView) => void,
  context: Context & { store: NetworkStore },
): Promise<{ campaign: CampaignSummary; refuse: () => void }> {
  const { store, clock, storeWords } = context;
  const runs: CampaignSummary['runs'][number][] = [];
  const unread: CampaignSummary['unread'][number][] = [];
  const refusals: (() => void)[] = [];
  for (const { name: run, tenant } of entries) {
    try {
      const view = await readView(store, run);
      seen(view);
      const nowMs = clock.wallMs();
      runs.push(summarise([view], { nowMs, ...(await factsBeside([view], context)), storeWords }));
      if (!view.intact) refusals.push(() => throwIfDamaged(run, view.fault));
    } catch (error) {
      if (!(error instanceof CountermandError) || (error.exitCode !== 12 && error.exitCode !== 2)) throw error;
      unread.push({ name: run, tenant, reason: error.message });
      refusals.push(() => {
        throw error;
      });
    }
  }
  return { campaign: campaignSummary(name, { runs, unread }, clock.wallMs()), refuse: () => refusals[0]?.() };
}
