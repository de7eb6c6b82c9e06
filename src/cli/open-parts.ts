import { setMaxListeners } from 'node:events';
import { dirname } from 'node:path';
import { makeDefender } from '../defender/client.ts';
import { makeTransport } from '../defender/transport.ts';
import { makeLookups } from '../engine/lookups.ts';
import type { EngineParts } from '../engine/parts.ts';
import type { SessionParts } from '../engine/session.ts';
import { makeStop } from '../engine/stop.ts';
import type { Job } from '../job/job.ts';
import { fileDisk } from '../ledger/file-disk.ts';
import type { FileLedger } from '../ledger/file-ledger.ts';
import { recentCallsInFolder } from '../ledger/folder-calls.ts';
import { openLedger } from '../ledger/open-ledger.ts';
import { makeGate } from '../quota/make-gate.ts';
import { makeQuota } from '../quota/make-quota.ts';
import type { Quota } from '../quota/quota.ts';
import { lookBackMs, seedsFrom } from '../quota/seeds.ts';
import type { CliContext } from './context.ts';
import { openResources, type Resources } from './resources.ts';
import { assess, type Identity, prepareSignIn, refuseUseless, withoutSignIn } from './sign-in.ts';
import { listenToSignals } from './signals.ts';
import { toolName } from './version.ts';

/** Real parts put together: what the engine is handed, and what the command shows of them. */
export interface RunParts extends AsyncDisposable, SessionParts {
  ledger: FileLedger;
  quota: Quota;
  identity: Identity;
  /** Signs in and refuses a token that cannot do the work; nothing goes to Defender. `offline` asks nobody: such parts can look nothing up. */
  connect(how: { cancels: boolean } | 'offline'): Promise<Connected>;
}

/** What is there once we are signed in. */
export interface Connected {
  engine: EngineParts;
  /** Undefined offline. */
  permissions: { has: readonly string[]; lacks: readonly string[] } | undefined;
  /** What the token says of these types of action, if they are to be cancelled. */
  warnings(types: ReadonlyMap<string, number>): readonly string[];
}

export interface OpenPartsOptions {
  job: Job;
  existing: 'any' | 'existing' | 'plan';
  /** Nothing will be sent, so nobody has to be known. @default false */
  offline?: boolean;
}

/**
 * Opens the ledger (and with it the locks), fills the quota with what was called in its longest window, and puts a session's parts together.
 * Throws as `openLedger` and `findCredential` do, before anything is sent.
 */
export async function openParts(
  { job, existing, offline = false }: OpenPartsOptions,
  context: CliContext,
): Promise<RunParts> {
  const identity = offline ? withoutSignIn(job, context) : await prepareSignIn(job, context);
  const resources = openResources();
  try {
    return await assemble(job, existing, identity, resources, context);
  } catch (error) {
    await resources.close();
    throw error;
  }
}

async function assemble(
  job: Job,
  existing: OpenPartsOptions['existing'],
  identity: Identity,
  resources: Resources,
  context: CliContext,
): Promise<RunParts> {
  const { clock, random, log } = context;
  const { hosts, tokens, dispatcher } = identity;
  resources.add(() => dispatcher.close());
  resources.add(() => tokens[Symbol.asyncDispose]());
  const sender = { tenant: job.tenant, client: job.clientId, api: hosts.apiUrl };
  const open = { tool: toolName(), ...sender, job };
  const ledger = await openLedger({ path: job.ledger, disk: fileDisk, clock, log, existing, open });
  resources.add(() => ledger[Symbol.asyncDispose]());
  const stop = makeStop();
  const abandon = new AbortController();
  // Every call in flight listens to it.
  setMaxListeners(0, abandon.signal);
  const signals = listenToSignals(stop, abandon, context.say);
  resources.add(() => signals[Symbol.dispose]());

  const quota = makeQuota({ ...job.quota, clock });
  const withinMs = lookBackMs(job.quota.windows);
  const nowMs = clock.wallMs();
  const others = { folder: dirname(job.ledger), disk: fileDisk, log, nowMs, withinMs, except: job.ledger };
  const past = [
    ...ledger.book.recentCalls(nowMs, withinMs, job.clientId),
    ...(await recentCallsInFolder({ ...sender, ...others })),
  ];
  quota.seed(seedsFrom(past, nowMs));

  const gate = makeGate({
    clock,
    onPause: ({ reason, untilMs }) => {
      const until = new Date(clock.wallMs() + untilMs - clock.monotonicMs()).toISOString();
      log.info({ reason, until }, 'all calls pause');
      // A ledger that cannot be written stops the session at the next intent; the pause itself harms nothing.
      ledger.pause({ until, reason }).catch(() => {});
    },
  });
  const transport = makeTransport({ dispatcher, apiUrl: hosts.apiUrl, userAgent: toolName().replace(' ', '/') });
  const defender = makeDefender(
    { transport, journal: ledger, quota, gate, tokens, clock, random, abandon: abandon.signal },
    hosts.apiUrl,
  );
  const connect = async (how: { cancels: boolean } | 'offline'): Promise<Connected> => {
    const token = how === 'offline' ? undefined : (await tokens.token(stop.signal)).token;
    const assessment = token === undefined ? undefined : assess(token, job, hosts.scope);
    if (how !== 'offline' && assessment !== undefined) refuseUseless(assessment, how);
    for (const sentence of assessment?.missing ?? []) log.warn(sentence);
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
      permissions: assessment && { has: assessment.granted, lacks: assessment.missing },
      warnings: (types) => (token === undefined ? [] : assess(token, job, hosts.scope, types).warnings),
    };
  };
  const { close } = resources;
  return { job, ledger, gate, clock, stop, quota, identity, connect, [Symbol.asyncDispose]: close };
}
