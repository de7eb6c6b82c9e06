import { setMaxListeners } from 'node:events';
import type { CliContext } from '../../src/cli/context.ts';
import { noInterrupts } from '../../src/cli/terminal/interrupts.ts';
import type { Asker } from '../../src/cli/terminal/question.ts';
import type { Clock } from '../../src/clock.ts';
import { makeDefender } from '../../src/defender/client.ts';
import { resolveHosts } from '../../src/defender/hosts.ts';
import type { Transport } from '../../src/defender/transport.ts';
import { makeLookups } from '../../src/engine/lookups.ts';
import { inSession, makeStop, type SessionEnd } from '../../src/engine/session.ts';
import { toVerify, verifyAll } from '../../src/engine/verify.ts';
import { UsageError } from '../../src/errors.ts';
import type { CredentialSource } from '../../src/identity/credential-source.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import { noSecrets } from '../../src/identity/session-secrets.ts';
import type { Job } from '../../src/job/job.ts';
import { mergeForResume } from '../../src/job/resume-job.ts';
import type { CloseReason } from '../../src/ledger/record.ts';
import type { Logger } from '../../src/log.ts';
import { makeGate } from '../../src/quota/gate/make-gate.ts';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import { keepAll } from '../../src/redact.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import type { Connected, RunParts } from '../../src/run/assemble.ts';
import { makeAsyncDisposableStack } from '../../src/run/async-disposable-stack.ts';
import type { MissingAnswer } from '../../src/run/missing.ts';
import { makePlan } from '../../src/run/plan.ts';
import { refuseHalfStdin } from '../../src/run/read-source.ts';
import { readView } from '../../src/run/read-view.ts';
import { rereadRule } from '../../src/run/reread-rule.ts';
import { refuseOldPlan } from '../../src/run/resume-rules.ts';
import { work } from '../../src/run/run.ts';
import { findPastCalls } from '../../src/store/folder/past-calls.ts';
import { assess, type Identity, refuseUseless } from '../../src/run/sign-in.ts';
import { onTarget, type Target } from '../../src/run/target.ts';
import type { Disk } from '../../src/store/folder/disk.ts';
import type { Processes } from '../../src/store/folder/holder.ts';
import { openLedger } from '../../src/store/folder/open.ts';
import { readLedger, throwIfDamaged } from '../../src/ledger/read-ledger.ts';

const SCOPE = 'https://api.securitycenter.microsoft.com/.default';
const FOLDER = '/ledgers';

/** What the world lends to a process. */
export interface Machine {
  disk: Disk;
  clock: Clock;
  random: () => number;
  processes: Processes;
  log: Logger;
  /** The wire to an API's base URL. */
  transport(apiUrl: string): Transport;
  credential: CredentialSource;
  /** Defender's clock minus ours, from an answer to a request without a token. */
  measureSkew(): Promise<number | undefined>;
  /** The source as it stands now; undefined for a query. */
  readSource(): { bytes: AsyncIterable<Uint8Array>; sha256: string; length: number } | undefined;
  uuid(): string;
  /** Lets the world ask this process to end. */
  listen(signal: () => void): void;
}

export interface Command {
  /** `start`: `run LEDGER` of a plan. */
  kind: 'plan' | 'run' | 'start' | 'resume' | 'verify';
  job: Job;
  /** As typed, where it goes on with a ledger. */
  flags: Readonly<Record<string, unknown>>;
  /** `--head`: that of the ledger as it was reviewed. */
  head?: string | undefined;
  missing: MissingAnswer;
  retry: ReadonlySet<string>;
  /** What the operator changes for this session. */
  change?: (job: Job) => Job;
}

/** The exit code of a command, as `main` would have it; throws what `main` would take for a bug. */
export async function command(machine: Machine, given: Command): Promise<number> {
  return onTarget(
    () => targetOf(machine, given),
    (target) => onTargetOf(machine, given, target),
  );
}

async function onTargetOf(
  machine: Machine,
  { kind, missing, retry, change, head }: Command,
  target: Target,
): Promise<number> {
  const asker: Asker = { canAsk: false, ask: () => Promise.resolve(false) };
  const context: CliContext = {
    env: {},
    cwd: FOLDER,
    secrets: noSecrets,
    clock: machine.clock,
    random: machine.random,
    redact: keepAll,
    out: () => undefined,
    delivered: () => Promise.resolve(),
    say: (output) => machine.log.info(typeof output === 'string' ? output : output.text),
    log: machine.log,
    interrupts: noInterrupts,
  };
  const { before, fromLedger } = target;
  const own = change === undefined ? target.job : change(target.job);
  let end: SessionEnd;
  if (kind === 'plan') {
    const source = machine.readSource();
    await using parts = await assemble(machine, own, 'plan', target);
    end = await inSession(parts, async (): Promise<CloseReason> => {
      await makePlan(parts, source?.bytes, context);
      return 'planned';
    });
  } else if (kind === 'verify') {
    if (before?.start === undefined || toVerify(before).length === 0) return 0;
    await using parts = await assemble(machine, own, 'existing', target);
    end = await inSession(parts, async (): Promise<CloseReason> => {
      const { engine } = await parts.connect({ cancels: false });
      await verifyAll(engine);
      return parts.ledger.state.sessions.at(-2)?.closed?.reason ?? 'interrupted';
    });
  } else {
    refuseOldPlan(target, machine.clock.wallMs());
    if (fromLedger) refuseHalfStdin(own, before);
    const reading = readingOf(machine, { ...target, job: own });
    await using parts = await assemble(machine, own, fromLedger ? 'existing' : 'any', target, head);
    const options = { target: { ...target, job: own }, asker, yes: true, json: true, missing, retry };
    end = await inSession(parts, () => work(parts, reading, options, context));
  }
  const view = await readView(machine.disk, own.ledger);
  const summary = summarise([view], { nowMs: machine.clock.wallMs(), signal: end.signal });
  return end.error?.exitCode ?? summary.exitCode ?? 1;
}

