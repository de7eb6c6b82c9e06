import { basename, join, parse, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { HERE } from '../platform.ts';

/** Where ledgers lie when nothing else is said, below the current folder. */
export const LEDGER_FOLDER = 'ledgers';

/** Where ledgers go. */
export interface LedgerPlace {
  /** Absolute: what paths are from. */
  cwd: string;
  /** They are runs of a store, which are named, and no files. @default false */
  inStore?: boolean;
}

/** What stands before a run's name where a SOURCE may be anything. */
const RUN_PREFIX = 'run:';

/** Whether a SOURCE names a run of a store. */
export function isRunName(source: string): boolean {
  return source.startsWith(RUN_PREFIX);
}

/** The one name of a ledger that a person names: an absolute path, or a run's name. Throws a UsageError for a run where there is no store. */
export function ledgerNamed(given: string, { cwd, inStore = false }: LedgerPlace): string {
  if (inStore) return isRunName(given) ? given.slice(RUN_PREFIX.length) : given;
  if (isRunName(given)) throw new UsageError(`${given} is a run of a store: say which with --store.`);
  return resolve(cwd, given);
}

/** A ledger as it is read and shown: a file as it was typed, else {@link ledgerNamed}. */
export function ledgerTyped(given: string, place: LedgerPlace): string {
  const named = ledgerNamed(given, place);
  return place.inStore ? named : given;
}

const ENDING = '.jsonl';

/** What `status` calls a ledger: its file without folder and ending, or the run's name. */
export function shownName(ledger: string, { inStore = false }: Pick<LedgerPlace, 'inStore'>): string {
  return inStore ? ledger : basename(ledger, ENDING);
}

/** The file that {@link shownName} may stand for, in the folder of ledgers; undefined for what can only be a path. */
export function fileOfShownName(given: string): string | undefined {
  const isPath = basename(given) !== given || given.toLowerCase().endsWith(ENDING);
  return isPath || isRunName(given) ? undefined : join(LEDGER_FOLDER, `${given}${ENDING}`);
}

/** Where the plan of a run lies, by the rule of {@link defaultLedger}; undefined for what is named as no ledger is. */
export function planOf(ledger: string, { inStore }: Pick<LedgerPlace, 'inStore'>): string | undefined {
  if (inStore) return `${ledger}.plan`;
  return ledger.endsWith(ENDING) ? `${ledger.slice(0, -ENDING.length)}.plan${ENDING}` : undefined;
}

export interface LedgerNaming {
  /** The job's name, the source file's without its ending, or `stdin`. */
  name: string;
  /** A query and stdin have a ledger of their own each time. */
  stamped: boolean;
  plan: boolean;
  nowMs: number;
}

/** `ledgers/<name>[-<UTC time>][.plan].jsonl` below `cwd`; of a store, the name alone. */
export function defaultLedger({ name, stamped, plan, nowMs }: LedgerNaming, { cwd, inStore }: LedgerPlace): string {
  const stamp = stamped ? `-${timeStamp(nowMs)}` : '';
  // What ends so is taken for a file, whatever else it is.
  const called = inStore ? name.replace(/\.(?=jsonl$)/i, '-') : name;
  const run = `${called}${stamp}${plan ? '.plan' : ''}`;
  return inStore ? run : join(cwd, LEDGER_FOLDER, `${HERE.fileName(run)}${ENDING}`);
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
