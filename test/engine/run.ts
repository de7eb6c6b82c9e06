import { setMaxListeners } from 'node:events';
import { systemClock } from '../../src/clock.ts';
import { makeDefender } from '../../src/defender/client.ts';
import { type CancelAllOptions, cancelAll } from '../../src/engine/cancel-all.ts';
import { makeLookups } from '../../src/engine/lookups.ts';
import { type EngineParts, makeStop } from '../../src/engine/session.ts';
import type { AcquireRequest, CredentialSource } from '../../src/identity/credential-source.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import type { AccessToken, TokenSource } from '../../src/identity/token-source.ts';
import type { Guards, Job } from '../../src/job/job.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Outcome } from '../../src/ledger/outcomes.ts';
import { silentLog } from '../../src/log.ts';
import { type Gate, makeGate } from '../../src/quota/gate/gate.ts';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import { DOCUMENTED_WINDOWS, type Quota, type Window } from '../../src/quota/quota.ts';
import { callerOf, mayCancel, sandboxToken } from '../../src/sandbox/access.ts';
import type { Disk } from '../../src/store/folder/disk.ts';
import { machine, OPEN } from '../store/folder/harness.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import type { VirtualTime } from '../support/clock/virtual-time.ts';
import { openLedger } from '../support/open-ledger.ts';
import { Wire } from './wire.ts';

export const RUN = '4f1c2d3e-0000-4000-8000-000000000001';
export const STAMP = '[countermand 4f1c2d3e] ';
const API = 'http://api.test';

export function id(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function ids(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => id(from + index));
}

export const NO_GUARDS: Guards = {
  onlyType: [],
  onlyRequestor: [],
  onlyMachine: [],
  createdAfter: undefined,
  createdBefore: undefined,
  maxActions: undefined,
  maxFailures: { percent: 10 },
  first: undefined,
  maxDurationMs: undefined,
};

export type JobOptions = Partial<Omit<Job, 'guards'>> & { guards?: Partial<Guards> };

