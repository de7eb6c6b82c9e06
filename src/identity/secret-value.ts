import { readdir, readFile, stat } from 'node:fs/promises';
import { RefusedError, UsageError } from '../errors.ts';
import { HERE } from '../platform.ts';
import type { Env } from './credential-source.ts';

/** A secret and the name of the variable it came from. */
interface SecretValue {
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

/**
 * The secret of NAME, or of the file that NAME_FILE names (without one trailing newline), or undefined when neither is
 * set. Throws a RefusedError for a file that cannot be read or is empty.
 */
export async function readSecret(env: Env, name: string): Promise<SecretValue | undefined> {
  const from = secretVariable(env, name);
  if (from === undefined) return undefined;
  const value = env[from] ?? '';
  return { from, value: from === name ? value : await readSecretFile(value, from) };
}

/** What a file holds, without one trailing newline. `from` is the variable that names it. */
export async function readSecretFile(path: string, from: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new RefusedError(
      `${from} names ${shown(path)}, which cannot be read (${code}); correct the path or the file's permissions`,
    );
  }
  const value = text.replace(/\r?\n$/, '');
  if (value === '') throw new RefusedError(`${from} names ${path}, which is empty; put the value into it`);
  return value;
}

/** What lies in a folder of secrets. `from` names it in a message: it may be the secret itself. Throws a UsageError for what is no folder that can be read. */
export async function namesIn(folder: string, from: string): Promise<string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
    throw new UsageError(`${from} names no folder that can be read (${code}): correct the path or its permissions`);
  }
}

/** Somebody may have put the secret itself where a path belongs: only what begins as a path does is shown. */
function shown(path: string): string {
  const isPath = /^(?:\.{0,2}[\\/]|[a-z]:[\\/])[^\r\n]*$/i.test(path);
  return isPath ? path : 'something that does not begin with / or ./ (and is not shown, it may be the secret itself)';
}

/**
 * Variables whose value is the path of a file that holds a secret. Not the federated token: the kubelet writes it,
 * readable, and it lives for an hour.
 */
const SECRET_FILES = [
  'COUNTERMAND_TOKEN_FILE',
  'AZURE_CLIENT_SECRET_FILE',
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_CLIENT_CERTIFICATE_KEY_PATH',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD_FILE',
] as const;

/** A sentence for each secret file named in the environment that every user of this machine can read. */
export async function openSecretFiles(env: Env): Promise<string[]> {
  if (!HERE.hasModes) return [];
  const warnings = await Promise.all(
    SECRET_FILES.map(async (name) => {
      const path = env[name];
      if (!path) return [];
      // A file that is not there is told where it is needed.
      const mode = await stat(path).then(
        (found) => found.mode,
        () => 0,
      );
      return (mode & 0o004) === 0 ? [] : [`${name}: ${path} is world-readable: run chmod o-r ${path}`];
    }),
  );
  return warnings.flat();
}
