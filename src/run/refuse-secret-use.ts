import { refuseSecretPath, refuseSecretStdin, refuseSecretText } from '../identity/session-secrets.ts';
import type { Machine } from './machine.ts';
import type { Target } from './target.ts';

/**
 * Throws a UsageError for a run whose source or ledger is one of this session's secrets, or one of whose comments holds one: whether flags, a job
 * file or a ledger say so. Comments of rows that are still to be read are looked at as they come ({@link refuseSecretText}).
 */
export function refuseSecretUse({ job, before }: Target, { secrets }: Pick<Machine, 'secrets'>): void {
  refuseSecretPath(secrets, job.ledger, `the ledger ${job.ledger}`);
  if (job.source.kind === 'file') refuseSecretPath(secrets, job.source.path, `the source ${job.source.path}`);
  if (job.source.kind === 'stdin') refuseSecretStdin(secrets);
  refuseSecretText(secrets, job.comment, 'the comment');
  for (const { comment, line } of before?.actions.values() ?? []) {
    if (comment !== undefined) refuseSecretText(secrets, comment, `the comment of line ${line} in the ledger`);
  }
}
