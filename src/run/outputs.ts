import type { Job } from '../job/job.ts';
import { releaseListOf } from '../ledger/release-list.ts';
import type { Machine } from './machine.ts';

export type Pieces = Iterable<string> | AsyncIterable<string>;

/** A place that was found good for an output. */
export interface Output {
  /** Absolute. */
  path: string;
  /** Whether a file stands there that would be replaced. */
  isThere(): Promise<boolean>;
  /**
   * Replaces the file as a whole, if its place is still good. Returns the SHA-256 of its bytes, in hex. Throws a UsageError for a place that cannot be
   * written to or must not be, and a DiskError where there is no room.
   */
  write(pieces: Pieces): Promise<string>;
}

export interface ClaimOptions {
  /** Others may read it, as the process's umask allows; one that is replaced keeps its permissions, and no folder is made for it. @default false: only its owner */
  shared?: boolean;
  /** The list of isolations to be released that belongs to this run, which this is. @default false */
  isReleaseList?: boolean;
}

/** The outputs of one command: none of them replaces what is not its own, nor another one. */
export interface Outputs {
  /** Files that stay, by their paths: what this command reads. Counts for what was claimed before too, when that is written. */
  keep(...paths: readonly string[]): void;
  /** Throws a UsageError for a place where no output goes. `flag` is what a message calls it. */
  claim(flag: string, given: string, how?: ClaimOptions): Promise<Output>;
  /** {@link claim} for a flag that may not have been given. */
  claimIfGiven(flag: string, given: unknown): Promise<Output | undefined>;
  /** Looks at every place again, so that nothing is written where not all can be. */
  recheck(): Promise<void>;
}

/** What a run of this job reads and keeps. */
export function filesOf({ ledger, source }: Pick<Job, 'ledger' | 'source'>): string[] {
  return [ledger, ...(source.kind === 'file' ? [source.path] : [])];
}

/**
 * The list of isolations that may need release, beside the ledger: its place is found good or not before anything is sent. Undefined where the ledger is
 * no file: a machine that works from a store need not have a disk, and `report --out` writes the list.
 */
export async function claimReleaseList(
  job: Pick<Job, 'ledger' | 'source'>,
  { outputs, store }: Pick<Machine, 'outputs' | 'store'>,
): Promise<Output | undefined> {
  if (store.keeps === 'runs') return undefined;
  const places = outputs();
  places.keep(...filesOf(job));
  return await places.claim('the release list', releaseListOf(job.ledger), { isReleaseList: true });
}
