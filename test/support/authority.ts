import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { AddressInfo, Server, Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { generateKeyPair, SignJWT } from 'jose';
import {
  CLUSTER_ISSUER,
  CLUSTER_SUBJECT,
  checkAssertion,
  EXCHANGE_AUDIENCE,
  type Trusted,
} from './authority-assertions.ts';
import { Refusal } from './authority-refusal.ts';
import { type AuthorityRequest, playTrouble, readForm, type Trouble } from './authority-requests.ts';
import { makeServerCertificate } from './certificates.ts';

export { type AuthorityRequest, TROUBLES, type Trouble } from './authority-requests.ts';

export const TENANT = '11111111-1111-4111-8111-111111111111';
export const CLIENT_ID = '22222222-2222-4222-8222-222222222222';
export const CLIENT_SECRET = 'a~secret.Value-that+must/never=show';
export const RESOURCE = 'https://api.securitycenter.microsoft.com';

export interface TokenSettings {
  lifetimeSeconds: number;
  roles: readonly string[];
  scp: string;
  resource: string;
  tid: string;
  appid: string;
  /** Adds `refresh_in`. */
  refreshInSeconds: number | undefined;
  /** An opaque token instead of a JWT. */
  opaque: boolean;
}

/**
 * A local Microsoft Entra and managed identity endpoint, over real sockets. It trusts nothing: secrets are compared,
 * assertions verified against the registered certificates and the cluster's key. Everything it issued is in `issued`.
 */
export class Authority implements AsyncDisposable {
  /** Login host without tenant. */
  readonly url: string;
  /** For NODE_EXTRA_CA_CERTS of child processes. */
  readonly caFile: string;
  readonly ca: string;
  /** A folder that is removed with the authority. */
  readonly dir: string;
  readonly requests: AuthorityRequest[] = [];
  /** Tokens, refresh tokens and assertions that came or went: what must never show anywhere. */
  readonly secrets = new Set<string>([CLIENT_SECRET]);
  readonly tokens: TokenSettings = {
    lifetimeSeconds: 3600,
    roles: ['Machine.Isolate', 'Machine.Scan', 'Machine.LiveResponse', 'Machine.Read.All'],
    scp: 'Machine.Isolate Machine.Read',
    resource: RESOURCE,
    tid: TENANT,
    appid: CLIENT_ID,
    refreshInSeconds: undefined,
    opaque: false,
  };
  clientSecret = CLIENT_SECRET;
  /** Other tenants, with the applications that each knows: their secrets, or none for those that sign in with a registered certificate. */
  readonly tenants = new Map<string, ReadonlyMap<string, string | undefined>>();
  /** Answers every token request with this refusal. */
  refuseWith: { code: number; error: string; description: string } | undefined;
  /** Polls that are told to wait before the device code is approved. */
  pendingPolls = 1;
  /** Seconds; 0 lets tests poll at once. */
  pollInterval = 0;
  /** The managed identity endpoint: base URL and the header's value, for IDENTITY_ENDPOINT and IDENTITY_HEADER. */
  readonly identityEndpoint: string;
  readonly identityHeader = 'identity-header-that-must-never-show';
  /** User-assigned identities that exist besides the system-assigned one. */
  readonly identities = new Set<string>([CLIENT_ID]);

  readonly #servers: Server[];
  readonly #sockets = new Set<Socket>();
  readonly #keys: Keys;
  readonly #troubles: { trouble: Trouble; times: number }[] = [];
  readonly #certificates: X509Certificate[] = [];
  readonly #polls = new Map<string, number>();
  #issued = 0;
  #waiting: (() => void)[] = [];

  constructor(made: Made) {
    this.url = made.url;
    this.identityEndpoint = made.identityEndpoint;
    this.caFile = made.caFile;
    this.ca = made.ca;
    this.dir = made.dir;
    this.#keys = made.keys;
    this.#servers = made.servers;
    this.secrets.add(this.identityHeader);
    for (const server of made.servers) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.on('close', () => this.#sockets.delete(socket));
        socket.on('error', () => undefined);
      });
    }
  }

  /** The next `times` sign-in requests meet this trouble; Infinity until `heal`. */
  trouble(trouble: Trouble, times = Number.POSITIVE_INFINITY): void {
    this.#troubles.push({ trouble, times });
  }

  heal(): void {
    this.#troubles.length = 0;
  }

  /** Registers an application's certificate, PEM. */
  register(pem: string): void {
    this.#certificates.push(new X509Certificate(pem));
  }

  /** How many tokens were issued. */
  get issued(): number {
    return this.#issued;
  }

  /** Resolves when `count` requests have come in all. */
  async requested(count: number): Promise<void> {
    while (this.requests.length < count) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** A service account token of the fake cluster, as the kubelet projects it. */
  async clusterToken(
    claims: { audience?: string; subject?: string; issuer?: string; expiresInSeconds?: number } = {},
  ): Promise<string> {
    const now = Math.floor(Date.now() / 1000);
    const token = await new SignJWT({})
      .setProtectedHeader({ alg: 'RS256', kid: 'cluster' })
      .setIssuer(claims.issuer ?? CLUSTER_ISSUER)
      .setSubject(claims.subject ?? CLUSTER_SUBJECT)
      .setAudience(claims.audience ?? EXCHANGE_AUDIENCE)
      .setIssuedAt(now - 3600)
      .setExpirationTime(now + (claims.expiresInSeconds ?? 3600))
      .setJti(crypto.randomUUID())
      .sign(this.#keys.cluster.privateKey);
    this.secrets.add(token);
    return token;
  }

  /** A token of this authority without a sign-in, for COUNTERMAND_TOKEN. */
  async token(settings: Partial<TokenSettings> & { delegated?: boolean } = {}): Promise<string> {
    const { lifetimeSeconds, roles, scp, resource, tid, appid, opaque } = { ...this.tokens, ...settings };
    const now = Math.floor(Date.now() / 1000);
    const permissions =
      settings.delegated === true ? { scp, name: 'Responder', upn: 'responder@contoso.example' } : { roles };
    const token = opaque
      ? `opaque-${crypto.randomUUID()}`
      : await new SignJWT({
          ...permissions,
          tid,
          appid,
          app_displayname: 'countermand tests',
          uti: crypto.randomUUID(),
        })
          .setProtectedHeader({ alg: 'RS256', kid: 'signing', typ: 'JWT' })
          .setIssuer(`https://sts.windows.net/${tid}/`)
          .setAudience(resource)
          .setIssuedAt(now)
          .setNotBefore(now)
          .setExpirationTime(now + lifetimeSeconds)
          .sign(this.#keys.signing.privateKey);
    this.secrets.add(token);
    return token;
  }

  /** Serves the login host. */
  async handleLogin(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const form = await readForm(request);
    for (const name of ['client_assertion', 'refresh_token', 'device_code', 'client_secret']) {
      const value = form[name];
      if (value !== undefined) this.secrets.add(value);
    }
    const log = this.#log(request, form);
    if (this.#playNext(log, request, response)) return;
    const [, tenant = '', ...rest] = new URL(request.url ?? '/', this.url).pathname.split('/');
    const answer = await this.#answer(tenant, rest.join('/'), form).catch((error: unknown) => {
      if (error instanceof Refusal) return error;
      throw error;
    });
    if (answer instanceof Refusal) {
      log.refusal = answer.code;
      this.#send(log, response, answer.status, answer.body());
    } else {
      this.#send(log, response, 200, answer);
    }
  }

  /** Serves the managed identity endpoint: App Service style at /msi/token, IMDS style at /metadata/identity/oauth2/token. */
  async handleIdentity(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', this.identityEndpoint);
    const query = Object.fromEntries(url.searchParams);
    const log = this.#log(request, query);
    if (this.#playNext(log, request, response)) return;
    const appService = url.pathname === '/msi/token' && request.headers['x-identity-header'] === this.identityHeader;
    const imds = url.pathname === '/metadata/identity/oauth2/token' && request.headers['metadata'] === 'true';
    if (!appService && !imds) {
      this.#send(log, response, 401, { error: 'unauthorized', error_description: 'missing or wrong secret header' });
      return;
    }
    const clientId = query['client_id'];
    if (clientId !== undefined && !this.identities.has(clientId)) {
      this.#send(log, response, 400, { error: 'invalid_request', error_description: 'Identity not found' });
      return;
    }
    const lifetime = this.tokens.lifetimeSeconds;
    const token = await this.token({
      resource: query['resource'] ?? '',
      appid: clientId ?? '33333333-3333-4333-8333-333333333333',
    });
    this.#issued += 1;
    this.#send(log, response, 200, {
      access_token: token,
      expires_on: `${Math.floor(Date.now() / 1000) + lifetime}`,
      resource: query['resource'],
      token_type: 'Bearer',
      client_id: clientId,
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
    await rm(this.dir, { recursive: true, force: true });
  }

  #log(request: IncomingMessage, form: Record<string, string>): AuthorityRequest {
    const entry: AuthorityRequest = {
      method: request.method ?? '',
      path: (request.url ?? '').split('?')[0] ?? '',
      form,
      headers: request.headers,
      answered: 'pending',
    };
    this.requests.push(entry);
    return entry;
  }

  #told(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const resolve of waiting) resolve();
  }

  #playNext(log: AuthorityRequest, request: IncomingMessage, response: ServerResponse): boolean {
    const next = this.#troubles[0];
    if (next === undefined) return false;
    next.times -= 1;
    if (next.times <= 0) this.#troubles.shift();
    log.answered = playTrouble(next.trouble, response, rawSocket(request.socket, this.#sockets));
    this.#told();
    return true;
  }

  #send(log: AuthorityRequest, response: ServerResponse, status: number, body: object): void {
    log.answered = status;
    response.writeHead(status, { 'content-type': 'application/json; charset=utf-8', 'cache-control': 'no-store' });
    response.end(JSON.stringify(body));
    this.#told();
  }

  async #answer(tenant: string, path: string, form: Record<string, string>): Promise<object> {
    const applications = tenant === TENANT ? new Map([[CLIENT_ID, this.clientSecret]]) : this.tenants.get(tenant);
    if (applications === undefined) throw new Refusal(90002, 'invalid_request', `Tenant '${tenant}' not found.`);
    if (this.refuseWith !== undefined) {
      throw new Refusal(this.refuseWith.code, this.refuseWith.error, this.refuseWith.description);
    }
    const client = form['client_id'] ?? '';
    if (!applications.has(client)) {
      throw new Refusal(700016, 'unauthorized_client', `Application with identifier '${client}' was not found.`);
    }
    if (path === 'oauth2/v2.0/devicecode') return this.#deviceCode();
    if (path !== 'oauth2/v2.0/token') throw new Refusal(90000, 'invalid_request', `no endpoint at ${path}`);
    switch (form['grant_type']) {
      case 'client_credentials':
        return this.#clientCredentials(form, { tenant, client, secret: applications.get(client) });
      case 'device_code':
      case 'urn:ietf:params:oauth:grant-type:device_code':
        return this.#poll(form);
      case 'refresh_token':
        if (!this.secrets.has(form['refresh_token'] ?? '')) {
          throw new Refusal(700082, 'invalid_grant', 'The refresh token has expired.');
        }
        return this.#delegated();
      default:
        throw new Refusal(70003, 'unsupported_grant_type', `The grant ${form['grant_type']} is not supported.`);
    }
  }

  async #clientCredentials(form: Record<string, string>, { tenant, client, secret }: Application): Promise<object> {
    const scope = form['scope'] ?? '';
    if (!scope.endsWith('/.default')) {
      throw new Refusal(1002012, 'invalid_scope', `The provided value for scope ${scope} is not valid.`);
    }
    if (scope !== `${this.tokens.resource}/.default`) {
      throw new Refusal(500011, 'invalid_resource', `The resource principal named ${scope} was not found.`);
    }
    if (form['client_assertion'] !== undefined) await checkAssertion(form, this.#trusted(tenant, client));
    else if (secret === undefined || form['client_secret'] !== secret) {
      throw new Refusal(7000215, 'invalid_client', 'Invalid client secret provided.', 401);
    }
    this.#issued += 1;
    const whose = tenant === TENANT ? {} : { tid: tenantId(tenant), appid: client };
    return this.#tokenAnswer(await this.token(whose));
  }

  #trusted(tenant: string, clientId: string): Trusted {
    return {
      certificates: this.#certificates,
      clusterKey: this.#keys.cluster.publicKey,
      clientId,
      audience: `${this.url}/${tenant}/oauth2/v2.0/token`,
    };
  }

  #deviceCode(): object {
    const code = `device-code-${crypto.randomUUID()}`;
    this.secrets.add(code);
    this.#polls.set(code, 0);
    return {
      device_code: code,
      user_code: 'ABCD-EFGH',
      verification_uri: 'https://login.example/device',
      expires_in: 900,
      interval: this.pollInterval,
      message: 'To sign in, open https://login.example/device and enter the code ABCD-EFGH.',
    };
  }

  async #poll(form: Record<string, string>): Promise<object> {
    const code = form['device_code'] ?? '';
    const polls = this.#polls.get(code);
    if (polls === undefined) throw new Refusal(70019, 'expired_token', 'The device code has expired.');
    this.#polls.set(code, polls + 1);
    if (polls < this.pendingPolls) throw new Refusal(70016, 'authorization_pending', 'Authorization is pending.');
    return this.#delegated();
  }

  async #delegated(): Promise<object> {
    const refresh = `refresh-${crypto.randomUUID()}`;
    this.secrets.add(refresh);
    const oid = '44444444-4444-4444-8444-444444444444';
    const id = await new SignJWT({
      tid: this.tokens.tid,
      oid,
      preferred_username: 'responder@contoso.example',
      name: 'Responder',
      ver: '2.0',
    })
      .setProtectedHeader({ alg: 'RS256' })
      .setIssuer(`${this.url}/${TENANT}/v2.0`)
      .setAudience(CLIENT_ID)
      .setSubject('responder')
      .setIssuedAt()
      .setExpirationTime('1h')
      .sign(this.#keys.signing.privateKey);
    this.#issued += 1;
    return {
      ...this.#tokenAnswer(await this.token({ delegated: true })),
      scope: `${RESOURCE}/Machine.Isolate ${RESOURCE}/Machine.Read ${RESOURCE}/.default openid profile offline_access`,
      refresh_token: refresh,
      id_token: id,
      client_info: Buffer.from(JSON.stringify({ uid: oid, utid: this.tokens.tid })).toString('base64url'),
    };
  }

  #tokenAnswer(token: string): object {
    const { lifetimeSeconds, refreshInSeconds } = this.tokens;
    return {
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      ext_expires_in: lifetimeSeconds,
      ...(refreshInSeconds === undefined ? {} : { refresh_in: refreshInSeconds }),
      access_token: token,
    };
  }
}

