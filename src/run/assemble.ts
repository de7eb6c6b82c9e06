import { setMaxListeners } from 'node:events';
import { makeDefender } from '../defender/client.ts';
import { CLOCK_TIMEOUT_MS, measureSkew } from '../defender/server-clock.ts';
import { makeLookups } from '../engine/lookups.ts';
import type { EngineParts } from '../engine/parts.ts';
import { makeStop, type SessionParts, type Stop } from '../engine/session.ts';
import { InterruptedError } from '../errors.ts';
import { readClaims } from '../identity/claims.ts';
import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { areDifferentTenants, isSameTenant, isTenantId } from '../ledger/sender.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import type { Logger } from '../log.ts';
import { makeGate } from '../quota/gate/make-gate.ts';
import type { Quota } from '../quota/quota.ts';
import { createTracer } from '../report/facts/trace.ts';
import type { LedgerView } from '../report/facts/view.ts';
import { toolName } from '../version.ts';
import { type AsyncDisposables, makeAsyncDisposableStack } from './async-disposable-stack.ts';
import type { Context } from './console.ts';
import { assess, type Identity, prepareSignIn, refuseUseless, shownSender, withoutSignIn } from './sign-in.ts';
import { stopOnSignals } from './stop-on-signals.ts';

/** Real parts put together: what the engine is handed, and what the command shows of them. */
export interface RunParts extends AsyncDisposable, SessionParts {
  ledger: Ledger;
  /** Undefined until we are connected. */
  readonly quota: Quota | undefined;
  identity: Identity;
  /** The ledger as it stands, for its report: with its head, so that nothing is written to it meanwhile. */
  view(): Promise<LedgerView>;
  /** Names job, run and session on every line. */
  log: Logger;
  /**
   * Signs in, refuses a token that cannot do the work, and fills the quota with what was called before; to Defender goes at most one request without
   * a token, for its clock. To be called once. `offline` asks nobody: such parts can look nothing up.
   */
  connect(how: { cancels: boolean } | 'offline'): Promise<Connected>;
}

/** What is there once we are signed in. */
export interface Connected {
  engine: EngineParts;
  quota: Quota;
  /** Undefined offline. */
  permissions: { has: readonly string[]; lacks: readonly string[] } | undefined;
  /** What the token says of these types of action, if they are to be cancelled. */
  warnings(types: ReadonlyMap<string, number>): readonly string[];
}

export interface AssembleOptions {
  job: Job;
  existing: 'any' | 'existing' | 'plan';
  /** What the ledger said before this session; undefined where there is none, or where a plan is replaced. */
  before: RunState | undefined;
  /** The head of that reading, to which the store holds the ledger. @default whatever it is by then */
  head?: string;
  /** Nothing will be sent, so nobody has to be known. @default false */
  offline?: boolean;
}

/**
 * Opens the ledger (and with it the locks), and puts a session's parts together.
 * Throws as `Store.open` and `findCredential` do, before anything is sent; an InterruptedError when a signal ended a wait before that.
 */
export async function assemble(options: AssembleOptions, outer: Context): Promise<RunParts> {
  const { job, before, offline = false } = options;
  // A new run is named here and not by the ledger, so that what is said while it is being opened carries the name too.
  const run = before?.run || outer.uuid();
  const logOf = (run: string, session: number) => outer.log.child({ job: job.name, run, session });
  const context = { ...outer, log: logOf(run, (before?.sessions.length ?? 0) + 1) };
  const signInAs = { ...job, tenant: signInTenant(options) };
  const identity = offline ? withoutSignIn(job, context) : await prepareSignIn(signInAs, context);
  const resources = makeAsyncDisposableStack();
  const stop = makeStop();
  try {
    return await assembleParts({ ...options, run }, { identity, resources, stop }, context, logOf);
  } catch (error) {
    await resources.disposeAsync();
    const { first } = outer.interrupts;
    // A wait that a signal ended, before there was a session to close.
    const isWait = first !== undefined && (error === stop.signal.reason || error === outer.interrupts.signal.reason);
    throw isWait ? new InterruptedError(first, 'nothing was sent') : error;
  }
}

/**
 * The tenant that signs in. Where the ledger names its tenant by a domain and this session by a GUID, the domain does: its token shows whether
 * the two are one.
 */
function signInTenant({ job, before }: AssembleOptions): string {
  const old = before?.sessions.at(-1)?.opened.tenant;
  return old !== undefined && isTenantId(job.tenant) && !isTenantId(old) ? old : job.tenant;
}

/** A domain against a GUID is decided upon before the ledger is opened, and so needs the token by then. */
function needsToken({ job, before, offline }: AssembleOptions): boolean {
  const old = before?.sessions.at(-1)?.opened.tenant;
  if (offline || old === undefined || isSameTenant(old, job.tenant)) return false;
  return !areDifferentTenants(old, job.tenant) && isTenantId(old) !== isTenantId(job.tenant);
}

