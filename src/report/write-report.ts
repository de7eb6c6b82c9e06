import { join } from 'node:path';
import { failedCsv, outcomesCsv, planCsv, releaseCsv } from './csv.ts';
import { type SummariseOptions, type Summary, summarise } from './facts/summary.ts';
import type { LedgerView } from './facts/view.ts';
import { htmlPage } from './html/page.ts';
import { jsonText } from './json.ts';

/** The files that `report --out` writes, in the order of `SHA256SUMS`. */
export const REPORT_FILES = {
  html: 'report.html',
  json: 'summary.json',
  outcomes: 'outcomes.csv',
  failed: 'failed.csv',
  needsRelease: 'needs-release.csv',
  sums: 'SHA256SUMS',
} as const;

export interface WriteReportOptions extends SummariseOptions {
  views: readonly LedgerView[];
  /** Made with mode 0700 when it is not there. */
  outDir: string;
  /** Writes a file of that folder for its owner alone, and returns the SHA-256 of its bytes in hex. */
  write(path: string, pieces: Iterable<string>): Promise<string>;
}

export interface WrittenReport {
  summary: Summary;
  /** Paths of what was written. */
  files: Record<keyof typeof REPORT_FILES, string>;
}

/**
 * Writes every format into one folder, each file readable by its owner alone, and last the list of their SHA-256 sums.
 * Throws Node's errors when the folder cannot be written.
 */
export async function writeReport({ views, outDir, write, ...options }: WriteReportOptions): Promise<WrittenReport> {
  const { plan } = options;
  const summary = summarise(views, options);
  const page = await htmlPage(summary, views, {
    files: { failed: REPORT_FILES.failed, needsRelease: REPORT_FILES.needsRelease },
    plan,
  });
  const contents: [name: string, pieces: Iterable<string>][] = [
    [REPORT_FILES.html, [page]],
    [REPORT_FILES.json, [jsonText(summary)]],
    [REPORT_FILES.outcomes, plan === undefined ? outcomesCsv(views) : planCsv(views, plan)],
    [REPORT_FILES.failed, failedCsv(views)],
    [REPORT_FILES.needsRelease, releaseCsv(views, plan)],
  ];
  const sums: string[] = [];
  for (const [name, pieces] of contents) sums.push(`${await write(join(outDir, name), pieces)}  ${name}\n`);
  await write(join(outDir, REPORT_FILES.sums), sums);
  const files = Object.fromEntries(Object.entries(REPORT_FILES).map(([key, name]) => [key, join(outDir, name)]));
  return { summary, files: files as WrittenReport['files'] };
}
