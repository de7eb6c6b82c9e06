import { decodeJwt } from 'jose/jwt/decode';

/** What a token says about itself. It is read to advise a person and never trusted: Defender decides. */
export interface TokenClaims {
  /** Application permissions. */
  roles: readonly string[] | undefined;
  /** Delegated permissions. */
  scp: readonly string[] | undefined;
  aud: string | undefined;
  tid: string | undefined;
  /** The application: `appid` (v1 tokens) or `azp` (v2 tokens). */
  appid: string | undefined;
  expiresAtMs: number | undefined;
  /** A person's or an application's display name, where the token carries one. */
  name: string | undefined;
  /** A domain of the tenant, where the token shows one. */
  domain: string | undefined;
}

/** The claims of a JWT, or undefined for an opaque token. Claims of an unexpected shape count as absent. */
export function readClaims(token: string): TokenClaims | undefined {
  let payload: Readonly<Record<string, unknown>>;
  try {
    payload = decodeJwt(token);
  } catch {
    return undefined;
  }
  const text = (name: string) => {
    const value = payload[name];
    return typeof value === 'string' && value !== '' ? value : undefined;
  };
  const { roles, exp, aud } = payload;
  const upn = text('upn');
  // A guest's own domain is that of another tenant, unless it is the name that this one gave the guest.
  const isOwn = text('idp') === undefined || upn?.includes('#EXT#');
  return {
    roles: Array.isArray(roles) ? roles.filter((each): each is string => typeof each === 'string') : undefined,
    scp: text('scp')
      ?.split(' ')
      .filter((each) => each !== ''),
    aud: Array.isArray(aud) ? aud.find((each): each is string => typeof each === 'string') : text('aud'),
    tid: text('tid'),
    appid: text('appid') ?? text('azp'),
    expiresAtMs: typeof exp === 'number' && Number.isFinite(exp) ? exp * 1000 : undefined,
    name: text('name') ?? text('app_displayname') ?? upn ?? text('preferred_username'),
    domain: isOwn ? /@([^@]+)$/.exec(upn ?? '')?.[1] : undefined,
  };
}