async function assembleParts(
  options: AssembleOptions & { run: string },
  { identity, resources, stop }: { identity: Identity; resources: AsyncDisposables; stop: Stop },
  context: Context,
  logOf: (run: string, session: number) => Logger,
): Promise<RunParts> {
  const { job, existing, run, head } = options;
  const { clock, random, redact, say, interrupts, store } = context;
  const { hosts, tokens, connection } = identity;
  resources.defer(() => connection.end());
  resources.defer(() => tokens[Symbol.asyncDispose]());
  const abandon = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, abandon.signal);
  // From here on there is something to close, so that a signal no longer ends the command where it stands.
  const signals = stopOnSignals(interrupts, stop, abandon, say);
  resources.defer(() => signals[Symbol.dispose]());

  const sender = { tenant: job.tenant, client: job.clientId, api: hosts.apiUrl };
  const open = { tool: toolName(), ...sender, job };
  const shownTenant = needsToken(options) ? readClaims((await tokens.token(stop.signal)).token)?.tid : undefined;
  const onStop = () => {
    say('\nsomebody asked this run to stop: stopping, waiting up to 30 s for calls in flight\n');
    stop.request({ close: 'interrupted', signal: 'SIGINT' });
  };
  const session = { name: job.ledger, existing, head, open, run, shownTenant, say, signal: stop.signal, onStop };
  const tracer = createTracer();
  const opening = store.open({ ...session, log: context.log, redact, trace: tracer });
  const ledger = await unlessInterrupted(opening, context);
  resources.defer(() => ledger[Symbol.asyncDispose]());
  // Another process may have been here since the ledger was read.
  const log = logOf(ledger.state.run, ledger.state.sessions.length);

  let quota: Quota | undefined;
  const gate = makeGate({
    clock,
    onPause: ({ reason, untilMs }) => {
      if (reason === 'throttled') quota?.pauses?.tell(untilMs);
      const until = new Date(clock.wallMs() + untilMs - clock.monotonicMs()).toISOString();
      log.info({ reason, until }, 'all calls pause');
      // A ledger that cannot be written stops the session at the next intent; the pause itself harms nothing.
      ledger.pause({ until, reason }).catch(() => {});
    },
  });
  const connect = async (how: { cancels: boolean } | 'offline'): Promise<Connected> => {
    const token = how === 'offline' ? undefined : (await tokens.token(stop.signal)).token;
    const assessment = token === undefined ? undefined : assess(token, job, hosts.scope);
    if (how !== 'offline' && assessment !== undefined) refuseUseless(assessment, how);
    for (const sentence of assessment?.missing ?? []) log.warn(sentence);
    // A tenant's domain and its GUID are one sender, and one quota.
    const shown = token === undefined ? sender : shownSender(token, sender);
    const ask = () => measureSkew(connection.transport({ timeoutMs: CLOCK_TIMEOUT_MS }), clock, stop.signal);
    const memory = { ledger, name: ledger.name, log, ...(how === 'offline' ? {} : { measureSkew: ask }) };
    quota = await store.quota(shown, job.quota, memory);
    quota.pauses?.listen(gate.hear);
    const transport = connection.transport();
    const calling = { transport, journal: ledger, quota, gate, tokens, clock, random, log, redact };
    const defender = makeDefender({ ...calling, abandon: abandon.signal }, hosts.apiUrl);
    return {
      engine: {
        job,
        ledger,
        defender,
        gate,
        lookups: makeLookups(defender, how === 'offline' ? false : assessment?.canRead),
        stop,
        clock,
        random,
        log,
        permits: (renewed) => assess(renewed, job, hosts.scope).canCancel,
      },
      quota,
      permissions: assessment && { has: assessment.granted, lacks: assessment.missing },
      warnings: (types) => (token === undefined ? [] : assess(token, job, hosts.scope, types).warnings),
    };
  };
  const { disposeAsync: close } = resources;
  return {
    ...{ job, ledger, gate, clock, stop, identity, log, connect },
    get quota() {
      return quota;
    },
    view: async () => {
      const { state } = ledger;
      return { path: job.ledger, state, trace: tracer.trace, head: await ledger.head(), intact: true };
    },
    [Symbol.asyncDispose]: close,
  };
}

/** How long a signal waits for a ledger that is just being opened, so that it can be closed in order. */
const OPENING_MS = 2000;

/** Waits for the opening unless a signal comes: a lock that is held, or a disk that does not answer, is not waited for then. */
async function unlessInterrupted<T extends AsyncDisposable>(
  opening: Promise<T>,
  { interrupts, clock }: Context,
): Promise<T> {
  const opened = new AbortController();
  const interrupted = async (): Promise<never> => {
    await new Promise((resolve) => interrupts.signal.addEventListener('abort', resolve, { once: true }));
    await clock.sleep(OPENING_MS, { signal: opened.signal, ref: false });
    throw interrupts.signal.reason;
  };
  try {
    return await Promise.race([opening, interrupted()]);
  } finally {
    opened.abort();
  }
}
