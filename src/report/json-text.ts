import { cleanJson } from '../clean.ts';
import type { Summary } from './facts/summary.ts';
import { summaryDocument } from './json.ts';

/** The `--json` document as text, indented, ending in a newline. */
export function jsonText(summary: Summary): string {
  return jsonDocument(summaryDocument(summary));
}

/** Any document as indented JSON that is harmless to look at, ending in a newline. */
export function jsonDocument(document: unknown): string {
  return `${cleanJson(JSON.stringify(document, undefined, 2))}\n`;
}

/** One line of JSON Lines. */
export function jsonLine(value: unknown): string {
  return `${cleanJson(JSON.stringify(value))}\n`;
}
