import { stat } from 'node:fs/promises';
import { extname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';

/**
 * Where a file that is written anew goes. Throws a UsageError for a ledger's place or that of a file which is read: a flag mistyped by
 * one word must not cost the record of what was done. `kept`: paths of files that stay as they are.
 */
export async function placeFor(flag: string, given: string, cwd: string, kept: readonly string[]): Promise<string> {
  const path = resolve(cwd, given);
  const others = kept.map((each) => resolve(cwd, each));
  if (extname(path).toLowerCase() === '.jsonl' || others.includes(path) || (await isOneOf(path, others))) {
    throw new UsageError(`${flag} ${path} would overwrite a ledger or a file that is read here: name another file`);
  }
  return path;
}

/** By another name, through a link. */
async function isOneOf(path: string, others: readonly string[]): Promise<boolean> {
  const [own, ...theirs] = await Promise.all([path, ...others].map((each) => stat(each).catch(() => undefined)));
  return own !== undefined && theirs.some((other) => other?.ino === own.ino && other.dev === own.dev);
}
