import type { Clock } from '../clock.ts';
import type { MachineAction } from '../defender/entity.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import type { ScreenFields } from '../ledger/record.ts';
import type { Screened } from '../ledger/state/run-state.ts';
import type { Found, Lookups } from './lookups.ts';

/** Gathers the lookups of actions in doubt, so that those due together share a call. */
export interface LookupBatcher {
  /** Looks the action up at `dueMs` (monotonic) at the earliest. Rejects with the signal's reason when the session stops. */
  ask(id: string, dueMs: number): Promise<Found>;
}

interface Request {
  id: string;
  dueMs: number;
  resolve: (found: Found) => void;
  reject: (reason: unknown) => void;
}

export function makeLookupBatcher(lookups: Lookups, clock: Clock, signal: AbortSignal): LookupBatcher {
  let waiting: Request[] = [];
  let working = false;

  async function work(): Promise<void> {
    // Whoever joins while `serve` is ending is seen here: between this look at who waits and the last line nothing else runs.
    while (waiting.length > 0) {
      try {
        await serve();
      } catch (error) {
        for (const { reject } of waiting.splice(0)) reject(error);
      }
    }
    working = false;
  }

  async function serve(): Promise<void> {
    while (waiting.length > 0) {
      const firstDueMs = Math.min(...waiting.map(({ dueMs }) => dueMs));
      // What falls due within a second goes along: one call instead of two is worth the wait.
      if (firstDueMs > clock.monotonicMs()) await clock.sleep(firstDueMs - clock.monotonicMs() + 1000, { signal });
      const now = clock.monotonicMs();
      const due = waiting.filter(({ dueMs }) => dueMs <= now).slice(0, LOOKUP_SIZE);
      waiting = waiting.filter((request) => !due.includes(request));
      try {
        const found = await lookups.many([...new Set(due.map(({ id }) => id))], signal);
        for (const { id, resolve } of due) resolve(found.get(id) ?? { kind: 'unreadable', why: 'no-answer' });
      } catch (error) {
        for (const { reject } of due) reject(error);
      }
    }
  }

  return {
    ask: (id, dueMs) =>
      new Promise((resolve, reject) => {
        waiting.push({ id, dueMs, resolve, reject });
        if (working) return;
        working = true;
        void work();
      }),
  };
}

/** What a lookup shows of an action, as the ledger keeps it. */
export function shownOf(id: string, action: MachineAction): ScreenFields {
  return {
    id,
    status: action.status,
    type: action.type,
    machineId: action.machineId ?? null,
    computer: action.computerDnsName ?? null,
    requestor: action.requestor ?? null,
    created: action.creationDateTimeUtc ?? null,
  };
}

/** The same for a rule that is asked at once. */
export function seenNow(action: MachineAction): Omit<Screened, 'atMs' | 'session'> {
  const { id: _, ...shown } = shownOf(action.id, action);
  return shown;
}
