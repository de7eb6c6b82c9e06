import { summaryDocument } from './document.ts';
import type { Summary } from './summary.ts';

/** The `--json` document as text, indented, ending in a newline. */
export function jsonText(summary: Summary): string {
  return `${JSON.stringify(summaryDocument(summary), undefined, 2)}\n`;
}
