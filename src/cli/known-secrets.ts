import { readFileSync, statSync } from 'node:fs';

/** The secret values of this session. */
export interface KnownSecrets {
  /** Each that is known by now; another list once one was learnt. */
  values(): readonly string[];
  /** A secret that came later, such as a token. */
  learn(value: string): void;
}

/** Hold a secret themselves, or with `_FILE` after their name the path of a file that does. */
const VALUES = [
  'COUNTERMAND_TOKEN',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'IDENTITY_HEADER',
] as const;
const FILES = [
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_CLIENT_CERTIFICATE_KEY_PATH',
  'AZURE_FEDERATED_TOKEN_FILE',
  ...VALUES.map((name) => `${name}_FILE`),
];
const ADDRESSES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'];
const MOST_BYTES = 1 << 20;

/** What the environment names, read now; a file that cannot be read is left to whoever needs it. */
export function knownSecrets(env: Readonly<Record<string, string | undefined>>): KnownSecrets {
  let known: readonly string[] = [];
  const learn = (value: string) => {
    if (known.includes(value)) return;
    const added = partsOf(value).filter((part) => part !== '' && !known.includes(part));
    if (added.length > 0) known = [...known, ...added];
  };
  for (const name of VALUES) learn(env[name] ?? '');
  for (const name of FILES) learn(contentOf(env[name] ?? ''));
  for (const name of ADDRESSES) for (const password of passwordsOf(env[name] ?? '')) learn(password);
  return { values: () => known, learn };
}

/** A value, of PEM its keys and their lines (a certificate is public), of a token also the parts behind its header. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  if (whole.includes('-----BEGIN ')) {
    const keys = whole.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g) ?? [];
    return keys.flatMap((key) => [key, ...key.split(/\r?\n/).filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line))]);
  }
  const [, claims, signature] = /^eyJ[\w-]+\.([\w-]{20,})\.([\w-]{20,})$/.exec(whole) ?? [];
  return claims === undefined || signature === undefined ? [whole] : [whole, claims, signature];
}

function contentOf(path: string): string {
  try {
    const { size } = statSync(path);
    return size <= MOST_BYTES && statSync(path).isFile() ? readFileSync(path, 'utf8') : '';
  } catch {
    return '';
  }
}

function passwordsOf(address: string): string[] {
  const typed = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/\s@:]*:([^/\s]*)@/i.exec(address.trim())?.[1];
  if (typed === undefined) return [];
  try {
    return [typed, decodeURIComponent(typed)];
  } catch {
    return [typed];
  }
}
