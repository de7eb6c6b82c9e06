/** Where our CSV puts an apostrophe before what a spreadsheet would take for a formula; see report/csv.ts. */
const ADDED = /(^|[;\n])'(?=[\s"']*[=+\-@\uFF1D\uFF0B\uFF0D\uFF20])/gu;

/** A comment as it was before it was written to a CSV of ours: a failed.csv is a source again, and its comments are the user's. */
export function withoutApostrophes(text: string): string {
  return text.replace(ADDED, '$1');
}
