import { statSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { CliContext } from '../cli/context.ts';
import { UsageError } from '../errors.ts';
import { type FileIdentity, isSameFile, refuseSecretFile } from '../identity/session-secrets.ts';
import type { Job } from '../job/job.ts';
import { releaseListOf } from '../ledger/release-list.ts';
import { checkOutput, type OutputRules, overwrites } from '../report/output-place.ts';
import { type OutputOptions, type Pieces, writePrivate } from '../report/private-file.ts';

/** A place that was found good for an output. */
export interface Output {
  /** Absolute. */
  path: string;
  /** Replaces the file as a whole, if its place is still good. Returns the SHA-256 of its bytes. Throws as `writePrivate` does. */
  write(pieces: Pieces): Promise<string>;
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

export type ClaimOptions = Pick<OutputOptions, 'shared'> & Pick<OutputRules, 'isReleaseList'>;

export function makeOutputs({ cwd, secrets }: Pick<CliContext, 'cwd' | 'secrets'>): Outputs {
  const kept: string[] = [];
  const claimed = new Map<string, { flag: string; path: string; rules: OutputRules }>();

  const claim: Outputs['claim'] = async (flag, given, { shared = false, isReleaseList = false } = {}) => {
    const path = resolve(cwd, given);
    const rules: OutputRules = {
      shownAs: flag,
      isReleaseList,
      refuse: (file) => {
        refuseSecretFile(secrets, file, `${flag} ${path}`);
        if (kept.some((each) => isAt(each, file)))
          throw overwrites(path, { shownAs: flag }, 'a file that is read here');
        const other = [...claimed.values()].find((each) => each.rules !== rules && isAt(each.path, file));
        if (other !== undefined) throw clash(flag, path, other.flag);
      },
    };
    const place = await placeOf(path);
    const other = claimed.get(place);
    if (other !== undefined) throw clash(flag, path, other.flag);
    await checkOutput(path, rules);
    claimed.set(place, { flag, path, rules });
    return { path, write: (pieces) => writePrivate(path, pieces, { rules, shared }) };
  };
  return {
    claim,
    keep: (...paths) => void kept.push(...paths.map((each) => resolve(cwd, each))),
    claimIfGiven: async (flag, given) => (given === undefined ? undefined : claim(flag, String(given))),
    recheck: async () => {
      for (const { path, rules } of claimed.values()) await checkOutput(path, rules);
    },
  };
}

/** What a run of this job reads and keeps. */
export function filesOf({ ledger, source }: Pick<Job, 'ledger' | 'source'>): string[] {
  return [ledger, ...(source.kind === 'file' ? [source.path] : [])];
}

/** `<ledger>.needs-release.csv`, found good or not before anything is sent. */
export async function claimReleaseList(job: Pick<Job, 'ledger' | 'source'>, context: CliContext): Promise<Output> {
  const outputs = makeOutputs(context);
  outputs.keep(...filesOf(job));
  return outputs.claim('the release list', releaseListOf(job.ledger), { isReleaseList: true });
}

function clash(flag: string, path: string, other: string): UsageError {
  return new UsageError(`${flag} ${path} would overwrite what ${other} writes: name another file`);
}

/** Looked up anew each time: what is to stay may come to be meanwhile, as a ledger does. */
function isAt(path: string, file: FileIdentity): boolean {
  try {
    return isSameFile(statSync(path), file);
  } catch {
    return false;
  }
}

/** A path by which two names of one place are the same, whether there is anything yet or not. */
async function placeOf(path: string): Promise<string> {
  const rest: string[] = [basename(path)];
  for (let folder = dirname(path); ; folder = dirname(folder)) {
    const real = await realpath(folder).catch(() => undefined);
    if (real !== undefined) return join(real, ...rest);
    if (folder === dirname(folder)) return path;
    rest.unshift(basename(folder));
  }
}
