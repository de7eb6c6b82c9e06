import { join, parse } from 'node:path';

/** Where ledgers lie when nothing else is said, below the current folder. */
export const LEDGER_FOLDER = 'ledgers';

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
  return join(cwd, LEDGER_FOLDER, `${name}${stamp}${plan ? '.plan' : ''}.jsonl`);
}

/** `20261123T182705Z`: sorts by time and stands in every file system. */
export function timeStamp(ms: number): string {
  return new Date(ms).toISOString().replace(/[-:]|\.\d+/g, '');
}

/** Longer names fit into no file's name together with the endings of a ledger. */
const MAX_NAME = 200;
const NOT_IN_NAMES = /[\p{Cc}\p{Cs}\u2028\u2029/\\]/gu;

/** A file's name without folder and ending, as a job may be called: what {@link isLedgerJobName} refuses is a hyphen instead. */
export function bareName(path: string): string {
  const name = [...parse(path).name.replaceAll(NOT_IN_NAMES, '-')].slice(0, MAX_NAME).join('');
  return name === '' ? 'source' : name;
}

/** What the name of a job in a ledger may be: it comes to names of files, lines of a log and labels of metrics. */
export function isLedgerJobName(name: string): boolean {
  const { length } = [...name];
  return length > 0 && length <= MAX_NAME && name.search(NOT_IN_NAMES) === -1;
}
