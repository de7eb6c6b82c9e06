import { resolve } from 'node:path';
import { fileDisk } from '../../ledger/file-disk.ts';
import { throwIfDamaged } from '../../ledger/read-ledger.ts';
import { jsonText } from '../../report/json-text.ts';
import type { PlanFacts } from '../../report/plan-summary.ts';
import { summarise } from '../../report/summary.ts';
import { terminalOf } from '../../report/terminal.ts';
import { summaryText } from '../../report/text.ts';
import type { LedgerView } from '../../report/view.ts';
import { readView } from '../../report/view-file.ts';
import type { Command } from '../command.ts';
import type { CliContext } from '../context.ts';
import { filePlaces, writePageAndRows } from '../page-and-rows.ts';
import { planFactsOf } from '../plan-facts.ts';

export const report: Command = {
  usage: 'report <ledgers..>',
  describe:
    'Reports one run, or several (shards, nights) as one: text on stdout, or JSON, CSV and HTML. A run that still goes on is reported as it ' +
    'stands; nothing is written to its ledger.',
  positionals: { ledgers: { describe: 'ledgers of runs or plans', array: true } },
  options: () => ({
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
    csv: { describe: 'write one row an action', type: 'string', requiresArg: true },
    html: { describe: 'write one self-contained page', type: 'string', requiresArg: true },
    out: {
      describe:
        'write report.html, summary.json, outcomes.csv, failed.csv, needs-release.csv and SHA256SUMS into this folder',
      type: 'string',
      requiresArg: true,
    },
  }),
  examples: [
    ['report ledgers/incident.jsonl', 'what happened?'],
    ['report ledgers/night-*.jsonl --out report', 'several nights as one, in every format'],
    ['report ledgers/incident.jsonl --html incident.html', 'an incident record'],
  ],
  run: async (args, context) => {
    const paths = (args['ledgers'] as unknown[]).map(String);
    const places = await filePlaces(args, context.cwd, paths);
    const views: LedgerView[] = [];
    for (const path of paths) views.push(await readView(fileDisk, path));
    const plan = planFactsOf(views);
    const options = { nowMs: context.clock.wallMs(), plan };
    const summary = summarise(views, options);
    await writePageAndRows(places, { views, summary, plan }, context.say);
    const written =
      args['out'] === undefined ? undefined : await writeAll(String(args['out']), { views, plan }, context);
    if (args['json'] === true) context.out(jsonText(summary));
    else {
      const terminal = terminalOf(process.stdout, context.env);
      context.out(summaryText(summary, { terminal, files: written }));
    }
    // Written all the same: what stands before the damage is what there is.
    for (const { path, fault } of views) throwIfDamaged(path, fault);
    return 0;
  },
};

/** Every format into one folder. Returns where the lists lie. */
async function writeAll(
  folder: string,
  { views, plan }: { views: readonly LedgerView[]; plan: PlanFacts | undefined },
  { cwd, say, clock }: CliContext,
): Promise<{ failed: string; needsRelease: string }> {
  const { writeReport } = await import('../../report/write-report.ts');
  const { files } = await writeReport({ views, outDir: resolve(cwd, folder), nowMs: clock.wallMs(), plan });
  for (const path of Object.values(files)) say(`Wrote ${path}\n`);
  return files;
}
