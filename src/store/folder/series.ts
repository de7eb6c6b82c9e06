import { basename, dirname } from 'node:path';

/**
 * Of the file names in the folder of `ledger`, those of the same stamped series (`nightly-20261123T020000Z.jsonl`), newest first; plans are not among
 * them. Undefined when the ledger is not one of a series: it was named, or belongs to a file.
 */
export function seriesOf(
  ledger: string,
  fileNames: readonly string[],
): { folder: string; names: string[] } | undefined {
  const own = split(basename(ledger));
  if (own === undefined) return undefined;
  const names = fileNames.filter((name) => {
    const other = split(name);
    return other?.name === own.name && !other.plan;
  });
  return { folder: dirname(ledger), names: names.sort().reverse() };
}

function split(fileName: string): { name: string; plan: boolean } | undefined {
  const match = /^(.+)-(\d{8}T\d{6}Z)(\.plan)?\.jsonl$/.exec(fileName);
  return match?.[1] === undefined ? undefined : { name: match[1], plan: match[3] !== undefined };
}
