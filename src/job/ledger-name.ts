import { basename, dirname, join, parse } from 'node:path';

/** Where ledgers lie when nothing else is said, below the current folder. */
const FOLDER = 'ledgers';

export interface LedgerNaming {
  /** The job's name, the source file's without its ending, or `stdin`. */
  name: string;
  /** A query and stdin have a ledger of their own each time. */
  stamped: boolean;
  plan: boolean;
  nowMs: number;
}

/** `ledgers/<name>[-<UTC time>][.plan].jsonl` below `cwd`. */
export function defaultLedger({ name, stamped, plan, nowMs }: LedgerNaming, cwd: string): string {
  const stamp = stamped ? `-${timeStamp(nowMs)}` : '';
  return join(cwd, FOLDER, `${name}${stamp}${plan ? '.plan' : ''}.jsonl`);
}

/** `20261123T182705Z`: sorts by time and stands in every file system. */
export function timeStamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** What a job's name cannot hold, although a file's may: it stands in messages, metrics and the names of ledgers. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const NOT_IN_NAMES = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\\]|\p{Cs}/gu;
const LONGEST_NAME = 200;

/** A file's name without folder and ending, as the name of a job: what cannot stand in one is replaced by `_`, and what is too long is cut. */
export function bareName(path: string): string {
  const name = parse(path).name.replace(NOT_IN_NAMES, '_');
  return name.length <= LONGEST_NAME ? name : name.slice(0, LONGEST_NAME).replace(NOT_IN_NAMES, '');
}

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