async function targetOf({ disk, clock }: Machine, { kind, job, flags, head }: Command): Promise<Target> {
  const exists = (await disk.stat(job.ledger)) !== undefined;
  const fromLedger = kind === 'start' || kind === 'resume' || kind === 'verify';
  if (!exists && !fromLedger) return { job, fromLedger, before: undefined, head: '' };
  const { state, fault, head: found } = await readLedger({ path: job.ledger, disk });
  throwIfDamaged(job.ledger, fault);
  if (head !== undefined && head !== found) throw new UsageError(`the head is ${found} and not ${head}`);
  const opened = state.sessions.at(-1)?.opened;
  if (opened === undefined) return { job, fromLedger: false, before: undefined, head: found };
  if (!fromLedger) return { job, fromLedger, before: state, head: found };
  const merged = mergeForResume(opened.job, { flags, env: {}, cwd: FOLDER, nowMs: clock.wallMs() });
  return { job: { ...merged, ledger: job.ledger }, fromLedger, before: state, head: found };
}

type ToRead = Parameters<typeof work>[1];

function readingOf({ readSource }: Machine, target: Target): ToRead {
  const source = readSource();
  const rule = rereadRule(target);
  if (rule === 'no') return 'nothing';
  const intake = target.before?.intake;
  const same = source !== undefined && source.sha256 === intake?.sha256 && source.length === intake.bytes;
  if (rule === 'if-changed' && same) return 'nothing';
  return source === undefined ? 'query' : { bytes: source.bytes };
}

/** As src/run/assemble.ts puts real parts together, over the machine's. */
async function assemble(
  machine: Machine,
  job: Job,
  existing: 'any' | 'existing' | 'plan',
  { before, head: readHead }: Target,
  reviewed?: string,
): Promise<RunParts> {
  const { disk, clock, random, log } = machine;
  const { apiUrl } = resolveHosts(job.api);
  const resources = makeAsyncDisposableStack();
  try {
    const tokens = new RenewingTokenSource(machine.credential, { clock, log, random, patienceMs: job.patienceMs });
    resources.defer(() => tokens[Symbol.asyncDispose]());
    const sender = { tenant: job.tenant, client: job.clientId, api: apiUrl };
    const open = { tool: 'countermand simulated', ...sender, job };
    const { processes } = machine;
    const run = before?.run || machine.uuid();
    // A plan takes a plan's place whatever that says. What was decided upon, or reviewed, is compared anew in the reading that is acted upon.
    const head = existing === 'plan' ? undefined : (reviewed ?? readHead);
    const ledger = await openLedger({ path: job.ledger, disk, clock, log, existing, head, open, run, processes });
    resources.defer(() => ledger[Symbol.asyncDispose]());
    const stop = makeStop();
    const abandon = new AbortController();
    setMaxListeners(0, abandon.signal);
    let seen = 0;
    machine.listen(() => {
      seen++;
      if (seen === 1) stop.request({ close: 'interrupted', signal: 'SIGTERM' });
      else abandon.abort();
    });
    const quota = makeQuota({ ...job.quota, clock });
    const gate = makeGate({
      clock,
      onPause: ({ reason, untilMs }) => {
        const until = new Date(clock.wallMs() + untilMs - clock.monotonicMs()).toISOString();
        log.info({ reason, until }, 'all calls pause');
        ledger.pause({ until, reason }).catch(() => {});
      },
    });
    const defender = makeDefender(
      {
        transport: machine.transport(apiUrl),
        journal: ledger,
        quota,
        gate,
        tokens,
        clock,
        random,
        log,
        abandon: abandon.signal,
      },
      apiUrl,
    );
    const connect = async (how: { cancels: boolean } | 'offline'): Promise<Connected> => {
      const token = how === 'offline' ? undefined : (await tokens.token(stop.signal)).token;
      const assessment = token === undefined ? undefined : assess(token, job, SCOPE);
      if (how !== 'offline' && assessment !== undefined) refuseUseless(assessment, how);
      for (const sentence of assessment?.missing ?? []) log.warn(sentence);
      const measureSkew = how === 'offline' ? undefined : () => machine.measureSkew();
      quota.seed(await findPastCalls({ job, ledger, sender, disk, measureSkew }, { clock, log }));
      const connected = {
        quota,
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
          permits: (renewed: string) => assess(renewed, job, SCOPE).canCancel,
        },
        permissions: assessment && { has: assessment.granted, lacks: assessment.missing },
        warnings: (types: ReadonlyMap<string, number>) =>
          token === undefined ? [] : assess(token, job, SCOPE, types).warnings,
      };
      return connected;
    };
    // Whoever works here asks it nothing: the transport and the token source above stand for it.
    const identity = undefined as unknown as Identity;
    const { disposeAsync: close } = resources;
    return { job, ledger, gate, clock, stop, quota, identity, log, connect, [Symbol.asyncDispose]: close };
  } catch (error) {
    await resources.disposeAsync();
    throw error;
  }
}
