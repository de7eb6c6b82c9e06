import { UsageError } from '../errors.ts';
import type { Scanned } from './scanner.ts';

/** How the first record of every ledger begins. */
export const FIRST_RECORD = '{"seq":1,"at":"';

const ANY_RECORD = /\n\{"seq":\d+,"at":"/;
/** Longer than what the pattern takes. */
const OVERLAP = 64;

/** A first write that was cut off, or nothing at all, is nothing lost; any other text without a newline is somebody's file. */
export function isBeginning(torn: string): boolean {
  return torn.startsWith(FIRST_RECORD) || FIRST_RECORD.startsWith(torn);
}

/**
 * Throws a UsageError for a file that never was a ledger: its first line does not fit, and no line looks like a record. A ledger whose
 * first lines were lost or changed is left to whoever calls it damaged. `again` reads it once more from its beginning, where that is needed.
 */
export async function refuseOtherFile(
  path: string,
  again: AsyncIterable<Uint8Array>,
  { scanned, torn }: { scanned: Scanned; torn: string },
): Promise<void> {
  if (scanned.records > 0 || (scanned.fault === undefined && isBeginning(torn))) return;
  let before = '\n';
  for await (const chunk of again) {
    const text = before + Buffer.from(chunk).toString('latin1');
    if (ANY_RECORD.test(text)) return;
    before = text.slice(-OVERLAP);
  }
  throw new UsageError(
    `${path} is not a ledger: none of its lines is a record of one. Name a ledger (.jsonl) that plan or run has written; a list of action IDs is for countermand run.`,
  );
}
