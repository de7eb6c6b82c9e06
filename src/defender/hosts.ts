import { withoutHostile } from '../clean.ts';
import { UsageError } from '../errors.ts';
import type { Cloud, Job } from '../job/job.ts';
import { CLOUDS, isLoopback } from '../job/known-hosts.ts';

/** Where a job's calls and sign-ins go. None of the URLs has a trailing slash. */
export interface Hosts {
  apiUrl: string;
  /** The token's resource followed by `/.default`. */
  scope: string;
  /** Login host without tenant. */
  authorityUrl: string;
}

/**
 * The addresses of a job. A token leaves only over TLS, and only to a Microsoft host of the job's own cloud, to loopback (which may be plain HTTP), or
 * to a host that `allowHosts` names. Throws a UsageError for anything else, before any request.
 */
export function resolveHosts(api: Job['api']): Hosts {
  const cloud = CLOUDS[api.cloud];
  const regional = api.region === undefined ? cloud.apiUrl : cloud.regions[api.region];
  if (regional === undefined) {
    throw new UsageError(`--region ${api.region} does not exist in cloud ${api.cloud}; leave out --region there`);
  }
  const apiHosts = [cloud.apiUrl, ...Object.values(cloud.regions), ...cloud.aliases];
  const allowed = new Set(api.allowHosts.map(allowedHost));
  return {
    apiUrl:
      api.url === undefined
        ? regional
        : withoutRoute(checkedUrl(api.url, '--api-url', api.cloud, apiHosts, allowed), api.url),
    scope: `${cloud.resource}/.default`,
    authorityUrl:
      api.authorityUrl === undefined
        ? cloud.authorityUrl
        : checkedUrl(api.authorityUrl, '--authority-url', api.cloud, [cloud.authorityUrl], allowed),
  };
}

/** One entry of `--allow-host`, in the spelling of `URL.hostname`. */
function allowedHost(entry: string): string {
  const text = entry.trim();
  const url = URL.canParse(`https://${text}`) ? new URL(`https://${text}`) : undefined;
  // Whatever the parser reads as more than a name (port, path, user), or spells in another way, is not what was typed.
  const plain =
    url?.hostname === text.toLowerCase() && /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|\[[0-9a-f:.]+\])$/.test(url.hostname);
  if (url === undefined || !plain) {
    throw new UsageError(
      `--allow-host ${shown(entry)} is not a plain host name; give the name alone, in ASCII, without scheme, port and path`,
    );
  }
  return url.hostname;
}

function checkedUrl(
  text: string,
  flag: string,
  cloud: Cloud,
  known: readonly string[],
  allowed: ReadonlySet<string>,
): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw new UsageError(`${flag} ${shown(text)} is not an https:// address; correct it`);
  }
  // Never shown as typed: it may hold a password.
  if (url.username !== '' || url.password !== '') {
    throw new UsageError(`${flag} holds a user name or password before ${url.host}; leave it out`);
  }
  if (url.search !== '' || url.hash !== '' || text.includes('?') || text.includes('#')) {
    throw new UsageError(`${flag} ${shown(text)} has a query or fragment; give scheme, host and path alone`);
  }
  const typed = typedHost(text);
  if (url.hostname.endsWith('.') || typed !== url.hostname) {
    throw new UsageError(
      `${flag} ${shown(text)} does not spell its host plainly (it would go to ${url.hostname}); write the host as it is, in ASCII and without a trailing dot`,
    );
  }
  if (isLoopback(url.hostname)) return baseOf(url);
  if (url.protocol !== 'https:') {
    throw new UsageError(
      `${flag} ${shown(text)} is plain HTTP, which would show the token on the way; use https:// (only loopback may do without)`,
    );
  }
  if (known.includes(url.origin)) {
    if (url.pathname === '/') return baseOf(url);
    throw new UsageError(`${flag} ${shown(text)} has a path after its host; give ${url.origin} alone`);
  }
  if (allowed.has(url.hostname)) return baseOf(url);
  throw new UsageError(
    `${flag} names ${url.host}, which is not a Microsoft host of cloud ${cloud}: that host would receive your access token. If you mean it, add --allow-host ${url.hostname}`,
  );
}

/** What each call's own path begins with, in the spellings that documentation and examples have it in. */
const ROUTE = /\/api(?:\/v\d+(?:\.\d+)?)?(?:\/machineactions)?$/i;

/**
 * The base of an API, which may lie below a gateway's path. One that ends in the calls' own path is refused: each call would go to `/api/api/…`, and a
 * gateway's 404 there can look like Defender's "no such action".
 */
function withoutRoute(base: string, typed: string): string {
  const route = ROUTE.exec(new URL(base).pathname)?.[0];
  if (route === undefined) return base;
  throw new UsageError(
    `--api-url ${shown(typed)} ends in ${route}, which every call adds by itself: leave out ${route}`,
  );
}

/** The host as somebody typed it, in lower case: the parser turns IDN, percent signs and odd numbers into other names. */
function typedHost(text: string): string | undefined {
  const found = /^https?:\/\/(\[[^\]]*\]|[^/:?#@\\]*)(?::\d+)?(?:\/.*)?$/i.exec(text.trim());
  return found?.[1]?.toLowerCase();
}

function baseOf(url: URL): string {
  return url.href.replace(/\/+$/, '');
}

/** What somebody typed, safe to print: control characters gone, a user part hidden. */
function shown(text: string): string {
  return withoutHostile(text)
    .replace(/\/\/[^/@]*@/, '//…@')
    .slice(0, 200);
}
