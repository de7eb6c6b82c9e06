import { dirname } from 'node:path';
import type { CliContext } from '../cli/context.ts';
import { resolveHosts } from '../defender/hosts.ts';
import { permissionLines } from '../defender/permissions.ts';
import { skewOf } from '../defender/read-answer.ts';
import { ONE_READ } from '../defender/routes.ts';
import { makeTransport, type Transport } from '../defender/transport.ts';
import { CountermandError } from '../errors.ts';
import { readClaims } from '../identity/claims.ts';
import { openSecretFiles } from '../identity/secret-value.ts';
import { credentialLines, tokenLines } from '../identity/sign-in-report.ts';
import type { Job } from '../job/job.ts';
import type { SenderId } from '../ledger/sender.ts';
import { makeQuota } from '../quota/local/local-quota.ts';
import { agedCalls, lookBackMs } from '../quota/past-calls.ts';
import type { WindowLeft } from '../quota/quota.ts';
import { fileDisk } from '../store/folder/file-disk.ts';
import { recentCallsInFolder } from '../store/folder/folder-calls.ts';
import { userAgent } from '../version.ts';
import {
  type Asked,
  clockFinding,
  type Finding,
  findingsOf,
  hostFinding,
  ledgerFindings,
  quotaFindings,
  readFinding,
  wrongBy,
} from './check-findings.ts';
import { assess, type Identity, prepareSignIn, withoutSignIn } from './sign-in.ts';

/** Shorter than a run's: somebody waits for the answer. */
const TIMEOUT_MS = 15_000;

/**
 * Everything that would stop a run of this job, in the order in which it would. Writes nothing, holds no lock, and sends two requests at
 * most: one without a token, for the host and its clock, and one read, which is left out when the quota has no call left for it.
 */
export async function checkAll(job: Job, context: CliContext): Promise<Finding[]> {
  try {
    resolveHosts(job.api);
  } catch (error) {
    return wrongBy('settings', expected(error));
  }
  const findings: Finding[] = [settingsFinding(job)];
  const { identity, token, canRead } = await checkSignIn(job, context, findings);
  try {
    const { apiUrl } = identity.hosts;
    const { dispatcher } = identity;
    const transport = makeTransport({ dispatcher, apiUrl, userAgent: userAgent(), timeoutMs: TIMEOUT_MS });
    const asked = await ask(transport, context, '/', undefined);
    const host = hostFinding(apiUrl, asked);
    const clock = clockFinding(asked);
    findings.push(host, ...(clock === undefined ? [] : [clock]));

    const folder = dirname(job.ledger);
    const sender = { tenant: job.tenant, client: job.clientId, api: apiUrl };
    const windows = await quotaLeft(job, folder, sender, asked, context);
    if (host.level === 'ok' && token !== undefined) {
      findings.push(await checkRead(transport, token, canRead, windows, context));
    }
    findings.push(...(await ledgerFindings(folder, sender)));
    findings.push(...quotaFindings(windows, folder, context.clock.monotonicMs()));
    return findings;
  } finally {
    await identity.tokens[Symbol.asyncDispose]();
    await identity.dispatcher.end();
  }
}

function settingsFinding({ tenant, clientId, api }: Job): Finding {
  const where = api.region === undefined ? api.cloud : `${api.cloud}, region ${api.region}`;
  return { level: 'ok', topic: 'settings', text: `tenant ${tenant}, application ${clientId}, cloud ${where}` };
}

interface SignedIn {
  identity: Identity;
  /** Undefined when there is none, or one that must not be sent: it is somebody else's. */
  token: string | undefined;
  canRead: boolean | undefined;
}

async function checkSignIn(job: Job, context: CliContext, findings: Finding[]): Promise<SignedIn> {
  const { clock, env } = context;
  const none = { token: undefined, canRead: undefined };
  let identity: Identity;
  try {
    identity = await prepareSignIn(job, context);
  } catch (error) {
    findings.push(...wrongBy('credential', expected(error)));
    return { identity: withoutSignIn(job, context), ...none };
  }
  const { found, tokens, hosts } = identity;
  if (found !== undefined) findings.push(...findingsOf(credentialLines(found, await openSecretFiles(env))));
  try {
    const begunMs = clock.monotonicMs();
    const { token, expiresAtMs } = await tokens.token();
    const tookMs = Math.round(clock.monotonicMs() - begunMs);
    const text =
      tokens.kind === 'token'
        ? 'the ready token is there; nobody was asked for it'
        : `signed in with ${tokens.kind} in ${tookMs} ms`;
    findings.push({ level: 'ok', topic: 'sign-in', text });
    findings.push(...findingsOf(tokenLines(readClaims(token), { expiresAtMs, nowMs: clock.wallMs() })));
    const assessment = assess(token, job, hosts.scope);
    findings.push(...findingsOf(permissionLines(assessment)));
    const { canRead, mismatches } = assessment;
    return { identity, token: mismatches.length > 0 ? undefined : token, canRead };
  } catch (error) {
    findings.push(...wrongBy('sign-in', expected(error)));
    return { identity, ...none };
  }
}

async function ask(
  transport: Transport,
  { clock }: CliContext,
  path: string,
  token: string | undefined,
): Promise<Asked> {
  const sentAtMs = clock.wallMs();
  const result = await transport({ method: 'GET', path, token, body: undefined });
  return { result, sentAtMs, receivedAtMs: clock.wallMs() };
}

async function checkRead(
  transport: Transport,
  token: string,
  canRead: boolean | undefined,
  windows: readonly WindowLeft[],
  context: CliContext,
): Promise<Finding> {
  if (windows.some(({ left }) => left === 0)) {
    const text = 'not tried, because the quota has no call left for it; run check again later';
    return { level: 'warning', topic: 'read', text };
  }
  const { result } = await ask(transport, context, ONE_READ, token);
  if ('raw' in result) return readFinding(result.raw, context.clock.wallMs(), canRead);
  const text = `a read was not answered (${result.error}), though the host was before; run check again`;
  return { level: 'wrong', topic: 'read', text, exitCode: 6 };
}

/** As a run that began now would find it. */
async function quotaLeft(
  job: Job,
  folder: string,
  sender: SenderId,
  { result, receivedAtMs }: Asked,
  { clock, log }: CliContext,
): Promise<WindowLeft[]> {
  const skewMs = 'raw' in result ? skewOf(result.raw, receivedAtMs) : undefined;
  const nowMs = clock.wallMs();
  const now = { wallMs: nowMs, defenderMs: skewMs === undefined ? undefined : nowMs + skewMs, fileMs: undefined };
  const clocks = () => Promise.resolve(now);
  const where = { folder, disk: fileDisk, log, clocks, withinMs: lookBackMs(job.quota.windows), except: '' };
  const isThere = (await fileDisk.stat(folder)) !== undefined;
  const past = isThere ? await recentCallsInFolder({ ...sender, ...where }) : [];
  const quota = makeQuota({ ...job.quota, clock });
  quota.seed(agedCalls(past, now));
  return quota.left();
}

/** What a person can act on; anything else is a bug and goes on up. */
function expected(error: unknown): CountermandError {
  if (error instanceof CountermandError) return error;
  throw error;
}
