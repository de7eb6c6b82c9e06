import { type Hosts, resolveHosts } from '../defender/hosts.ts';
import { assessPermissions, type PermissionAssessment } from '../defender/permissions.ts';
import { RefusedError } from '../errors.ts';
import { readClaims } from '../identity/claims.ts';
import { refuseFarEndpoints, refuseOtherAuthority } from '../identity/endpoints.ts';
import { type FoundCredential, findCredential } from '../identity/find-credential.ts';
import { RenewingTokenSource } from '../identity/renewing-token-source.ts';
import { openSecretFiles, readSecret } from '../identity/secret-value.ts';
import type { TokenSource } from '../identity/token-source.ts';
import type { Job } from '../job/job.ts';
import { isTenantId, type SenderId } from '../ledger/sender.ts';
import type { Context } from './console.ts';
import type { Connection, Machine } from './machine.ts';
import type { SenderFacts } from './question.ts';

/** Who we are and what may be done as that, before any call to Defender. */
export interface Identity {
  hosts: Hosts;
  /** Undefined for work that signs in nowhere. */
  found: FoundCredential | undefined;
  connection: Connection;
  tokens: TokenSource & AsyncDisposable;
}

/** For work that sends nothing: it needs no credential, and cannot use one by mistake. */
export function withoutSignIn(job: SignInJob, { connect }: Machine): Identity {
  const refuse = () => Promise.reject(new Error('this work was begun without a sign-in'));
  const tokens = {
    kind: 'token',
    token: refuse,
    renew: refuse,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  } as const;
  const hosts = resolveHosts(job.api);
  return { hosts, found: undefined, connection: connect(hosts), tokens };
}

export type SignInJob = Pick<Job, 'tenant' | 'clientId' | 'auth' | 'api' | 'patienceMs'>;

/** Finds the credential and the way out. Throws a UsageError when one is missing or a host is not allowed; asks nobody yet. */
export async function prepareSignIn(job: SignInJob, context: Context): Promise<Identity> {
  const { env, clock, log, random, say, secrets, connect } = context;
  const hosts = resolveHosts(job.api);
  refuseFarEndpoints(env);
  refuseOtherAuthority(env, hosts.authorityUrl);
  const clientId = isNamed(job.clientId) ? job.clientId : undefined;
  const found = findCredential(env, job.auth, { tenant: job.tenant, clientId });
  for (const sentence of await openSecretFiles(env)) log.warn(sentence);
  const connection = connect(hosts);
  const target = {
    tenant: job.tenant,
    clientId: clientId ?? '',
    authorityUrl: hosts.authorityUrl,
    scope: hosts.scope,
  };
  const { learn } = secrets;
  const parts = { target, env, clock, log, learn, prompt: (line: string) => say(`${line}\n`) };
  const credential = connection.credential(found.kind, parts);
  const tokens = new RenewingTokenSource(credential, { clock, log, random, patienceMs: job.patienceMs });
  return { hosts, found, connection, tokens };
}

/** What a token says of itself, held against what the job says. */
export function assess(
  token: string,
  job: Pick<Job, 'tenant' | 'clientId'>,
  scope: string,
  types?: ReadonlyMap<string, number>,
): PermissionAssessment {
  const clientId = isNamed(job.clientId) ? job.clientId : '';
  return assessPermissions(readClaims(token), {
    scope,
    tenant: job.tenant,
    clientId,
    ...(types === undefined ? {} : { types }),
  });
}

/** The sender that a token shows; an opaque token shows nobody, and what was given counts. */
export function shownSender(token: string, given: SenderId): SenderId {
  const claims = readClaims(token);
  return { ...given, tenant: claims?.tid ?? given.tenant, client: claims?.appid ?? given.client };
}

/** Who sends, in words. `tokenEndsAtMs`: of a token that cannot be renewed. */
export function senderFacts(
  token: string | undefined,
  { tenant, clientId }: Pick<Job, 'tenant' | 'clientId'>,
  tokenEndsAtMs: number | undefined,
): SenderFacts {
  const claims = token === undefined ? undefined : readClaims(token);
  return {
    tenant,
    tenantName: isTenantId(tenant) ? claims?.domain : tenant,
    tenantId: claims?.tid,
    application: claims?.appid ?? clientId,
    tokenEndsAtMs,
  };
}

/** Throws a RefusedError for a token that cannot do the work, before anything is sent. */
export function refuseUnusable(assessment: PermissionAssessment, { cancels }: { cancels: boolean }): void {
  const { mismatches, canCancel, canRead, missing } = assessment;
  if (mismatches[0] !== undefined) throw new RefusedError(mismatches[0].sentence);
  if (cancels && canCancel === false) throw new RefusedError(missing[0] ?? 'the token may not cancel');
  if (!cancels && canCancel === false && canRead === false) throw new RefusedError(missing.join('; '));
}

/** Who a ready token says we are, for what nothing else names. */
export async function identityInToken(env: Machine['env']): Promise<{ tenant?: string; clientId?: string }> {
  const token = await readSecret(env, 'COUNTERMAND_TOKEN');
  const claims = token === undefined ? undefined : readClaims(token.value);
  return {
    ...(claims?.tid === undefined ? {} : { tenant: claims.tid }),
    ...(claims?.appid === undefined ? {} : { clientId: claims.appid }),
  };
}

/** A credential of its own kind stands where no application is named. */
function isNamed(clientId: string): boolean {
  return clientId !== '' && clientId !== 'token' && clientId !== 'managed-identity';
}
