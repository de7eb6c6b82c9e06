import { UsageError } from '../errors.ts';
import { areDifferentTenants, isSameApi, isSameTenant, isTenantId } from '../ledger/sender.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import type { BeginSession } from './store.ts';

/** Throws a UsageError for a ledger that is another tenant's or another service's than this session's. */
export function refuseOther(
  state: Pick<RunState, 'sessions'>,
  { path, open, shownTenant }: Pick<BeginSession, 'open' | 'shownTenant'> & { path: string },
): void {
  const old = state.sessions.at(-1)?.opened;
  if (old === undefined) return;
  if (!isOneTenant(old.tenant, open.tenant, shownTenant)) {
    const why = areDifferentTenants(old.tenant, open.tenant) ? '' : ' (and no token showed that the two are one)';
    throw new UsageError(
      `The ledger ${path} is of tenant ${old.tenant}, not of ${open.tenant}${why}: give the right tenant, or another ledger with --ledger.`,
    );
  }
  if (!isSameApi(old.api, open.api)) {
    throw new UsageError(
      `The ledger ${path} is of the API ${old.api}, not of ${open.api}: give the right host, or another ledger with --ledger.`,
    );
  }
}

/** Throws a UsageError for what is to be replaced by a plan and is not one that was never started. */
export function refuseStarted({ start }: Pick<RunState, 'start'>, path: string): void {
  if (start === undefined) return;
  throw new UsageError(
    `The ledger ${path} was started already, and only a plan can be replaced by a plan: resume it, or name another with --ledger.`,
  );
}

/** A domain is a GUID's when a token says so: one that was got for the domain and names the GUID. */
function isOneTenant(old: string, now: string, shown: string | undefined): boolean {
  if (isSameTenant(old, now)) return true;
  if (shown === undefined || isTenantId(old) === isTenantId(now)) return false;
  return isSameTenant(isTenantId(old) ? old : now, shown);
}
