import { expect } from 'vitest';
import { isFinal } from '../../src/ledger/outcomes.ts';
import { COMMENT, only, outcomesOf, type Stage } from '../e2e/stage.ts';

/**
 * Goes on as a person would after a kill: with the ledger where the source was read to its end, else with the source again. Then nothing
 * is left, nothing was done twice, and the ledger fits its chain.
 */
export async function expectOrderlyEnd(
  stage: Stage,
  source: string,
  ledger: string,
  ids: readonly string[],
): Promise<void> {
  const before = await stage.records(ledger).catch(() => []);
  const intact = only(before, 'intake').length > 0;
  const again = intact ? ['resume', ledger, '--yes'] : ['run', source, ...COMMENT, '--yes', '--ledger', ledger];
  const { code, signal, stdout, stderr } = await stage.run(again, { timeoutMs: 60_000 });
  expect({ code, signal }, `${stdout}\n${stderr}`).toEqual({ code: 0, signal: null });

  const records = await stage.records(ledger);
  expect([...outcomesOf(records).keys()].sort()).toEqual([...ids].sort());
  const finals = new Map<string, number>();
  for (const { id, outcome } of only(records, 'outcome'))
    if (isFinal(outcome)) finals.set(id, (finals.get(id) ?? 0) + 1);
  expect([...finals].filter(([, times]) => times !== 1)).toEqual([]);
  expect(finals.size).toBe(ids.length);

  const { log } = stage.sandbox;
  expect(ids.filter((id) => log.effects(id) > 1)).toEqual([]);
  // Nothing goes wrong on the wire here, so whatever is sent again was in doubt.
  expect(log.resentWithoutLookup()).toEqual([]);
  expect(log.overQuota()).toBe(0);
  const verified = await stage.run(['verify', '--offline', ledger]);
  expect(verified.code, verified.stderr).toBe(0);
}
