import { statSync } from 'node:fs';
import { lstat, realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { type FileIdentity, isSameFile, refuseSecretFile } from '../../identity/session-secrets.ts';
import type { Machine } from '../../run/machine.ts';
import type { Outputs } from '../../run/outputs.ts';
import { checkOutput, type OutputRules, overwrites, writePrivate } from './private-file.ts';

/** The outputs of one command, as files. */
export function makeOutputs({ cwd, secrets }: Pick<Machine, 'cwd' | 'secrets'>): Outputs {
  const kept: string[] = [];
  const claimed = new Map<string, { flag: string; path: string; rules: OutputRules }>();

  const claim: Outputs['claim'] = async (
    flag,
    given,
    { shared = false, isReleaseList = false, isLedger = false } = {},
  ) => {
    const path = resolve(cwd, given);
    const rules: OutputRules = {
      shownAs: flag,
      isReleaseList,
      isLedger,
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
    return {
      path,
      isThere: () =>
        lstat(path).then(
          () => true,
          () => false,
        ),
      write: (pieces) => writePrivate(path, pieces, { rules, shared }),
    };
  };
  return {
    claim,
    keep: (...paths) => void kept.push(...paths.map((each) => resolve(cwd, each))),
    claimIfGiven: async (flag, given, how) => (given === undefined ? undefined : claim(flag, String(given), how)),
    recheck: async () => {
      for (const { path, rules } of claimed.values()) await checkOutput(path, rules);
    },
  };
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
