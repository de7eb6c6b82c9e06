import { UsageError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Action } from '../ledger/state/run-state.ts';
import type { Console } from './console.ts';

export type MissingAnswer = 'withdraw' | 'keep' | undefined;

/**
 * Open actions that the source no longer names, of those that were not called yet. Asks what to do with them, and returns
 * those to be withdrawn. Throws a UsageError where nobody can say: an ID that was taken out of a list must not be called by mistake.
 */
export async function decideMissing(
  ledger: Ledger,
  answer: MissingAnswer,
  console: Pick<Console, 'canAsk' | 'ask'>,
  signal: AbortSignal,
): Promise<Action[]> {
  const missing = [...ledger.state.missing()].filter(({ sent, outcome }) => sent === 0 && outcome === undefined);
  if (missing.length === 0 || answer === 'keep') return [];
  if (answer === 'withdraw') return missing;
  const what = `${missing.length} open ${missing.length === 1 ? 'action is' : 'actions are'} no longer in the source`;
  if (!console.canAsk()) {
    throw new UsageError(
      `${what}, and nothing was sent: use --withdraw-missing to skip them, or --keep-missing to cancel them anyway`,
    );
  }
  const withdraw = await console.ask(`${what}. Skip them?`, signal);
  signal.throwIfAborted();
  if (withdraw) return missing;
  if (await console.ask(`Cancel them anyway?`, signal)) return [];
  throw new UsageError(`${what}: nothing was sent. Re-run with --withdraw-missing or --keep-missing`);
}

/** Takes those back that were not yet; after a `start` only, as all outcomes. */
export async function withdraw(ledger: Ledger, actions: readonly Action[]): Promise<void> {
  const detail = 'no longer in the source';
  const open = actions.filter(({ outcome }) => outcome === undefined);
  await Promise.all(open.map(({ id }) => ledger.outcome({ id, outcome: 'withdrawn', attempts: 0, detail })));
}