export function job({ guards, ...rest }: JobOptions = {}): Job {
  return {
    name: 'test',
    tenant: OPEN.tenant,
    clientId: OPEN.client,
    auth: { kind: undefined },
    api: { cloud: 'commercial', region: undefined, url: API, authorityUrl: undefined, allowHosts: [] },
    source: { kind: 'stdin', column: undefined },
    comment: 'not needed any more',
    ledger: '/ledgers/a.jsonl',
    quota: { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' },
    concurrency: 16,
    patienceMs: 3_600_000,
    screen: 'auto',
    order: 'source',
    confirmForMs: 120_000,
    strictInput: false,
    planMaxAgeMs: 86_400_000,
    keepLedgersMs: undefined,
    metricsFile: undefined,
    guards: { ...NO_GUARDS, ...guards },
    ...rest,
  };
}

/** The real token source over a credential that gives the sandbox's tokens and counts renewals; `next` is what a renewal gives. */
export class Tokens implements TokenSource {
  kind: TokenSource['kind'] = 'client-secret';
  renewals = 0;
  next: () => Promise<string> = () => Promise.resolve(sandboxToken({ claims: { uti: String(this.renewals) } }));
  readonly #source: RenewingTokenSource;

  constructor(roles?: readonly string[]) {
    const first = sandboxToken(roles === undefined ? {} : { roles });
    const acquire = async ({ forceRefresh }: AcquireRequest) => {
      if (forceRefresh) this.renewals += 1;
      return { token: forceRefresh ? await this.next() : first, expiresAtMs: undefined };
    };
    const credential: CredentialSource = { kind: 'client-secret', interactive: false, acquire };
    this.#source = new RenewingTokenSource(credential, { clock: systemClock, log: silentLog, random: () => 0.5 });
  }

  token(signal?: AbortSignal) {
    return this.#source.token(signal);
  }

  renew(refused: AccessToken, claims?: string, signal?: AbortSignal) {
    return this.#source.renew(refused, claims, signal);
  }
}

/** Takes everything and keeps nothing: for runs whose file nobody reads. */
export class SinkDisk extends MemoryDisk {
  override async openAppend(path: string) {
    const file = await super.openAppend(path);
    return {
      size: 0,
      facts: () => file.facts(),
      read: () => file.read(),
      write: (bytes: Uint8Array) => Promise.resolve(bytes.length),
      datasync: () => Promise.resolve(),
      truncate: () => Promise.resolve(),
      close: () => Promise.resolve(),
    };
  }
}

export interface RunOptions {
  job?: JobOptions;
  /** What is admitted. */
  ids?: readonly string[];
  windows?: readonly Window[];
  disk?: Disk;
  wire?: Wire;
  tokens?: Tokens;
  mayRead?: boolean | undefined;
  quota?: (quota: Quota) => Quota;
  ledger?: (ledger: Ledger) => Ledger;
  permits?: EngineParts['permits'];
  /** A planned or interrupted ledger on `disk` is gone on with: nothing is admitted or started. */
  resume?: boolean;
}

export interface Run {
  parts: EngineParts;
  wire: Wire;
  tokens: Tokens;
  ledger: Ledger;
  gate: Gate;
  taken: { open: number; total: number };
  /** How many actions have which outcome. */
  counts(): Partial<Record<Outcome, number>>;
  outcome(id: string): Outcome | undefined;
  detail(id: string): string | undefined;
  /** Runs cancelAll to its end in virtual time; what it rejected with, if it did. */
  cancel(time: VirtualTime, options?: Partial<CancelAllOptions>): Promise<unknown>;
  /** Waits for anything in virtual time. */
  wait<T>(time: VirtualTime, work: Promise<T>): Promise<T>;
}

const UNLIMITED: readonly Window[] = [{ calls: 100_000, perMs: 1 }];
/** Nothing that is waited for here lasts longer. */
const LONGEST_MS = 48 * 3_600_000;

/** A run put together from real parts, but for the wire and the disk. */
export async function makeRun(options: RunOptions = {}): Promise<Run> {
  const {
    wire = new Wire(),
    tokens = new Tokens(),
    windows = UNLIMITED,
    disk = new MemoryDisk(() => Date.now()),
  } = options;
  const theJob = job(options.job);
  const clock = systemClock;
  const { ledger } = await openLedger({
    path: theJob.ledger,
    disk,
    clock,
    processes: machine(1),
    run: RUN,
    open: { ...OPEN, api: API, job: theJob },
  });
  if (options.resume !== true) {
    const admitted = options.ids ?? [];
    ledger.beginIntake();
    for (const [index, each] of admitted.entries()) await ledger.admit({ id: each, line: index + 1 });
    await ledger.intake({ admitted: admitted.length, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
    await ledger.start({ by: 'yes', count: admitted.length });
  }
  const taken = { open: 0, total: 0 };
  const quota = watched((options.quota ?? ((each) => each))(makeQuota({ windows, clock })), taken);
  const gate = makeGate({ clock });
  const stop = makeStop();
  const journal = options.ledger?.(ledger) ?? ledger;
  const random = () => 0.5;
  const { signal: abandon } = new AbortController();
  // Each call in flight listens.
  setMaxListeners(0, abandon);
  const defender = makeDefender(
    { transport: wire.transport, journal, quota, gate, tokens, clock, random, abandon },
    API,
  );
  const lookups = makeLookups(defender, 'mayRead' in options ? options.mayRead : true);
  const permits = options.permits ?? ((token: string) => mayCancel(callerOf(token)));
  const parts: EngineParts = {
    job: theJob,
    ledger: journal,
    defender,
    gate,
    lookups,
    stop,
    clock,
    random,
    log: silentLog,
    permits,
  };

  async function wait<T>(time: VirtualTime, work: Promise<T>): Promise<T> {
    let over = false;
    const noted = work.finally(() => {
      over = true;
    });
    noted.catch(() => {});
    const untilMs = clock.monotonicMs() + LONGEST_MS;
    await time.runUntil(() => over || clock.monotonicMs() > untilMs);
    if (!over) throw new Error('it does not come to an end');
    return await noted;
  }

  return {
    parts,
    wire,
    tokens,
    ledger,
    gate,
    taken,
    counts: () =>
      Object.fromEntries(Object.entries(ledger.state.counts()).filter(([, count]) => count > 0)) as Partial<
        Record<Outcome, number>
      >,
    outcome: (each) => ledger.state.actions.get(each)?.outcome?.outcome,
    detail: (each) => ledger.state.actions.get(each)?.outcome?.detail,
    cancel: (time, cancelOptions = {}) =>
      wait(
        time,
        cancelAll(parts, { goOn: () => Promise.resolve(true), ...cancelOptions }).then(
          () => undefined,
          (error: unknown) => error,
        ),
      ),
    wait,
  };
}

/** Counts the slots that were taken and not yet given back. */
function watched(quota: Quota, taken: { open: number; total: number }): Quota {
  return {
    ...quota,
    take: async (route, signal) => {
      const slot = await quota.take(route, signal);
      taken.open += 1;
      taken.total += 1;
      const back = () => {
        taken.open -= 1;
      };
      return {
        usable: () => slot.usable(),
        settle: () => {
          back();
          slot.settle();
        },
        settleUnanswered: (sentAtMs) => {
          back();
          slot.settleUnanswered(sentAtMs);
        },
        release: () => {
          back();
          slot.release();
        },
      };
    },
  };
}
