import { UsageError } from '../../errors.ts';
import { isLoopback } from '../../job/known-hosts.ts';

/** Where a database is, and how it is spoken to. */
export interface StoreUrl {
  /** A host, or the folder of a Unix socket. */
  host: string;
  port: number;
  user: string;
  database: string;
  /** `verified`: the server's certificate must be for this host. Without one only on this machine. */
  tls: 'verified' | 'unverified' | 'none';
  /** It is this machine. */
  isHere: boolean;
  /** The URL for messages: no secret can be in it. */
  where: string;
}

const DEFAULT_PORT = 5432;
const MODES = ['disable', 'allow', 'prefer', 'no-verify', 'require', 'verify-ca', 'verify-full'] as const;

/**
 * Reads the URL of `--store`. Throws a UsageError, before any connection, for what is none, holds a password, would speak to another machine without
 * checking who that is, or says something that would be passed over.
 */
export function parseStoreUrl(text: string): StoreUrl {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:')) {
    throw new UsageError('--store is not the URL of a database: give postgres://USER@HOST/DATABASE.');
  }
  if (url.password !== '' || url.searchParams.has('password')) {
    throw new UsageError(
      'The URL of the store (--store, COUNTERMAND_STORE) holds a password, and others may see it: take it out, and give it in COUNTERMAND_STORE_PASSWORD, COUNTERMAND_STORE_PASSWORD_FILE, PGPASSWORD or ~/.pgpass.',
    );
  }
  const known = ['sslmode', 'host'];
  const unknown = [...url.searchParams.keys()].find((key) => !known.includes(key));
  if (unknown !== undefined) {
    const own = unknown === 'sslrootcert' ? ', and a certificate authority of your own in NODE_EXTRA_CA_CERTS' : '';
    throw new UsageError(`--store has the parameter "${unknown}": only ${known.join(' and ')} can be given${own}.`);
  }
  const host = part('host', url.searchParams.get('host') ?? decoded('host', url.hostname));
  const database = part('database', decoded('database', url.pathname.slice(1)));
  const user = part('user', decoded('user', url.username));
  const port = url.port === '' ? DEFAULT_PORT : Number(url.port);
  const isHere = host.startsWith('/') || isLoopback(host);
  const tls = tlsOf(url.searchParams.get('sslmode'), isHere, host);
  const place = host.startsWith('/') ? `${encodeURIComponent(host)}/` : `${url.host}/`;
  const where = `${url.protocol}//${encodeURIComponent(user)}@${place}${encodeURIComponent(database)}`;
  return { host: host.replace(/^\[|\]$/g, ''), port, user, database, tls, isHere, where };
}

function part(what: string, text: string): string {
  if (text !== '') return text;
  throw new UsageError(`--store names no ${what}: give postgres://USER@HOST/DATABASE.`);
}

function decoded(what: string, text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new UsageError(`--store: the ${what} has a % that begins no code of a character; write %25 for it.`);
  }
}

/** As in PostgreSQL's own programs, but that whatever asks for TLS asks for a checked one: a certificate of anybody protects from nobody. */
function tlsOf(mode: string | null, isHere: boolean, host: string): StoreUrl['tls'] {
  if (mode === null) return isHere ? 'none' : 'verified';
  if (!isMode(mode)) {
    throw new UsageError(`--store: sslmode=${mode} is none of ${MODES.join(', ')}.`);
  }
  if (mode === 'require' || mode === 'verify-ca' || mode === 'verify-full') return 'verified';
  if (isHere) return mode === 'no-verify' ? 'unverified' : 'none';
  throw new UsageError(
    `--store: sslmode=${mode} would send the password to whoever answers as ${host}: leave it out, which is verify-full. A certificate authority of your own stands in NODE_EXTRA_CA_CERTS.`,
  );
}

function isMode(text: string): text is (typeof MODES)[number] {
  return (MODES as readonly string[]).includes(text);
}
