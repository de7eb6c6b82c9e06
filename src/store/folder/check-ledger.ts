import type { Disk } from './disk.ts';
import { type LedgerFacts, scanFile } from './read.ts';

export interface CheckedLedger extends LedgerFacts {
  /** Where the head that was asked for stands; undefined when none was asked for. */
  headFound: HeadFound | undefined;
}

/**
 * `last`: at the last record, as it should. `earlier`: at this line, and more was written behind it. `absent`: nowhere, so records
 * were removed from the end, or it is the head of another ledger.
 */
export type HeadFound = { kind: 'last' } | { kind: 'earlier'; line: number } | { kind: 'absent' };

/**
 * Checks the whole of a ledger against its chain, and its last chain value against a `head` noted earlier (32 hex digits, in lower case). Neither takes a
 * lock nor writes. Throws a UsageError when there is no such file or its format is another than ours.
 */
export async function checkLedger(options: { path: string; disk: Disk; head?: string }): Promise<CheckedLedger> {
  const head = options.head?.trim().toLowerCase();
  let line: number | undefined;
  let [from, to]: [number | undefined, number | undefined] = [undefined, undefined];
  const { scanned } = await scanFile(options.path, options.disk, {
    apply(_record, atMs) {
      from ??= atMs;
      to = atMs;
    },
    linked(seq, chain) {
      if (chain === head) line = seq;
    },
  });
  const { records, tornBytes, fault } = scanned;
  const headFound = head === undefined ? undefined : whereIs(line, records);
  return { records, from, to, head: scanned.head, tornBytes, fault, headFound };
}

function whereIs(line: number | undefined, records: number): HeadFound {
  if (line === undefined) return { kind: 'absent' };
  return line === records ? { kind: 'last' } : { kind: 'earlier', line };
}
