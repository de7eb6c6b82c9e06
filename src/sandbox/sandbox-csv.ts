import { stringify } from 'csv-stringify/sync';
import { unknownIds } from './generate-actions.ts';
import type { SandboxAction } from './sandbox-action.ts';

interface SandboxCsvOptions {
  /** How many of the actions, from the first. @default all */
  count?: number;
  /** IDs that nobody knows. @default 3 */
  unknown?: number;
  /** Rows that repeat an earlier one. @default 1 */
  duplicates?: number;
  /** Rows whose ID is none. @default 1 */
  bad?: number;
  /** For the unknown IDs; that of the actions. @default 1 */
  seed?: number;
}

/**
 * A list as somebody would hand it to a responder: id, type, computer, comment; with a few rows that are wrong.
 * It names no dates and no statuses, so that it fits every sandbox of the same seed whenever that is started.
 */
export function sandboxCsv(actions: Iterable<SandboxAction>, options: SandboxCsvOptions = {}): string {
  const { count = Number.POSITIVE_INFINITY, unknown = 3, duplicates = 1, bad = 1, seed = 1 } = options;
  const rows: string[][] = [];
  for (const { id, type, computerDnsName } of actions) {
    if (rows.length >= count) break;
    // A comment of one's own here and there, as a row's comment beats that of the job.
    rows.push([
      id,
      type,
      computerDnsName ?? '',
      rows.length % 25 === 7 ? 'Released by the service desk, case 4711' : '',
    ]);
  }
  const known = rows.length;
  const at = (part: number) => Math.floor(known * part);
  for (const [n, id] of unknownIds(unknown, seed).entries()) {
    rows.splice(at((n + 1) / (unknown + 1)), 0, [id, 'Isolate', 'laptop-retired.contoso.com', '']);
  }
  for (let n = 0; n < bad; n += 1) {
    rows.splice(at(0.4) + n, 0, ['see ticket 4711', 'Isolate', 'desktop-unknown.contoso.com', '']);
  }
  for (let n = 0; n < duplicates; n += 1) rows.push([...(rows[n] ?? [])]);
  return stringify([['id', 'type', 'computer', 'comment'], ...rows]);
}
