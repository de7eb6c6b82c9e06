import { isLowerGuid } from './fast-admit.ts';

/** What a token begins with, but for those that are spelt as what they stand for has to be. */
export type Family =
  | 'action'
  | 'client'
  | 'code'
  | 'column'
  | 'comment'
  | 'correlation'
  | 'detail'
  | 'device'
  | 'error'
  | 'host'
  | 'job'
  | 'moment'
  | 'path'
  | 'requestor'
  | 'sha256'
  | 'status'
  | 'tenant'
  | 'text'
  | 'tool'
  | 'type';

const DEVICE_ID = /^[0-9a-f]{40}$/;
const SHA256 = /^[0-9a-f]{64}$/;

/** How a GUID's token begins, so that a reader sees what it is of. */
const GUID_BEGINNINGS: Readonly<Partial<Record<Family, string>>> = { tenant: '7e4a4700', client: 'c11e4700' };

/** The tokens of one ledger, numbered in the order in which their names come. */
export class Tokens {
  readonly #byName = new Map<string, string>();
  readonly #last = new Map<string, number>();

  /** One token a name, whatever it is the name of; spelt so that it stands wherever the name could. */
  of(family: Family, given: string): string {
    const name = given.toLowerCase();
    // Nobody is called so.
    if (name === '') return name;
    if (isLowerGuid(name)) {
      const beginning = GUID_BEGINNINGS[family] ?? 'ac710000';
      return this.#token(name, beginning, (n) => `${beginning}-ac71-4ac7-8ac7-${digits(n, 12)}`);
    }
    if (DEVICE_ID.test(name)) return this.#token(name, 'device', (n) => `dece${digits(n, 36)}`);
    if (SHA256.test(name)) return this.#token(name, 'sha256', (n) => digits(n, 64));
    if (family === 'host') return this.#host(name);
    return this.#token(name, family, (n) => `${family}-${n}`);
  }

  #host(name: string): string {
    const host = URL.canParse(name) ? new URL(name).hostname : name;
    const token = this.#token(host, 'host', (n) => `host-${n}.invalid`);
    return host === name ? token : `https://${token}`;
  }

  #token(name: string, family: string, spelling: (n: number) => string): string {
    const known = this.#byName.get(name);
    if (known !== undefined) return known;
    const n = (this.#last.get(family) ?? 0) + 1;
    this.#last.set(family, n);
    const token = spelling(n);
    this.#byName.set(name, token);
    return token;
  }
}

function digits(n: number, length: number): string {
  return String(n).padStart(length, '0');
}
