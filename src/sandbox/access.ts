/** The permissions of which one is needed to cancel. */
export const cancelPermissions = [
  'Machine.CollectForensics',
  'Machine.Isolate',
  'Machine.RestrictExecution',
  'Machine.Scan',
  'Machine.Offboard',
  'Machine.StopAndQuarantine',
  'Machine.LiveResponse',
] as const;

export const readPermissions = [
  'Machine.Read.All',
  'Machine.ReadWrite.All',
  'Machine.Read',
  'Machine.ReadWrite',
] as const;

export const practiceTenant = '5a0dbc0c-7d53-4e1c-9f6e-000000000001';
export const practiceClient = '5a0dbc0c-7d53-4e1c-9f6e-000000000002';

export interface SandboxTokenOptions {
  tenant?: string;
  client?: string;
  /** Application permissions. @default one that reads and all that cancel, unless `scp` is given */
  roles?: readonly string[];
  /** Delegated permissions, as one string with spaces. */
  scp?: string;
  /** May be negative: a token that has expired. @default 24 hours */
  expiresInMs?: number;
  nowMs?: number;
  /** More claims, which win over the ones above. */
  claims?: Readonly<Record<string, unknown>>;
}

/** An access token in the form Entra gives it, good for the sandbox alone: its signature is not one. */
export function sandboxToken(options: SandboxTokenOptions = {}): string {
  const { tenant = practiceTenant, client = practiceClient, nowMs = Date.now(), scp } = options;
  const roles = options.roles ?? (scp === undefined ? ['Machine.Read.All', ...cancelPermissions] : undefined);
  const issued = Math.floor(nowMs / 1000);
  const payload = {
    aud: 'https://api.securitycenter.microsoft.com',
    iss: `https://sts.windows.net/${tenant}/`,
    iat: issued,
    nbf: issued,
    exp: issued + Math.floor((options.expiresInMs ?? 86_400_000) / 1000),
    appid: client,
    app_displayname: 'countermand practice',
    tid: tenant,
    ver: '1.0',
    ...(roles === undefined ? {} : { roles }),
    ...(scp === undefined ? {} : { scp }),
    ...options.claims,
  };
  return `${encode({ typ: 'JWT', alg: 'none' })}.${encode(payload)}.c2FuZGJveA`;
}

function encode(part: unknown): string {
  return Buffer.from(JSON.stringify(part)).toString('base64url');
}

/** Who calls, as their token says; nothing of it is verified. */
export interface Caller {
  tenant: string;
  client: string;
  /** Shown as the one who cancelled. */
  name: string;
  permissions: ReadonlySet<string>;
  expiresMs: number;
}

const opaqueCaller: Caller = {
  tenant: 'opaque',
  client: 'opaque',
  name: 'opaque',
  permissions: new Set([...readPermissions, ...cancelPermissions]),
  expiresMs: Number.POSITIVE_INFINITY,
};

const bearerPattern = /^Bearer +(\S+)$/i;

export function bearerOf(authorization: string | undefined): string | undefined {
  return bearerPattern.exec(authorization ?? '')?.[1];
}

/** Reads the claims. A token that is no JWT is an opaque one: all of them are one caller who may do everything. */
export function callerOf(token: string): Caller {
  const parts = token.split('.');
  if (parts.length !== 3) return opaqueCaller;
  let claims: unknown;
  try {
    claims = JSON.parse(Buffer.from(parts[1] ?? '', 'base64url').toString());
  } catch {
    return opaqueCaller;
  }
  if (typeof claims !== 'object' || claims === null) return opaqueCaller;
  const { roles, scp, exp, tid, appid, azp, upn } = claims as Record<string, unknown>;
  const client = text(appid) ?? text(azp) ?? 'unknown';
  return {
    tenant: text(tid) ?? 'unknown',
    client,
    name: text(upn) ?? client,
    permissions: new Set([...(Array.isArray(roles) ? roles.map(String) : []), ...(text(scp)?.split(' ') ?? [])]),
    expiresMs: typeof exp === 'number' ? exp * 1000 : Number.POSITIVE_INFINITY,
  };
}

export function mayRead(caller: Caller): boolean {
  return readPermissions.some((permission) => caller.permissions.has(permission));
}

/** Whether the caller holds one of the seven permissions, or, given a type, the one that fits it. */
export function mayCancel(caller: Caller, type?: string): boolean {
  const needed = type === undefined ? undefined : permissionByType[type];
  if (needed !== undefined) return caller.permissions.has(needed);
  return cancelPermissions.some((permission) => caller.permissions.has(permission));
}

const permissionByType: Readonly<Record<string, (typeof cancelPermissions)[number]>> = {
  CollectInvestigationPackage: 'Machine.CollectForensics',
  Isolate: 'Machine.Isolate',
  Unisolate: 'Machine.Isolate',
  RestrictCodeExecution: 'Machine.RestrictExecution',
  UnrestrictCodeExecution: 'Machine.RestrictExecution',
  RunAntiVirusScan: 'Machine.Scan',
  Offboard: 'Machine.Offboard',
  StopAndQuarantineFile: 'Machine.StopAndQuarantine',
  LiveResponse: 'Machine.LiveResponse',
};

function text(claim: unknown): string | undefined {
  return typeof claim === 'string' && claim !== '' ? claim : undefined;
}
