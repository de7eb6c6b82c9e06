import type { IntentFields, ReplyFields } from '../ledger/record.ts';

/** Where calls are written down before they are sent and after they were answered. A Ledger is one. */
export interface Journal {
  /** Resolves when it is durable; returns the number of the call. */
  intent(fields: Omit<IntentFields, 'call'>): Promise<number>;
  reply(fields: ReplyFields): Promise<void>;
  assertHeld(): Promise<void>;
}

/** For commands that only look, outside any run. */
export const noJournal: Journal = {
  intent: () => Promise.resolve(0),
  reply: () => Promise.resolve(),
  assertHeld: () => Promise.resolve(),
};
