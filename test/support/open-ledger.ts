import { beginSession, type OpenedLedger } from '../../src/store/folder/begin.ts';
import { type HoldLedgerOptions, holdLedger } from '../../src/store/folder/hold.ts';
import type { BeginSession } from '../../src/store/store.ts';

export interface OpenLedgerOptions extends HoldLedgerOptions, Omit<BeginSession, 'log'> {}

/** Takes a ledger of a folder and begins a session on it; where that fails, it is given back. */
export async function openLedger(options: OpenLedgerOptions): Promise<OpenedLedger> {
  const held = await holdLedger(options);
  try {
    return await beginSession(held, options);
  } catch (error) {
    await held[Symbol.asyncDispose]();
    throw error;
  }
}
