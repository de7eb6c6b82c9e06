import { expect } from 'vitest';
import { isFinal } from '../../src/ledger/outcomes.ts';
import { checkLedger, readLedger } from '../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { isInDoubt } from '../../src/ledger/state/run-state.ts';
import { fileDisk } from '../../src/store/folder/file-disk.ts';
import { COMMENT, type Harness, only, outcomesOf } from '../support/harness.ts';

/** How a person goes on after a kill: with the ledger where the source was read to its end, else with the source again. */
export async function goOn(harness: Harness, source: string, ledger: string): Promise<readonly string[]> {
  const records = await harness.records(ledger).catch(() => []);
  return only(records, 'intake').length > 0
    ? ['resume', ledger, '--yes']
    : ['run', source, ...COMMENT, '--yes', '--ledger', ledger];
}

/** The actions that a killed session left in doubt, and how many requests the server had got by then. */
export interface Doubt {
  ids: readonly string[];
  requests: number;
}

/** What the ledger says is in doubt. Nothing, where there is none yet. */
export async function doubtIn(harness: Harness, ledger: string): Promise<Doubt> {
  const read = await readLedger(harness.path(ledger), fileDisk).catch(() => undefined);
  const ids = read === undefined ? [] : [...read.state.left()].filter(isInDoubt).map(({ id }) => id);
  return { ids, requests: harness.sandbox.log.entries.length };
}

/** The first that the server heard of each of them since then was a lookup, whether or not the call in doubt had reached it. */
export function expectLookedUpFirst({ sandbox: { log } }: Pick<Harness, 'sandbox'>, { ids, requests }: Doubt): void {
  const since = log.entries.slice(requests);
  const first = ids.map((id) => [id, since.find((entry) => entry.ids.includes(id))?.route]);
  expect(first.filter(([, route]) => route !== 'get' && route !== 'list')).toEqual([]);
}

/** Goes on after a kill. Then nothing is left, nothing was done twice, and the ledger fits its chain. */
export async function expectOrderlyEnd(
  harness: Harness,
  source: string,
  ledger: string,
  ids: readonly string[],
): Promise<void> {
  const doubt = await doubtIn(harness, ledger);
  const { code, signal, stdout, stderr } = await harness.run(await goOn(harness, source, ledger), {
    timeoutMs: 240_000,
  });
  expect({ code, signal }, `${stdout}\n${stderr}`).toEqual({ code: 0, signal: null });

  expectDoneOnce(harness, await harness.records(ledger), ids, doubt);
  const { fault } = await checkLedger(harness.path(ledger), fileDisk);
  expect(fault).toBeUndefined();
}

/** Every action has its one final outcome, was cancelled at most once and not sent again unseen, and the server had to refuse nothing. */
export function expectDoneOnce(
  harness: Pick<Harness, 'sandbox'>,
  records: readonly LedgerRecord[],
  ids: readonly string[],
  doubt: Doubt,
): void {
  expect([...outcomesOf(records).keys()].sort()).toEqual([...ids].sort());
  const finals = new Map<string, number>();
  for (const { id, outcome } of only(records, 'outcome'))
    if (isFinal(outcome)) finals.set(id, (finals.get(id) ?? 0) + 1);
  expect([...finals].filter(([, times]) => times !== 1)).toEqual([]);
  expect(finals.size).toBe(ids.length);

  const { log } = harness.sandbox;
  expect(ids.filter((id) => log.effects(id) > 1)).toEqual([]);
  expectLookedUpFirst(harness, doubt);
  // Nothing goes wrong on the wire here, so whatever is sent again was in doubt, or was told to come again.
  expect(log.resentWithoutLookup(({ status }) => status !== 429)).toEqual([]);
  expect(log.overQuota()).toBe(0);
}
