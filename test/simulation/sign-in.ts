import type { CredentialSource } from '../../src/identity/credential-source.ts';
import { SignInUnreachableError } from '../../src/identity/sign-in-errors.ts';
import { BEGINNING } from './clock.ts';
import type { SimProcess } from './process.ts';
import type { Random } from './seed.ts';

export const TENANT = '5a0dbc0c-7d53-4e1c-9f6e-000000000001';
export const CLIENT = '5a0dbc0c-7d53-4e1c-9f6e-000000000002';

export interface AuthorityOptions {
  random: Random;
  /** True ms. */
  now(): number;
  lifeMs: number;
  reads: boolean;
  isAway(): boolean;
  mayCancel(): boolean;
}

/** Who gives out tokens and knows which of them are good. */
export class SimAuthority {
  readonly issued = new Map<string, { untilMs: number }>();
  readonly #options: AuthorityOptions;

  constructor(options: AuthorityOptions) {
    this.#options = options;
  }

  accepts(token: string): boolean {
    const known = this.issued.get(token);
    return known !== undefined && known.untilMs > this.#options.now();
  }

  revokeAll(): void {
    for (const known of this.issued.values()) known.untilMs = Math.min(known.untilMs, this.#options.now());
  }

  /** What a process asks through. */
  of(process: SimProcess): CredentialSource {
    const { random, isAway } = this.#options;
    return {
      kind: 'client-secret',
      interactive: false,
      acquire: (_request, signal) =>
        new Promise((resolve, reject) => {
          process.act(() => {
            const ms = random.int(20, 400);
            const hangs = random.chance(0.3);
            signal.addEventListener('abort', () => reject(signal.reason), { once: true });
            const lasts = isAway() && hangs ? 10_000 : ms;
            setTimeout(
              () =>
                process.deliver(() => {
                  if (isAway()) reject(new SignInUnreachableError('cannot sign in: away', { retryable: true }));
                  else resolve(this.#issue());
                }),
              lasts,
            );
          });
        }),
    };
  }

  #issue(): { token: string; expiresAtMs: number } {
    const { random, now, lifeMs, reads, mayCancel } = this.#options;
    const untilMs = now() + lifeMs;
    const roles = [...(reads ? ['Machine.Read.All'] : []), ...(mayCancel() ? ['Machine.Isolate', 'Machine.Scan'] : [])];
    const payload = {
      aud: 'https://api.securitycenter.microsoft.com',
      exp: Math.floor((BEGINNING + untilMs) / 1000),
      appid: CLIENT,
      tid: TENANT,
      roles,
      uti: `secret-${random.uuid()}`,
    };
    const encode = (part: unknown) => Buffer.from(JSON.stringify(part)).toString('base64url');
    const token = `${encode({ typ: 'JWT', alg: 'none' })}.${encode(payload)}.c2ltdWxhdGlvbg`;
    this.issued.set(token, { untilMs });
    return { token, expiresAtMs: Math.floor((BEGINNING + untilMs) / 1000) * 1000 };
  }
}
