import type { Clock } from '../../clock.ts';
import { CountermandError, DiskError, UsageError } from '../../errors.ts';

/** SQLSTATE codes and Node's, by what a person can do about them. */
const REFUSED = ['28000', '28P01'];
const NO_RIGHTS = ['42501'];
const NO_DATABASE = ['3D000'];
/** No such schema, table, function or column. */
const OTHER_SCHEMA = ['3F000', '42P01', '42883', '42703'];
/** Classes of SQLSTATE in which the server says that it cannot, just now. */
const FAILING_CLASSES = ['08', '25', '40', '53', '55', '57', '58', 'XX'];

const TOO_MANY_CONNECTIONS = '53300';

/** Between two attempts at one question: at first, and at most. Each pause is twice the one before. */
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 2_000;

const TLS_WORDS: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is signed by itself',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate authority is not known',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate authority is not known',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate authority is not known',
  UNABLE_TO_GET_ISSUER_CERT: 'its certificate authority is not known',
  CERT_HAS_EXPIRED: 'its certificate has run out',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another host',
};

const NETWORK_WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name server did not answer',
  ETIMEDOUT: 'connection timed out',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  EPIPE: 'broken pipe',
  ENOENT: 'no such socket',
  EACCES: 'permission denied',
};

/** pg's own errors have no codes. */
const PG_TROUBLE = /terminated|timeout|not queryable|closed|SASL|SCRAM|end on the pool/i;

/**
 * What a database or the way to it says, as a sentence with what to do: a UsageError (exit 2) for a wrong password, missing rights, another schema,
 * an untrusted certificate or a pooler's setting, a DiskError (exit 6) for a server that cannot be reached or fails. Anything else is a fault of ours and comes back as it is.
 */
export function storeTrouble(thrown: unknown, where: string): unknown {
  if (thrown instanceof CountermandError || !(thrown instanceof Error)) return thrown;
  const error = firstOf(thrown);
  const { code = '' } = error as { code?: string };
  const cause = { cause: thrown };
  const said = `The store ${where}`;
  if (REFUSED.includes(code)) {
    return new UsageError(
      `${said} refuses this user (${error.message}): check the user, and the password in COUNTERMAND_STORE_PASSWORD.`,
      cause,
    );
  }
  if (NO_DATABASE.includes(code)) {
    return new UsageError(`${said} does not exist (${error.message}): make the database, or correct --store.`, cause);
  }
  if (NO_RIGHTS.includes(code)) {
    return new UsageError(
      `${said} does not let this user do that (${error.message}): use a user that is a member of countermand_worker, or of countermand_owner for what only the owner may do.`,
      cause,
    );
  }
  if (OTHER_SCHEMA.includes(code)) {
    return new UsageError(
      `${said} is not set up for this version (${error.message}): run countermand store init.`,
      cause,
    );
  }
  const tls = TLS_WORDS[code] ?? (/does not support SSL/.test(error.message) ? 'it does not speak TLS' : undefined);
  if (tls !== undefined) {
    return new UsageError(
      `${said} is not trusted (${tls}): correct the server, or name its certificate authority in NODE_EXTRA_CA_CERTS.`,
      cause,
    );
  }
  // PgBouncer's words: it knows but a few settings.
  if (/unsupported startup parameter/.test(error.message)) {
    return new UsageError(
      `${said} is behind a pooler that refuses a setting (${error.message}): set ignore_startup_parameters there, as docs/operations.md says.`,
      cause,
    );
  }
  if (!isFailing(error, code)) return thrown;
  const words = NETWORK_WORDS[code] ?? error.message;
  return new DiskError(
    `${said} cannot be reached or does not answer (${words}): nothing more was sent. Wait until it is back, then run again to resume.`,
    cause,
  );
}

/**
 * Whether a failure may be over in a moment: the way to the server or the server itself was away, or too slow. Whether what was asked for was done,
 * nobody can say then.
 */
function mayPass(thrown: unknown): boolean {
  if (!(thrown instanceof DiskError) || !(thrown.cause instanceof Error)) return false;
  const { code = '' } = firstOf(thrown.cause) as { code?: string };
  // Class 53: no disk, no memory, no connection left. Waiting makes none.
  return !isSqlState(code) || !code.startsWith('53') || code === TOO_MANY_CONNECTIONS;
}

export interface AskAgain {
  clock: Clock;
  /** For how long (ms) an answer is still of use: no pause is begun that would end later. */
  leftMs(): number;
  /** Is told of each failure that is waited out. */
  onTrouble?: (error: unknown) => void;
  /** Nobody waits for the answer any more: the last failure stands. */
  signal?: AbortSignal;
}

/**
 * Asks, and asks again after a pause where a failure may pass, as long as an answer is of use. Throws what the last attempt has thrown. An attempt that
 * failed may have been carried out all the same, or be carried out later: what is asked for must bear that. `attempt` counts from 1.
 */
export async function askAgain<T>(
  ask: (attempt: number) => Promise<T>,
  { clock, leftMs, onTrouble, signal }: AskAgain,
): Promise<T> {
  let pauseMs = FIRST_PAUSE_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      return await ask(attempt);
    } catch (error) {
      if (!mayPass(error) || leftMs() < pauseMs || signal?.aborted) throw error;
      onTrouble?.(error);
      await clock.sleep(pauseMs, { signal }).catch(() => {
        throw error;
      });
    }
    pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
  }
}

function isFailing(error: Error, code: string): boolean {
  if (isSqlState(code)) return FAILING_CLASSES.includes(code.slice(0, 2));
  return NETWORK_WORDS[code] !== undefined || PG_TROUBLE.test(error.message);
}

function isSqlState(code: string): boolean {
  return /^[0-9A-Z]{5}$/.test(code) && NETWORK_WORDS[code] === undefined;
}

/** A host with several addresses fails with one error for each. */
function firstOf(error: Error): Error {
  const [first] = error instanceof AggregateError ? (error.errors as unknown[]) : [];
  return first instanceof Error ? first : error;
}
