import { resolve } from 'node:path';
import { refuseSecretPath } from '../../identity/session-secrets.ts';
import type { Flags } from '../../job/given-settings.ts';
import type { Machine } from '../../run/machine.ts';

/** The arguments by which commands are told which files to read. */
const POSITIONALS = ['source', 'ledger', 'ledgers', 'job', 'names'] as const;

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
