import { fstatSync, readFileSync, statSync } from 'node:fs';
import { UsageError } from '../errors.ts';

type Env = Readonly<Record<string, string | undefined>>;

/** What tells one file from another, whatever it is called: `dev` and `ino` of Node's `fstat` or `stat`. */
export interface FileIdentity {
  dev: number | bigint;
  ino: number | bigint;
}

/** What must not leave this session: the secrets that its environment hands in, and those it was given for them. */
export interface SessionSecrets {
  /** Every known secret value of {@link MIN_LENGTH} characters or more, the longest first: what is to be taken out of a text that leaves. */
  values(): readonly string[];
  /** The variable (or other origin) of a secret that the text holds; undefined when it holds none. */
  originIn(text: string): string | undefined;
  /** Whether a file is one of this session's secrets: by what it is, not by its name, so a link to one is one too. */
  isSecretFile(file: FileIdentity): boolean;
  /** The variable that names this file; undefined when it is no secret. */
  variableOf(file: FileIdentity): string | undefined;
  /** Adds a secret that came later: an access token, or a file that was renewed. `origin` is what a message calls it. */
  learn(value: string, origin: string): void;
}

/** A shorter value cannot be told from an ordinary word, and taking it out would spoil the texts it happens to be in. */
export const MIN_LENGTH = 6;
/** No secret is longer; what is larger was named by mistake. */
const MAX_BYTES = 1 << 20;

/** Variables that hold a secret themselves, or with `_FILE` after their name the path of a file that does. */
const VALUES = [
  'COUNTERMAND_TOKEN',
  'AZURE_CLIENT_SECRET',
  'AZURE_CLIENT_CERTIFICATE_PASSWORD',
  'COUNTERMAND_STORE_PASSWORD',
  'IDENTITY_HEADER',
  'MSI_SECRET',
  'PGPASSWORD',
] as const;

/** Variables that hold the path of a secret's file under another name. */
const FILES = [
  'AZURE_CLIENT_CERTIFICATE_PATH',
  'AZURE_CLIENT_CERTIFICATE_KEY_PATH',
  'AZURE_FEDERATED_TOKEN_FILE',
  'PGPASSFILE',
] as const;

/** Variables that hold an address which may have a password in it. */
const ADDRESSES = ['HTTPS_PROXY', 'https_proxy', 'HTTP_PROXY', 'http_proxy', 'ALL_PROXY', 'all_proxy'] as const;

/** Variables that name a file with a secret in it. */
export const SECRET_FILE_VARIABLES: readonly string[] = [...FILES, ...VALUES.map((name) => `${name}_FILE`)];

/** Variables that hold a secret themselves. */
export const SECRET_VALUE_VARIABLES: readonly string[] = VALUES;

/** Reads what the environment names, now. A file that cannot be read, or is none (a pipe would be used up by it), is left to whoever needs it. */
export function sessionSecrets(env: Env): SessionSecrets {
  const known = new Map<string, string>();
  let sorted: readonly string[] | undefined;
  const learn = (value: string, origin: string) => {
    // A host is shown in lower case, whatever was typed.
    for (const part of partsOf(value).flatMap((each) => [each, each.toLowerCase()])) {
      if (part.length < MIN_LENGTH || known.has(part)) continue;
      known.set(part, origin);
      sorted = undefined;
    }
  };
  for (const name of VALUES) learn(env[name] ?? '', name);
  for (const name of ADDRESSES) for (const password of passwordsOf(env[name] ?? '')) learn(password, name);
  const named = SECRET_FILE_VARIABLES.flatMap((variable): { variable: string; path: string }[] => {
    const path = env[variable];
    return path ? [{ variable, path }] : [];
  });
  for (const { variable, path } of named) learn(contentOf(path), variable);

  const variableOf = (file: FileIdentity): string | undefined =>
    // Asked anew each time: a cluster replaces the files of its tokens while we run.
    named.find(({ path }) => {
      const there = statOf(path);
      return there !== undefined && isSameFile(there, file);
    })?.variable;
  const values = () => {
    sorted ??= [...known.keys()].sort((one, other) => other.length - one.length);
    return sorted;
  };
  return {
    values,
    learn,
    variableOf,
    isSecretFile: (file) => variableOf(file) !== undefined,
    originIn: (text) => {
      const held = values().find((value) => text.includes(value));
      return held === undefined ? undefined : known.get(held);
    },
  };
}

