import { makeDefender } from '../defender/client.ts';
import { CLOCK_TIMEOUT_MS, measureSkew } from '../defender/server-clock.ts';
import { makeLookups } from '../engine/lookups.ts';
import type { EngineParts, SessionParts } from '../engine/session.ts';
import { readClaims } from '../identity/claims.ts';
import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { areDifferentTenants, isSameTenant, isTenantId } from '../ledger/sender.ts';
import type { Logger } from '../log.ts';
import { makeGate } from '../quota/gate/gate.ts';
import type { Quota } from '../quota/quota.ts';
import type { LedgerView, Trace } from '../report/facts/view.ts';
import { toolName } from '../version.ts';
import { type AsyncDisposables, makeAsyncDisposableStack } from './async-disposable-stack.ts';
import type { Context } from './console.ts';
import type { Holding } from './holding.ts';
import { pauseFacts } from './progress-facts.ts';
import type { SenderFacts } from './question.ts';
import {
  assess,
  type Identity,
  prepareSignIn,
  refuseUnusable,
  senderFacts,
  shownSender,
  withoutSignIn,
} from './sign-in.ts';
import type { Target } from './target.ts';

const NO_TOKEN = { token: undefined, expiresAtMs: undefined };

/** Real parts put together: what the engine is handed, and what the command shows of them. */
export interface RunParts extends AsyncDisposable, SessionParts {
  ledger: Ledger;
  /** Undefined until we are connected. */
  readonly quota: Quota | undefined;
  identity: Identity;
  /** The ledger as it stands, for its report: with its head, so that nothing is written to it meanwhile. */
  view(): Promise<LedgerView>;
  /** What was read of the ledger and written to it, as it grows. */
  readonly trace: Trace;
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
  sender: SenderFacts;
  /** What the token says of these types of action, if they are to be cancelled. */
  warnings(types: ReadonlyMap<string, number>): readonly string[];
}

export interface AssembleOptions {
  target: Pick<Target, 'job' | 'state'>;
  /** Holds the ledger where there is one; is disposed of with the parts. */
  holding: Holding;
  /** A plan is replaced by a new ledger. @default false */
  replacesPlan?: boolean;
  /** Nothing will be sent, so nobody has to be known. @default false */
  offline?: boolean;
}

/**
 * Begins the session on the ledger (and takes the sender's lock with it), and puts the session's parts together.
 * Throws as `Store.hold`, `HeldRun.begin` and `findCredential` do, before anything is sent; an InterruptedError when a signal ended a wait before that.
 */
