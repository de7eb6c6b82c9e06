import { type Authority, CLIENT_ID, TENANT } from './authority.ts';
import type { CommandEnd } from './command.ts';
import { COMMENT, type Harness, type HarnessOptions, ids, open, openHarness } from './harness.ts';

export interface SignInHarness extends Harness {
  /** `run ids.txt` with all that it needs to begin, and what is given besides. */
  cancel(...flags: string[]): Promise<CommandEnd>;
  /** Every token that reached the sandbox, in order, repeats included. */
  readonly seen: readonly string[];
  /** No longer taken by the sandbox. */
  revoke(token: string): void;
}

export interface SignInHarnessOptions extends HarnessOptions {
  /** How many open actions there are, and IDs in `ids.txt`. @default 3 */
  count?: number;
}

/** A harness whose Defender takes the tokens of this authority alone, and a command that has to sign in there. `env` gives it its credential. */
export async function openSignInHarness(
  authority: Authority,
  options: SignInHarnessOptions = {},
): Promise<SignInHarness> {
  const { count = 3, env, ...rest } = options;
  const seen: string[] = [];
  const revoked = new Set<string>();
  const harness = await openHarness({
    actions: open(count),
    ...rest,
    access: {
      accepts: (token) => {
        seen.push(token);
        return authority.secrets.has(token) && !revoked.has(token);
      },
      ...rest.access,
    },
    env: { ...signInEnvironment(authority), ...env },
  });
  await harness.file('ids.txt', ids(count));
  return Object.assign(harness, {
    seen,
    revoke: (token: string) => void revoked.add(token),
    cancel: (...flags: string[]) => harness.run(['run', 'ids.txt', '--yes', ...COMMENT, ...flags]),
  });
}

/** Who we are, where to sign in, and no credential yet. */
function signInEnvironment(authority: Authority): Record<string, string | undefined> {
  return {
    COUNTERMAND_TOKEN: undefined,
    COUNTERMAND_AUTHORITY_URL: authority.url,
    NODE_EXTRA_CA_CERTS: authority.caFile,
    AZURE_TENANT_ID: TENANT,
    AZURE_CLIENT_ID: CLIENT_ID,
  };
}

/** What stderr says to a person: the lines that are not the log's JSON. */
export function sentences(stderr: string): string[] {
  return stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'));
}

/** The log's lines. */
export function logged(stderr: string): Record<string, unknown>[] {
  return stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Secrets that appear in a text, as they are, in base64, in a URL, or as JSON writes them. Returns the forms found. */
export function leaksIn(text: string, secrets: Iterable<string>): string[] {
  return [...secrets].flatMap((secret) => formsOf(secret).filter((form) => text.includes(form)));
}

function formsOf(secret: string): string[] {
  const base64 = Buffer.from(secret).toString('base64');
  const forms = [
    secret,
    base64.replace(/=+$/, ''),
    Buffer.from(secret).toString('base64url'),
    encodeURIComponent(secret),
    JSON.stringify(secret).slice(1, -1),
    JSON.stringify(JSON.stringify(secret)).slice(3, -3),
  ];
  // Of a key or a token, a part is as bad as the whole.
  const lines = secret.split('\n').filter((line) => line.length >= 40 && !line.startsWith('-----'));
  const parts = secret.split('.').filter((part) => part.length >= 40);
  return [...new Set([...forms, ...lines, ...(secret.startsWith('eyJ') ? parts.slice(1) : [])])];
}