/** For work that has no environment of its own. */
export const noSecrets: SessionSecrets = sessionSecrets({});

/** Throws a UsageError for a file that is one of this session's secrets; `shownAs` is what the message calls it. */
export function refuseSecretFile(secrets: SessionSecrets, file: FileIdentity, shownAs: string): void {
  const variable = secrets.variableOf(file);
  if (variable === undefined) return;
  throw new UsageError(
    `${shownAs} is the file that ${variable} names, which holds a secret of this session: it is never read for anything else or written to. Name another file`,
  );
}

/** {@link refuseSecretFile} for a path. A file that is not there, or may not be looked at, is told by whoever opens it. */
export function refuseSecretPath(secrets: SessionSecrets, path: string, shownAs: string): void {
  refuseIdentity(secrets, () => statSync(path), shownAs);
}

/** {@link refuseSecretFile} for what stands behind stdin: `countermand run - < FILE`. */
export function refuseSecretStdin(secrets: SessionSecrets): void {
  refuseIdentity(secrets, () => fstatSync(0), 'stdin');
}

function refuseIdentity(secrets: SessionSecrets, look: () => FileIdentity, shownAs: string): void {
  let file: FileIdentity;
  try {
    file = look();
  } catch {
    return;
  }
  refuseSecretFile(secrets, file, shownAs);
}

/** Throws a UsageError for a comment that holds a secret: Defender would show it to everybody who may see the action. `where` says whose comment it is. */
export function refuseSecretText(secrets: SessionSecrets, text: string | undefined, where: string): void {
  const origin = text === undefined ? undefined : secrets.originIn(text);
  if (origin === undefined) return;
  throw new UsageError(
    `${where} holds the secret of ${origin}, and Defender would show it to others: nothing was sent. Take it out of the comment`,
  );
}

/** Whether these are one file. A file system without file numbers says 0. */
export function isSameFile(one: FileIdentity, other: FileIdentity): boolean {
  return Number(one.ino) !== 0 && Number(one.ino) === Number(other.ino) && Number(one.dev) === Number(other.dev);
}

function statOf(path: string) {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch {
    return undefined;
  }
}

function contentOf(path: string): string {
  const there = statOf(path);
  if (there?.isFile() !== true || there.size > MAX_BYTES) return '';
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}

/** What is secret in a value: itself; of PEM the lines of its keys, and not its certificates; of a token the parts behind its header. */
function partsOf(value: string): string[] {
  const whole = value.trim();
  if (whole.includes('-----BEGIN ')) {
    const keys = whole.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g) ?? [];
    return keys.flatMap((key) => [key, ...key.split(/\r?\n/).filter((line) => /^[A-Za-z0-9+/=]{16,}$/.test(line))]);
  }
  const jwt = /^eyJ[\w-]+\.([\w-]{40,})\.([\w-]{40,})$/.exec(whole);
  return jwt?.[1] === undefined || jwt[2] === undefined ? [whole] : [whole, jwt[1], jwt[2]];
}

/** The passwords of an address, as it stands there and as it is meant. */
function passwordsOf(address: string): string[] {
  const typed = /^(?:[a-z][a-z0-9+.-]*:\/\/)?[^/\s@:]*:([^/\s]*)@/i.exec(address.trim())?.[1];
  if (typed === undefined) return [];
  try {
    return [typed, decodeURIComponent(typed)];
  } catch {
    return [typed];
  }
}
