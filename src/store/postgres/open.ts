import { ChangedLedgerError, LockedError } from '../../errors.ts';
import { Ledger } from '../../ledger/ledger.ts';
import { project, type Reading, throwIfDamaged } from '../../ledger/read-ledger.ts';
import { LEDGER_FORMAT } from '../../ledger/record.ts';
import { Projection } from '../../ledger/state/projection.ts';
import { type Logger, silentLog } from '../../log.ts';
import { keepAll } from '../../redact.ts';
import { refuseOther, refuseStarted } from '../refuse-other.ts';
import type { BeginSession, HeldRun, HoldRun, RunHolder } from '../store.ts';
import { describeHolder, LEASE_MS, Lease, type Moment, momentOf } from './lease.ts';
import type { LeaseKeeper, LeaseKeeperParts } from './lease-keeper.ts';
import { noLedger, readRun } from './read.ts';
import { type HoldWish, holdRun, nameTenant, type HeldRun as RunKey, replaceRun } from './run-functions.ts';
import { PostgresTape } from './tape.ts';

export interface OpenParts extends LeaseKeeperParts {
  keeper: LeaseKeeper;
  /** Who works on a run from now on. */
  self: RunHolder;
  uuid: () => string;
}

/** A run that this process holds, and what stands in its ledger: nothing, where it was made to be held. */
interface Held {
  readonly run: HoldRun;
  readonly found: Reading;
  lease: Lease;
}

/** Holds a run, and reads and checks its ledger. `begun` is told of the ledger of a session that was begun, and of its lease. */
export async function takeRun(
  run: HoldRun,
  parts: OpenParts,
  begun: (ledger: Ledger, lease: Lease) => void,
): Promise<HeldRun> {
  const held = await hold(run, parts);
  let isOurs = true;
  return {
    found: held.found,
    begin: async (session) => {
      const { ledger, lease } = await beginSession(held, session, parts);
      isOurs = false;
      begun(ledger, lease);
      return ledger;
    },
    [Symbol.asyncDispose]: async () => {
      if (isOurs) await held.lease[Symbol.asyncDispose]();
      isOurs = false;
    },
  };
}

async function hold(run: HoldRun, parts: OpenParts): Promise<Held> {
  const { name, existing = 'any', head, trace, signal } = run;
  const { database } = parts;
  const create = existing !== 'existing';
  const taken = await leaseOn({ name, create, newRun: run.run ?? parts.uuid() }, parts, run.onStop);
  if (taken === undefined) throw noLedger(name);
  const { lease, end } = taken;
  try {
    const source = {
      read: () => readRun(database, { run: lease.held.run, name, bytes: end.bytes }),
    };
    const found = await project(name, source, { trace, head, signal });
    // The last write of a file may be cut off; here, bytes that are no line were put in by hand.
    if (found.fault === undefined && (found.bytes !== end.bytes || found.head !== end.head)) {
      found.fault = { line: found.records + 1, what: 'is not what the store says that it ends with' };
    }
    if (existing === 'none' && found.records > 0) throw changed(name);
    return { run, found, lease };
  } catch (error) {
    await lease[Symbol.asyncDispose]();
    throw error;
  }
}

/** Begins the next session on a run that is held, with a durable `open` record. Throws as `HeldRun.begin` does. */
async function beginSession(
  held: Held,
  session: BeginSession,
  parts: OpenParts,
): Promise<{ ledger: Ledger; lease: Lease }> {
  const { found, run: wish } = held;
  const { name, trace } = wish;
  const { database, clock } = parts;
  const { open, redact = keepAll } = session;
  const log = session.log ?? wish.log ?? silentLog;
  throwIfDamaged(name, found.fault);
  const replaces = session.replacesPlan === true && found.records > 0;
  if (replaces) refuseStarted(found.state, name);
  else refuseOther(found.state, { ...session, path: name });
  if (replaces) held.lease = await replacePlan(held, session, parts, log);
  const { lease } = held;
  if (replaces) trace?.restart();
  const { state, head, bytes } = replaces ? { state: new Projection(), head: '', bytes: 0 } : found;
  if (bytes === 0 && !replaces) await nameTenant(database, lease.held, open.tenant);
  const tape = new PostgresTape({ database, clock, lease, at: bytes });
  const ledger = new Ledger({ name, clock, log, redact, trace, state, head, tape, holds: [lease] });
  const { tool, tenant, client, api, job } = open;
  const run = state.run === '' ? lease.held.run : state.run;
  const number = state.sessions.length + 1;
  await ledger.open({ format: LEDGER_FORMAT, run, session: number, tool, tenant, client, api, job });
  return { ledger, lease };
}

/** Takes the lease on a run. Throws a LockedError (exit 11) while another has it, and a UsageError where there is none. */
export async function holdNamed(name: string, parts: OpenParts): Promise<Lease> {
  const taken = await leaseOn({ name, create: false, newRun: parts.uuid() }, parts);
  if (taken === undefined) throw noLedger(name);
  return taken.lease;
}

/** Undefined where there is no such run, and none was to be made. Throws a LockedError (exit 11) while another has it. */
async function leaseOn(
  wish: Omit<HoldWish, 'holder' | 'leaseMs'>,
  parts: OpenParts,
  onStop?: HoldRun['onStop'],
): Promise<{ lease: Lease; end: { bytes: number; head: string } } | undefined> {
  const begun = momentOf(parts.clock);
  const answer = await holdRun(parts.database, { ...wish, holder: parts.self, leaseMs: LEASE_MS });
  if (answer.outcome === 'none') return undefined;
  if (answer.outcome === 'busy') throw busy(wish.name, answer.holder, answer.until);
  const { run, epoch, ...end } = answer;
  return { lease: keptLease({ run, epoch }, wish.name, begun, { ...parts, onStop }), end };
}

function keptLease(
  held: RunKey,
  name: string,
  begun: Moment,
  { keeper, clock, onStop }: OpenParts & Pick<HoldRun, 'onStop'>,
): Lease {
  const lease = new Lease({ held, name, begun, clock, onStop, release: (mine) => keeper.release(mine) });
  keeper.keep(lease);
  return lease;
}

/** The plan stays under another name: what it looked up was read by people. Its calls count in the database, whatever it is called. */
async function replacePlan(
  { run: { name, run, onStop }, found, lease: old }: Held,
  { open }: BeginSession,
  parts: OpenParts,
  log: Logger,
): Promise<Lease> {
  const kept = `${name}.replaced-${found.state.run.slice(0, 8)}`;
  const begun = momentOf(parts.clock);
  const wish = { kept, newRun: run ?? parts.uuid(), tenant: open.tenant, leaseMs: LEASE_MS };
  const held = await replaceRun(parts.database, old.held, wish);
  if (held === undefined) throw old.taken();
  parts.keeper.forget(old);
  log.warn({ kept }, `the plan that was called ${name} is kept as ${kept}`);
  return keptLease(held, name, begun, { ...parts, onStop });
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
