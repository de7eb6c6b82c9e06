import { CLOUDS, isLoopback } from '../job/known-hosts.ts';
import type { OpenFields } from './record.ts';

/** One application in one tenant of one service: what Defender counts the quota for. Each part may be spelt in several ways. */
export type SenderId = Pick<OpenFields, 'tenant' | 'client' | 'api'>;

const GUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
/** What stands in a client's place where the credential alone knows the application. */
const UNNAMED_CLIENTS = ['', 'token', 'managed-identity'];

/** One name for one sender, however its parts are spelt. A tenant's domain and its GUID have two: only a token shows that they are one. */
export function senderName(sender: SenderId): string {
  const { tenant, client, service } = senderParts(sender);
  return [tenant, client, service].join('\n');
}

/** The parts of that name. */
export function senderParts({ tenant, client, api }: SenderId): { tenant: string; client: string; service: string } {
  return { tenant: plain(tenant), client: plain(client), service: serviceOf(api) };
}

/** Whether two senders may be the same by what is known of them: for calls that must not be forgotten. */
export function mayBeSameSender(one: SenderId, other: SenderId): boolean {
  return (
    !areDifferentTenants(one.tenant, other.tenant) &&
    mayBeSameClient(one.client, other.client) &&
    serviceOf(one.api) === serviceOf(other.api)
  );
}

/** Tenants are certainly different only when both are GUIDs: a domain may be any tenant's, and one tenant has several. */
export function areDifferentTenants(one: string, other: string): boolean {
  return !isSameTenant(one, other) && isTenantId(one) && isTenantId(other);
}

/** Whether two tenants are spelt the same, but for case. */
export function isSameTenant(one: string, other: string): boolean {
  return plain(one) === plain(other);
}

/** Whether a tenant is named by its GUID, and not by one of its domains. */
export function isTenantId(tenant: string): boolean {
  return GUID.test(plain(tenant));
}

export function mayBeSameClient(one: string, other: string): boolean {
  const [a, b] = [plain(one), plain(other)];
  return a === b || UNNAMED_CLIENTS.includes(a) || UNNAMED_CLIENTS.includes(b);
}

/** Whether two base URLs of an API lead to the same place: a service, and the path on its host. */
export function isSameApi(one: string, other: string): boolean {
  return serviceOf(one) === serviceOf(other) && pathOf(one) === pathOf(other);
}

/**
 * The service that a base URL leads to. All addresses of a cloud (its regions, its older names, hosts below them) are one service, and so
 * is every spelling of this machine, with the same port; gcc-high and dod share their address. Any other host is its own.
 */
export function serviceOf(api: string): string {
  const url = URL.canParse(api) ? new URL(api) : undefined;
  if (url === undefined) return plain(api);
  const host = url.hostname.replace(/\.$/, '');
  const port = url.port || (url.protocol === 'http:' ? '80' : '443');
  if (isThisMachine(host)) return `loopback:${port}`;
  for (const { apiUrl, regions, aliases } of Object.values(CLOUDS)) {
    const hosts = [apiUrl, ...Object.values(regions), ...aliases].map((each) => new URL(each).hostname);
    if (hosts.some((known) => host === known || host.endsWith(`.${known}`))) return new URL(apiUrl).hostname;
  }
  return `${host}:${port}`;
}

/** Every name and number by which a machine reaches itself; `URL` has already brought the numbers into one form. */
function isThisMachine(host: string): boolean {
  return (
    isLoopback(host) ||
    host.endsWith('.localhost') ||
    host === 'localhost.localdomain' ||
    host === 'ip6-localhost' ||
    host === 'ip6-loopback' ||
    host === '0.0.0.0' ||
    host === '[::]' ||
    /^\[::ffff:(?:7f[0-9a-f]{2}:|0:0\])/.test(host)
  );
}

function pathOf(api: string): string {
  return URL.canParse(api) ? new URL(api).pathname.replace(/\/+$/, '') : '';
}

function plain(text: string): string {
  return text.trim().toLowerCase().replace(/\.$/, '');
}
