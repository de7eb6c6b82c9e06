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
