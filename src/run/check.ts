import { resolveHosts } from '../defender/hosts.ts';
import { permissionLines } from '../defender/permissions.ts';
import { skewOf } from '../defender/read-answer.ts';
import { ONE_READ } from '../defender/routes.ts';
import type { Transport } from '../defender/transport.ts';
import { CountermandError } from '../errors.ts';
import { readClaims } from '../identity/claims.ts';
import { openSecretFiles } from '../identity/secret-value.ts';
import { credentialLines, tokenLines } from '../identity/sign-in-report.ts';
import type { Job } from '../job/job.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { WindowLeft } from '../quota/quota.ts';
import {
  type Asked,
  clockFinding,
  type Finding,
  findingsOf,
  hostFinding,
  onceMoreAfterMs,
  quotaFindings,
  readFinding,
  wrongBy,
} from './check-findings.ts';
import type { Context } from './console.ts';
import { assess, type Identity, prepareSignIn, withoutSignIn } from './sign-in.ts';

/** Shorter than a run's: somebody waits for the answer. */
const TIMEOUT_MS = 15_000;

/**
 * Everything that would stop a run of this job, in the order in which it would. Writes nothing, holds no lock, and sends two requests:
 * one without a token, for the host and its clock, and one read, which is left out when the quota has no call left for it. Each is sent once more
 * where the answer may be a passing trouble.
 */
export async function checkAll(job: Job, context: Context): Promise<Finding[]> {
  try {
    resolveHosts(job.api);
  } catch (error) {
    return wrongBy('settings', expected(error));
  }
  const findings: Finding[] = [settingsFinding(job)];
  const { identity, token, canRead } = await checkSignIn(job, context, findings);
  try {
    const { apiUrl } = identity.hosts;
    const transport = identity.connection.transport({ timeoutMs: TIMEOUT_MS });
    const asked = await ask(transport, context, '/');
    const host = hostFinding(apiUrl, asked);
    const clock = clockFinding(asked);
    findings.push(host, ...(clock === undefined ? [] : [clock]));

    const sender = { tenant: job.tenant, client: job.clientId, api: apiUrl };
    const { place, ...stored } = await context.store.check(job.ledger, sender);
    // It knows nothing of the quota either.
    if (stored.level === 'wrong' && context.store.keeps === 'runs')
      return [...findings, { ...stored, topic: 'ledgers' }];
    const windows = await quotaLeft(job, sender, asked, context);
    if (host.level === 'ok' && token !== undefined) {
      findings.push(await checkRead(transport, token, canRead, windows, context));
    }
    findings.push({ ...stored, topic: 'ledgers' });
    findings.push(...quotaFindings(windows, place, context.clock.monotonicMs()));
    return findings;
  } finally {
    await identity.tokens[Symbol.asyncDispose]();
    await identity.connection.end();
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

async function checkSignIn(job: Job, context: Context, findings: Finding[]): Promise<SignedIn> {
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
    findings.push(
      ...findingsOf(
        tokenLines(readClaims(token), { expiresAtMs, nowMs: clock.wallMs(), renews: tokens.kind !== 'token' }),
      ),
    );
    const assessment = assess(token, job, hosts.scope);
    findings.push(...findingsOf(permissionLines(assessment)));
    const { canRead, mismatches } = assessment;
    return { identity, token: mismatches.length > 0 ? undefined : token, canRead };
  } catch (error) {
    findings.push(...wrongBy('sign-in', expected(error)));
    return { identity, ...none };
  }
}

/** Asks once more where the first answer may be a passing trouble, and each window has a call left for that. */
async function ask(
  transport: Transport,
  { clock }: Context,
  path: string,
  token?: string,
  windows: readonly WindowLeft[] = [],
): Promise<Asked> {
  const once = async (): Promise<Asked> => {
    const sentAtMs = clock.wallMs();
    const result = await transport({ method: 'GET', path, token, body: undefined });
    return { result, sentAtMs, receivedAtMs: clock.wallMs() };
  };
  const asked = await once();
  const afterMs = onceMoreAfterMs(asked, token !== undefined);
  if (afterMs === undefined || windows.some(({ left }) => left < 2)) return asked;
  await clock.sleep(afterMs);
  return once();
}

async function checkRead(
  transport: Transport,
  token: string,
  canRead: boolean | undefined,
  windows: readonly WindowLeft[],
  context: Context,
): Promise<Finding> {
  if (windows.some(({ left }) => left === 0)) {
    const text = 'not tried, because the quota has no call left for it; run check again later';
    return { level: 'warning', topic: 'read', text };
  }
  const { result } = await ask(transport, context, ONE_READ, token, windows);
  if ('raw' in result) return readFinding(result.raw, context.clock.wallMs(), canRead);
  const text = `a read was not answered (${result.error}), though the host was before; run check again`;
  return { level: 'wrong', topic: 'read', text, exitCode: 6 };
}

/** As a run that began now would find it. */
async function quotaLeft(
  job: Job,
  sender: SenderId,
  { result, receivedAtMs }: Asked,
  { store, log }: Context,
): Promise<WindowLeft[]> {
  const skewMs = 'raw' in result ? skewOf(result.raw, receivedAtMs) : undefined;
  return await store.quotaLeft(sender, job.quota, {
    name: job.ledger,
    log,
    measureSkew: () => Promise.resolve(skewMs),
  });
}

/** What a person can act on; anything else is a bug and goes on up. */
function expected(error: unknown): CountermandError {
  if (error instanceof CountermandError) return error;
  throw error;
}
