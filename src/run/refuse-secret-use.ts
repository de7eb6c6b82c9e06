import { fstatSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { Args } from '../cli/command.ts';
import type { CliContext } from '../cli/context.ts';
import { type FileIdentity, refuseSecretFile, refuseSecretText } from '../identity/session-secrets.ts';
import type { Target } from './target.ts';

/** The arguments by which commands are told which files to read. */
const POSITIONALS = ['source', 'ledger', 'ledgers', 'job'] as const;

/** Throws a UsageError for a command that would read one of this session's secrets as something else, before it reads anything. */
export function refuseSecretArguments(args: Args, { cwd, env, secrets }: CliContext): void {
  const given = POSITIONALS.flatMap((name) => args[name] ?? []).map(String);
  for (const name of given) refuseSecretPath(secrets, resolve(cwd, name), name);
  // Node has read it already; one that holds a secret is no list of authorities, and was named there by mistake.
  const authorities = env['NODE_EXTRA_CA_CERTS'];
  if (authorities) refuseSecretPath(secrets, authorities, `NODE_EXTRA_CA_CERTS, ${authorities},`);
}

/**
 * Throws a UsageError for a run whose source or ledger is one of this session's secrets, or one of whose comments holds one: whether flags, a job
 * file or a ledger say so. Comments of rows that are still to be read are looked at as they come ({@link refuseSecretText}).
 */
export function refuseSecretUse({ job, before }: Target, { secrets }: Pick<CliContext, 'secrets'>): void {
  refuseSecretPath(secrets, job.ledger, `the ledger ${job.ledger}`);
  if (job.source.kind === 'file') refuseSecretPath(secrets, job.source.path, `the source ${job.source.path}`);
  if (job.source.kind === 'stdin') refuseSecretStdin(secrets);
  refuseSecretText(secrets, job.comment, 'the comment');
  for (const { comment, line } of before?.actions.values() ?? []) {
    if (comment !== undefined) refuseSecretText(secrets, comment, `the comment of line ${line} in the ledger`);
  }
}

function refuseSecretPath(secrets: CliContext['secrets'], path: string, shownAs: string): void {
  const there = identityOf(() => statSync(path));
  if (there !== undefined) refuseSecretFile(secrets, there, shownAs);
}

/** `countermand run - < FILE`. */
function refuseSecretStdin(secrets: CliContext['secrets']): void {
  const there = identityOf(() => fstatSync(0));
  if (there !== undefined) refuseSecretFile(secrets, there, 'stdin');
}

/** A file that is not there, or may not be looked at, is told by whoever opens it. */
function identityOf(look: () => FileIdentity): FileIdentity | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}
