import { UsageError } from '../errors.ts';

const HEAD = /^[0-9a-f]{32}$/;

/** What `--head` was given, in lower case. Throws a UsageError for what is no head at all: that tells nothing of any ledger. */
export function readHead(given: unknown): string {
  const head = String(given).trim().toLowerCase();
  if (HEAD.test(head)) return head;
  const shown = head === '' ? 'nothing' : `${head.length} characters that are not one`;
  throw new UsageError(
    `--head takes the head of a ledger, 32 hex digits, and was given ${shown}: countermand plan prints it at its end, ` +
      'and countermand report and countermand verify --offline show it',
  );
}

/** Throws a UsageError for a ledger that is not the one that was reviewed: `head` is that of the reading that is acted on, under the ledger's lock. */
export function refuseOtherHead(path: string, head: string, reviewed: string): void {
  if (head === reviewed) return;
  throw new UsageError(
    `the head of ${path} is ${head} and not ${reviewed}: it is not the ledger that was reviewed, and nothing was sent; plan again, ` +
      'or look at what changed it',
  );
}

/** What is still to be read of the source was in no list that anybody has reviewed. */
export function notReadToItsEnd(path: string): UsageError {
  return new UsageError(
    `${path} was not read to the end of its source, so its head does not name all that would be cancelled, and nothing was sent; plan again`,
  );
}
