import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { fileDisk } from '../../ledger/file-disk.ts';
import { outcomesCsv, planCsv } from '../../report/csv.ts';
import { jsonText } from '../../report/json-text.ts';
import { writePrivate } from '../../report/private-file.ts';
import { type Summary, summarise } from '../../report/summary.ts';
import { terminalOf } from '../../report/terminal.ts';
import { summaryText } from '../../report/text.ts';
import type { LedgerView } from '../../report/view.ts';
import { readView } from '../../report/view-file.ts';
import type { Command } from '../command.ts';
import type { CliContext } from '../context.ts';
import { placeFor } from '../place-for.ts';
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
    for (const name of ['csv', 'html']) {
      if (args[name] !== undefined) await placeFor(`--${name}`, String(args[name]), context.cwd, paths);
    }
    const views: LedgerView[] = [];
    for (const path of paths) views.push(await readView(fileDisk, path));
    if (views.every(({ book }) => book.sessions.length === 0)) {
      throw new UsageError(`${paths.join(', ')} holds no run yet`);
    }
    const plan = planFactsOf(views);
    const options = { nowMs: context.clock.wallMs(), plan };
    const summary = summarise(views, options);
    const written = await writeFiles(args, { views, summary, plan }, context);
    if (args['json'] === true) context.out(jsonText(summary));
    else {
      const terminal = terminalOf(process.stdout, context.env);
      context.out(summaryText(summary, { terminal, files: written }));
    }
    return 0;
  },
};

async function writeFiles(
  args: Readonly<Record<string, unknown>>,
  { views, summary, plan }: { views: LedgerView[]; summary: Summary; plan: ReturnType<typeof planFactsOf> },
  { cwd, say, clock }: CliContext,
): Promise<{ failed: string; needsRelease: string } | undefined> {
  const place = (value: unknown) => resolve(cwd, String(value));
  if (args['csv'] !== undefined) {
    await writePrivate(place(args['csv']), plan === undefined ? outcomesCsv(views) : planCsv(views, plan));
    say(`Wrote ${place(args['csv'])}\n`);
  }
  if (args['html'] !== undefined) {
    const { htmlPage } = await import('../../report/html/page.ts');
    await writePrivate(place(args['html']), [await htmlPage(summary, views, { plan })]);
    say(`Wrote ${place(args['html'])}\n`);
  }
  if (args['out'] === undefined) return undefined;
  const { writeReport } = await import('../../report/write-report.ts');
  const { files } = await writeReport({ views, outDir: place(args['out']), nowMs: clock.wallMs(), plan });
  for (const path of Object.values(files)) say(`Wrote ${path}\n`);
  return files;
}
