import { readFile, stat } from 'node:fs/promises';
import { UsageError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { Env } from './credential-source.ts';

/** A secret and the name of the variable it came from. */
export interface SecretValue {
  value: string;
  from: string;
}

/** Which of NAME and NAME_FILE is set; empty ones count as unset. Throws a UsageError when both are. */
export function secretVariable(env: Env, name: string): string | undefined {
  const inFile = `${name}_FILE`;
  if (env[name] && env[inFile]) {
    throw new UsageError(`${name} and ${inFile} are both set; unset one of them, so that it is clear which counts`);
  }
  if (env[name]) return name;
  return env[inFile] ? inFile : undefined;
}

/** The secret of NAME, or of the file that NAME_FILE names. Throws a UsageError for a file that cannot be read or is empty. */
export async function readSecret(env: Env, name: string, log: Logger): Promise<SecretValue | undefined> {
  const from = secretVariable(env, name);
  if (from === undefined) return undefined;
  const value = env[from] ?? '';
  return { from, value: from === name ? value : await readSecretFile(value, from, log) };
}

/** What a file holds, without one trailing newline. Warns when others may read it. */
export async function readSecretFile(path: string, from: string, log: Logger): Promise<string> {
  let text: string;
  try {
    const { mode } = await stat(path);
    // A mounted Kubernetes secret is a link into a volume of the container alone, so only the file itself is judged.
    if (process.platform !== 'win32' && (mode & 0o004) !== 0) {
      log.warn({ path, from }, `${from}: every user of this machine can read ${path}; take that away with chmod o-r`);
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(
      `${from} names ${path}, which cannot be read (${code}); correct the path or the file's permissions`,
    );
  }
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new UsageError(`${from} names ${path}, which is empty; put the value into it`);
  return value;
}
