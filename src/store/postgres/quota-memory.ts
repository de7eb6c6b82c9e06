import type { Clock } from '../../clock.ts';
import type { ClocksNow } from '../../ledger/call-age.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { Logger } from '../../log.ts';
import { agedCalls, lookBackMs } from '../../quota/past-calls.ts';
import type { Window } from '../../quota/quota.ts';
import type { CallsElsewhere } from '../network-store.ts';
import type { QuotaMemory } from '../store.ts';
import type { Database } from './database.ts';
import { QuotaScope } from './quota-scope.ts';

/**
 * Tells the database of this ledger's calls that were made where it was not asked: in a folder, before the ledger was imported. They are known by
 * their sessions: one that was begun with this quota stands in the database itself, with its calls. What calls of the others may still count is judged
 * as in a folder: by what the ledger says, with Defender's clock read first where there are any.
 */
export async function rememberOwnCalls(
  scope: QuotaScope,
  known: ReadonlySet<number>,
  { ledger, measureSkew, log }: QuotaMemory,
  { windows, sender, clock }: { windows: readonly Window[]; sender: SenderId; clock: Clock },
): Promise<void> {
  if (ledger === undefined) return;
  const { state } = ledger;
  const sessions = state.sessions.map(({ number }) => number);
  const current = sessions.at(-1);
  const isElsewhere = (session: number) => session !== current && !known.has(session);
  const mayHaveCalls = state.lastCall > 0 && sessions.some(isElsewhere);
  const now = mayHaveCalls ? await readClocks(clock, measureSkew) : undefined;
  const past =
    now === undefined ? [] : state.recentCalls(now, lookBackMs(windows), sender.client, undefined, isElsewhere);
  if (past.length > 0)
    log.info(`${past.length} calls of this ledger from before it came into the store count against the quota`);
  await scope.fill(state.run, sessions, now === undefined ? [] : agedCalls(past, now));
}

/** Tells the database of calls that ledgers outside of it hold. Returns how many it did not know. */
export async function rememberCalls(
  database: Database,
  sender: SenderId,
  { longestMs, ledgers }: { longestMs: number; ledgers: readonly CallsElsewhere[] },
  parts: { clock: Clock; log: Logger },
): Promise<number> {
  let count = 0;
  for (const { run, ended, calls } of ledgers) {
    const { scope, known } = await QuotaScope.open(database, sender, { longestMs, run }, parts);
    const isNew = (session: number) => !known.has(session);
    const past = calls(isNew);
    // One that has not ended is asked again the next time: better to count a call twice than not at all.
    await scope.fill(run, ended.filter(isNew), past);
    count += past.length;
  }
  return count;
}

/** How many of these calls the database does not know, whoever made them. */
export async function countUnknown(database: Database, ledgers: readonly CallsElsewhere[]): Promise<number> {
  const rows = await database.query<{ run: string; session: number }>(
    'select distinct run, session from countermand.quota_session where run = any($1)',
    [ledgers.map(({ run }) => run)],
  );
  const known = new Set(rows.map(({ run, session }) => `${run} ${session}`));
  const counts = ledgers.map(({ run, calls }) => calls((session) => !known.has(`${run} ${session}`)).length);
  return counts.reduce((sum, count) => sum + count, 0);
}

async function readClocks(clock: Clock, measureSkew: QuotaMemory['measureSkew']): Promise<ClocksNow> {
  const skewMs = await measureSkew?.();
  const wallMs = clock.wallMs();
  // Nothing is known of the file that it was once.
  return { wallMs, defenderMs: skewMs === undefined ? undefined : wallMs + skewMs, fileMs: undefined };
}
