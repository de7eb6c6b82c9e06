import { ChangedLedgerError, LockedError, UsageError } from '../../errors.ts';
import { Ledger } from '../../ledger/ledger.ts';
import { project, throwIfDamaged } from '../../ledger/read-ledger.ts';
import { LEDGER_FORMAT } from '../../ledger/record.ts';
import { Projection } from '../../ledger/state/projection.ts';
import { silentLog } from '../../log.ts';
import { keepAll } from '../../redact.ts';
import { refuseOther } from '../refuse-other.ts';
import type { OpenRun, RunHolder } from '../store.ts';
import { describeHolder, LEASE_MS, Lease, type Moment, momentOf } from './lease.ts';
import type { LeaseKeeper, LeaseKeeperParts } from './lease-keeper.ts';
import { noLedger, readRun } from './read.ts';
import { type HeldRun, type HoldWish, holdRun, replaceRun } from './run-functions.ts';
import { PostgresTape } from './tape.ts';

export interface OpenParts extends LeaseKeeperParts {
  keeper: LeaseKeeper;
  /** Who works on a run from now on. */
  self: RunHolder;
  uuid: () => string;
}

/** A run that this process holds, and what stands in its ledger. */
export interface TakenRun {
  lease: Lease;
  state: Projection;
  head: string;
  bytes: number;
}

/** Holds a run, and reads and checks its ledger. Throws as `Store.open` does, and then holds nothing. */
export async function takeRun(options: OpenRun, parts: OpenParts): Promise<TakenRun> {
  const { name, existing = 'any', head, open, trace } = options;
  const create = existing !== 'existing' && (head ?? '') === '';
  const wish = { name, create, tenant: open.tenant, newRun: options.run ?? parts.uuid() };
  const { lease, found } = await holdNamed(wish, parts, { head, onStop: options.onStop });
  const { database } = parts;
  try {
    const source = { read: () => readRun(database, { run: lease.held.run, name, bytes: found.bytes }) };
    const { state, scanned } = await project(name, source, trace);
    throwIfDamaged(name, scanned.fault);
    if (head !== undefined && scanned.head !== head) throw changed(name);
    // The last write of a file may be cut off; here, bytes that are no line were put in by hand.
    if (scanned.bytes !== found.bytes || scanned.head !== found.head) {
      throwIfDamaged(name, { line: scanned.records + 1, what: 'is not what the store says that it ends with' });
    }
    if (existing === 'plan' && scanned.records > 0) return await replacePlan(lease, state, options, parts);
    refuseOther(state, { path: name, open, shownTenant: options.shownTenant });
    return { lease, state, head: scanned.head, bytes: scanned.bytes };
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** Begins the next session on a run that was taken, with a durable `open` record. Throws as `Store.open` does, and then gives the run back. */
export async function beginSession(
  { lease, state, head, bytes }: TakenRun,
  options: OpenRun,
  { database, clock }: OpenParts,
): Promise<Ledger> {
  const { name, open, trace, log = silentLog, redact = keepAll } = options;
  const tape = new PostgresTape({ database, clock, lease, at: bytes });
  const ledger = new Ledger({ name, clock, log, redact, trace, state, head, tape, holds: [lease] });
  const { tool, tenant, client, api, job } = open;
  const run = state.run === '' ? lease.held.run : state.run;
  const session = state.sessions.length + 1;
  try {
    await ledger.open({ format: LEDGER_FORMAT, run, session, ...{ tool, tenant, client, api, job } });
    return ledger;
  } catch (error) {
    await ledger[Symbol.asyncDispose]().catch(() => undefined);
    throw error;
  }
}

/** Takes the lease on a run. Throws a LockedError (exit 11) while another has it, and a UsageError where there is none. */
export async function holdNamed(
  wish: Omit<HoldWish, 'holder' | 'leaseMs'>,
  parts: OpenParts,
  { head = '', onStop }: Pick<OpenRun, 'head' | 'onStop'> = {},
): Promise<{ lease: Lease; found: { bytes: number; head: string } }> {
  const begun = momentOf(parts.clock);
  const answer = await holdRun(parts.database, { ...wish, holder: parts.self, leaseMs: LEASE_MS });
  if (answer.outcome === 'none') throw head === '' ? noLedger(wish.name) : changed(wish.name);
  if (answer.outcome === 'busy') throw busy(wish.name, answer.holder, answer.until);
  const { run, epoch, ...found } = answer;
  return { lease: keptLease({ run, epoch }, wish.name, begun, { ...parts, onStop }), found };
}

function keptLease(
  held: HeldRun,
  name: string,
  begun: Moment,
  { keeper, clock, onStop }: OpenParts & Pick<OpenRun, 'onStop'>,
): Lease {
  const lease = new Lease({ held, name, begun, clock, onStop, release: (mine) => keeper.release(mine) });
  keeper.keep(lease);
  return lease;
}

/** The plan stays under another name: what it looked up was read by people. Its calls count in the database, whatever it is called. */
async function replacePlan(
  old: Lease,
  state: Projection,
  { name, open, run: wanted, trace, log, onStop }: OpenRun,
  parts: OpenParts,
): Promise<TakenRun> {
  if (state.start !== undefined) {
    throw new UsageError(
      `The ledger ${name} was started already, and only a plan can be replaced by a plan: resume it, or name another with --ledger.`,
    );
  }
  const kept = `${name}.replaced-${state.run.slice(0, 8)}`;
  const begun = momentOf(parts.clock);
  const wish = { kept, newRun: wanted ?? parts.uuid(), tenant: open.tenant, leaseMs: LEASE_MS };
  const held = await replaceRun(parts.database, old.held, wish);
  if (held === undefined) throw old.taken();
  parts.keeper.forget(old);
  trace?.restart();
  log?.warn({ kept }, `the plan that was called ${name} is kept as ${kept}`);
  return { lease: keptLease(held, name, begun, { ...parts, onStop }), state: new Projection(), head: '', bytes: 0 };
}

function busy(name: string, holder: RunHolder | null, untilMs: number): LockedError {
  const who = holder === null ? 'another run' : describeHolder(holder);
  const until = new Date(untilMs).toISOString();
  return new LockedError(
    `The run ${name} is held by ${who}, and its lease lasts until ${until} unless it is renewed: wait until that run ends.`,
  );
}

function changed(name: string): ChangedLedgerError {
  return new ChangedLedgerError(
    `The ledger ${name} was changed while it was being opened: nothing was sent. Run again once nobody else works on it.`,
  );
}