export async function assemble(options: AssembleOptions, outer: Context): Promise<RunParts> {
  const { target, holding, offline = false, replacesPlan = false } = options;
  const { job } = target;
  const state = replacesPlan ? undefined : target.state;
  const old = state?.sessions.at(-1)?.opened.tenant;
  // A new run is named here and not by the ledger, so that what is said while it is being begun carries the name too.
  const run = state?.run || holding.newRun;
  const log = outer.log.child({ job: job.name, run, session: (state?.sessions.length ?? 0) + 1 });
  const context = { ...outer, log };
  const signInAs = { ...job, tenant: signInTenant(job.tenant, old) };
  const resources = makeAsyncDisposableStack();
  try {
    const identity = offline
      ? withoutSignIn(job, context)
      : await holding.orInterrupted(prepareSignIn(signInAs, context));
    const begin = { replacesPlan, sendsNothing: offline, needsToken: !offline && isUndecided(job.tenant, old) };
    return await assembleParts(job, begin, { identity, holding, resources }, context);
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}

/**
 * The tenant that signs in. Where the ledger names its tenant by a domain and this session by a GUID, the domain does: its token shows whether
 * the two are one.
 */
function signInTenant(tenant: string, old: string | undefined): string {
  return old !== undefined && isTenantId(tenant) && !isTenantId(old) ? old : tenant;
}

/** A domain against a GUID is decided upon before the session is begun, and so needs the token by then. */
function isUndecided(tenant: string, old: string | undefined): boolean {
  if (old === undefined || isSameTenant(old, tenant)) return false;
  return !areDifferentTenants(old, tenant) && isTenantId(old) !== isTenantId(tenant);
}

async function assembleParts(
  job: Job,
  { needsToken, ...how }: { replacesPlan: boolean; sendsNothing: boolean; needsToken: boolean },
  { identity, holding, resources }: { identity: Identity; holding: Holding; resources: AsyncDisposables },
  context: Context,
): Promise<RunParts> {
  const { clock, random, redact, store, log } = context;
  const { hosts, tokens, connection } = identity;
  const { stop, abandon, tracer } = holding;
  resources.defer(() => connection.end());
  resources.defer(() => tokens[Symbol.asyncDispose]());
  resources.defer(() => holding[Symbol.asyncDispose]());

  const sender = { tenant: job.tenant, client: job.clientId, api: hosts.apiUrl };
  const open = { tool: toolName(), ...sender, job };
  const shownTenant = needsToken ? readClaims((await tokens.token(holding.signal)).token)?.tid : undefined;
  const ledger = await holding.begin(job.ledger, { open, ...how, shownTenant, log, redact });
  resources.defer(() => ledger[Symbol.asyncDispose]());

  const isoIn = (ms: number) => new Date(clock.wallMs() + ms).toISOString();
  let quota: Quota | undefined;
  const gate = makeGate({
    clock,
    onPause: ({ reason, untilMs }) => {
      if (reason === 'throttled') quota?.pauses?.tell(untilMs);
      const until = isoIn(untilMs - clock.monotonicMs());
      const windows = quota?.left() ?? [];
      const facts = pauseFacts({ gate, clock, job }, windows);
      log.info(
        {
          reason,
          since: isoIn(-(facts?.elapsedMs ?? 0)),
          until,
          givesUpAt: isoIn(facts?.givesUpInMs ?? 0),
          quotaLeft: windows.map(({ left, calls, perMs }) => ({ left, calls, perMs })),
          ownQuotaSpent: facts?.ownQuotaSpent,
        },
        'all calls pause',
      );
      // A ledger that cannot be written stops the session at the next intent; the pause itself harms nothing.
      ledger.pause({ until, reason }).catch(() => {});
    },
  });
  const connect = async (how: { cancels: boolean } | 'offline'): Promise<Connected> => {
    const { token, expiresAtMs } = how === 'offline' ? NO_TOKEN : await tokens.token(stop.signal);
    const assessment = token === undefined ? undefined : assess(token, job, hosts.scope);
    if (how !== 'offline' && assessment !== undefined) refuseUnusable(assessment, how);
    for (const sentence of assessment?.missing ?? []) log.warn(sentence);
    // A tenant's domain and its GUID are one sender, and one quota.
    const shown = token === undefined ? sender : shownSender(token, sender);
    const ask = () => measureSkew(connection.transport({ timeoutMs: CLOCK_TIMEOUT_MS }), clock, stop.signal);
    const memory = { ledger, name: ledger.name, log, ...(how === 'offline' ? {} : { measureSkew: ask }) };
    quota = await store.quota(shown, job.quota, memory);
    quota.pauses?.listen(gate.hear);
    const transport = connection.transport();
    const calling = { transport, journal: ledger, quota, gate, tokens, clock, random, log, redact, abandon };
    const defender = makeDefender(calling, hosts.apiUrl);
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
      sender: senderFacts(token, job, tokens.kind === 'token' ? expiresAtMs : undefined),
      permissions: assessment && { has: assessment.granted, lacks: assessment.missing },
      warnings: (types) => (token === undefined ? [] : assess(token, job, hosts.scope, types).warnings),
    };
  };
  const { disposeAsync: close } = resources;
  return {
    ...{ job, ledger, gate, clock, stop, identity, log, connect },
    get trace() {
      return tracer.trace;
    },
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
