import { join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { frozenJobSchema } from '../../job/job.ts';
import { ledgerNamed } from '../../job/ledger-name.ts';
import { throwIfDamaged } from '../../ledger/read-ledger.ts';
import { summarise } from '../../report/facts/summary.ts';
import type { LedgerView } from '../../report/facts/view.ts';
import { jsonText } from '../../report/json.ts';
import { summaryText } from '../../report/text.ts';
import type { Context } from '../../run/console.ts';
import type { Output, Outputs } from '../../run/outputs.ts';
import { factsBeside } from '../../run/plan-facts.ts';
import { readView } from '../../run/read-view.ts';
import { ledgerGiven } from '../../run/target.ts';
import { type CampaignEntry, isShared } from '../../store/network-store.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';
import { filePlaces } from '../flags/file-flags.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { sharedStoreOf } from '../flags/store-flag.ts';
import { writePageAndRows } from '../views/page-and-rows.ts';

export const report: Command = {
  usage: 'report <ledgers..>',
  describe:
    'Text on stdout, or JSON, CSV and HTML; several ledgers (shards, nights) as one run. A run that still goes on is reported as it ' +
    'stands; nothing is written to its ledger. The report of a campaign in a store is over all its tenants, a row each; with --out each has its own beside it.',
  positionals: { ledgers: { describe: 'ledgers of runs or plans: files, or names as status shows them', array: true } },
  options: () => ({
    ...settingOptions(['store']),
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    csv: {
      describe: 'write one row an action; of a campaign, one a tenant',
      type: 'string',
      requiresArg: true,
      placeholder: 'FILE',
    },
    html: { describe: 'write one self-contained page', type: 'string', requiresArg: true, placeholder: 'FILE' },
    out: {
      describe:
        'write report.html, summary.json, outcomes.csv, failed.csv, needs-release.csv and SHA256SUMS into this folder',
      type: 'string',
      requiresArg: true,
      placeholder: 'DIR',
    },
    redact: {
      describe:
        'write a copy of the ledger that names nobody: devices, people, comments, IDs, paths and hosts are tokens',
      type: 'string',
      requiresArg: true,
      placeholder: 'FILE',
    },
  }),
  examples: [
    ['report ledgers/incident.jsonl', 'what happened?'],
    ['report ledgers/night-*.jsonl --out report', 'several nights as one, in every format'],
    ['report ledgers/incident.jsonl --html incident.html', 'an incident record'],
    ['report ledgers/incident.jsonl --redact to-show.jsonl', 'a ledger for a bug report'],
  ],
  run: async (args, context) => {
    const campaign = await campaignNamed(args['ledgers'] as unknown[], context);
    if (campaign !== undefined) {
      const { reportCampaign } = await import('../views/campaign-report.ts');
      const write = async (folder: string, view: LedgerView, files: Map<string, Output>) => {
        const beside = await factsBeside([view], context);
        await writeAll(folder, { views: [view], beside, files }, { ...context, say: () => {} });
        context.say(`Wrote ${folder}\n`);
      };
      const store = sharedStoreOf(context);
      await reportCampaign(
        { ...campaign, args, sourcesOf: sourceFiles, claim: claimAll, write },
        { ...context, store },
      );
      return 0;
    }
    const paths: string[] = [];
    for (const given of args['ledgers'] as unknown[]) paths.push(await ledgerGiven(String(given), context));
    const outputs = context.outputs();
    if (context.store.keeps === 'files') outputs.keep(...paths);
    const places = await filePlaces(args, outputs);
    const copy = await outputs.claimIfGiven('--redact', args['redact'], { isLedger: true });
    if (copy !== undefined && paths.length > 1) throw new UsageError('--redact copies one ledger: name one');
    const views: LedgerView[] = [];
    for (const path of paths) views.push(await readView(context.store, path));
    // What a run was made from is what a resume of it reads: `failed.csv` of an earlier report, for one.
    outputs.keep(...views.flatMap(sourceFiles));
    const folder = args['out'] === undefined ? undefined : resolve(context.cwd, String(args['out']));
    const files = folder === undefined ? new Map<string, Output>() : await claimAll(folder, outputs);
    await outputs.recheck();
    const beside = await factsBeside(views, context);
    const { plan } = beside;
    const { storeWords } = context;
    const summary = summarise(views, { nowMs: context.clock.wallMs(), ...beside, storeWords });
    await writePageAndRows(places, { views, summary, plan }, context.say);
    if (copy !== undefined) await writeCopy(copy, paths, context);
    const written = folder === undefined ? undefined : await writeAll(folder, { views, beside, files }, context);
    if (args['json'] === true) context.out(styled(jsonText(summary)));
    else {
      const { terminal } = context;
      context.out(styled(summaryText(summary, { terminal, files: written })));
    }
    await context.delivered();
    // Written all the same: what stands before the damage is what there is.
    for (const { path, fault } of views) throwIfDamaged(path, fault);
    return 0;
  },
};

/** A campaign that is named alone, with its runs; undefined where something else is. */
async function campaignNamed(
  given: readonly unknown[],
  { store }: Context,
): Promise<{ name: string; entries: readonly CampaignEntry[] } | undefined> {
  const [first, ...others] = given.map(String);
  if (first === undefined || others.length > 0 || !isShared(store)) return undefined;
  const name = first.replace(/\/$/, '');
  const entries = (await store.stat(ledgerNamed(first, { cwd: '', inStore: true }))) ? [] : await store.campaign(name);
  return entries.length === 0 ? undefined : { name, entries };
}

async function writeCopy(copy: Output, paths: readonly string[], { store, say }: Context): Promise<void> {
  const { redactedCopy } = await import('../../ledger/redacted-copy.ts');
  for (const path of paths) await copy.write(redactedCopy(path, store));
  say(`Wrote ${copy.path}: its names are tokens, and its chain is made anew\n`);
}

/** The places of every format in one folder, by their paths. */
async function claimAll(folder: string, outputs: Outputs): Promise<Map<string, Output>> {
  const { REPORT_FILES } = await import('../../report/write-report.ts');
  const files = new Map<string, Output>();
  for (const name of Object.values(REPORT_FILES)) {
    const output = await outputs.claim('--out', join(folder, name));
    files.set(output.path, output);
  }
  return files;
}

type Beside = Awaited<ReturnType<typeof factsBeside>>;

/** Every format into one folder. Returns where the lists lie. */
async function writeAll(
  outDir: string,
  { views, beside, files }: { views: readonly LedgerView[]; beside: Beside; files: Map<string, Output> },
  { say, clock, storeWords }: Context,
): Promise<{ failed: string; needsRelease: string }> {
  const { writeReport } = await import('../../report/write-report.ts');
  const write = (path: string, pieces: Iterable<string>) => {
    const output = files.get(path);
    if (output === undefined) throw new Error(`${path} was not looked at before it is written`);
    return output.write(pieces);
  };
  const { files: written } = await writeReport({ views, outDir, nowMs: clock.wallMs(), ...beside, storeWords, write });
  for (const path of Object.values(written)) say(`Wrote ${path}\n`);
  return written;
}

/** The file that a ledger's run was read from, if it was one. */
function sourceFiles({ state }: LedgerView): string[] {
  return state.sessions.flatMap(({ opened }) => {
    const parsed = frozenJobSchema.safeParse(opened.job);
    return parsed.success && parsed.data.source.kind === 'file' ? [parsed.data.source.path] : [];
  });
}
