import { basename, dirname } from 'node:path';
import { sameSeries } from '../stamped.ts';

const ENDING = '.jsonl';

/**
 * Of the file names in the folder of `ledger`, those of the same stamped series (`nightly-20261123T020000Z.jsonl`), newest first; plans are not among
 * them. Undefined when the ledger is not one of a series: it was named, or belongs to a file.
 */
export function seriesOf(
  ledger: string,
  fileNames: readonly string[],
): { folder: string; names: string[] } | undefined {
  const own = basename(ledger);
  if (!own.endsWith(ENDING)) return undefined;
  const ledgers = fileNames.filter((name) => name.endsWith(ENDING)).map((name) => name.slice(0, -ENDING.length));
  const names = sameSeries(own.slice(0, -ENDING.length), ledgers);
  return names && { folder: dirname(ledger), names: names.map((name) => `${name}${ENDING}`) };
}