/** Of a tenant that is named by its domain, one that is always the same. */
function tenantId(tenant: string): string {
  if (!tenant.includes('.')) return tenant;
  const hex = createHash('sha256').update(tenant).digest('hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(12, 15)}-8${hex.slice(15, 18)}-${hex.slice(18, 30)}`;
}

/** A reset has to hit the TCP socket below TLS. */
function rawSocket(socket: Socket | TLSSocket, known: ReadonlySet<Socket>): Socket {
  for (const raw of known) {
    if (raw.remotePort === socket.remotePort) return raw;
  }
  return socket;
}

interface Keys {
  signing: CryptoKeys;
  cluster: CryptoKeys;
}
type CryptoKeys = Awaited<ReturnType<typeof generateKeyPair>>;

interface Application {
  tenant: string;
  client: string;
  secret: string | undefined;
}

interface Made {
  url: string;
  identityEndpoint: string;
  caFile: string;
  ca: string;
  dir: string;
  keys: Keys;
  servers: Server[];
}

/** Starts an authority on loopback ports of its own. */
export async function startAuthority(): Promise<Authority> {
  const dir = await mkdtemp(join(tmpdir(), 'countermand-authority-'));
  const { caFile, keyFile, certFile } = await makeServerCertificate(dir);
  const [key, cert, ca] = await Promise.all([keyFile, certFile, caFile].map((file) => readFile(file, 'utf8')));
  const login = createHttpsServer({ key, cert });
  const identity = createHttpServer();
  const ports = await Promise.all(
    [login, identity].map(async (server) => {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    }),
  );
  const authority = new Authority({
    url: `https://127.0.0.1:${ports[0]}`,
    identityEndpoint: `http://127.0.0.1:${ports[1]}/msi/token`,
    caFile,
    ca: ca ?? '',
    dir,
    keys: { signing: await generateKeyPair('RS256'), cluster: await generateKeyPair('RS256') },
    servers: [login, identity],
  });
  const served =
    (handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>) =>
    (request: IncomingMessage, response: ServerResponse) => {
      handle(request, response).catch((error: unknown) => {
        response.writeHead(599).end(String(error));
      });
    };
  login.on(
    'request',
    served((request, response) => authority.handleLogin(request, response)),
  );
  identity.on(
    'request',
    served((request, response) => authority.handleIdentity(request, response)),
  );
  return authority;
}

/** Writes a file into the authority's folder, mode 0600; returns its path. */
export async function writeSecret(authority: Authority, name: string, content: string): Promise<string> {
  const path = join(authority.dir, name);
  await writeFile(path, content, { mode: 0o600 });
  return path;
}
