import { resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { refuseSecretPath } from '../../identity/session-secrets.ts';
import type { Flags } from '../../job/given-settings.ts';
import { secretAdvice, secretNamed } from '../../job/secrets.ts';
import type { Machine } from '../../run/machine.ts';

/** The arguments by which commands are told which files to read. */
const POSITIONALS = ['source', 'ledger', 'ledgers', 'job', 'names', 'sources'] as const;

/** Throws a UsageError for a command that would read one of this session's secrets as something else, before it reads anything. */
export function refuseSecretArguments(
  args: Flags,
  { cwd, env, secrets }: Pick<Machine, 'cwd' | 'env' | 'secrets'>,
): void {
  const given = POSITIONALS.flatMap((name) => args[name] ?? []).map(String);
  for (const name of given) refuseSecretPath(secrets, resolve(cwd, name), name);
  // Node has read it already; one that holds a secret is no list of authorities, and was named there by mistake.
  const authorities = env['NODE_EXTRA_CA_CERTS'];
  if (authorities) refuseSecretPath(secrets, authorities, `NODE_EXTRA_CA_CERTS, ${authorities},`);
}

/** Sounds like a secret, and names a folder. */
const NO_SECRET = { command: 'worker', flag: 'credentials' };

/** Throws a UsageError for a flag that would carry a secret: it would stand in the shell's history and the process list. */
export function refuseSecrets(argv: readonly string[]): void {
  for (const argument of argv) {
    if (argument === '--') return;
    const flag = /^--([a-z][a-z0-9_-]*)/i.exec(argument)?.[1];
    if (flag === NO_SECRET.flag && argv.includes(NO_SECRET.command)) continue;
    const secret = flag === undefined ? undefined : secretNamed(flag);
    if (secret !== undefined) {
      throw new UsageError(
        `--${flag} is not a flag, because secrets must not stand on a command line: ${secretAdvice(secret)} (and change this one, it may be in your shell's history)`,
      );
    }
  }
}
