import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AccessToken, TokenSource } from '../../src/identity/token-source.ts';

/** What the authority makes of a sign-in. */
export type Authority = 'fine' | 'away' | 'refuses';

/** A token source over an authority of its own. */
export interface MadeTokenSource extends AsyncDisposable {
  tokens: TokenSource;
  /** From now on the authority is like this. */
  authority(how: Authority): void;
  /** Sign-ins that the authority was asked for. */
  asked(): number;
  /** How long a token lives; undefined: as long as it is not refused. */
  readonly lifeMs: number | undefined;
  wallMs(): number;
  /** Lets time pass until it is settled. */
  until<T>(work: Promise<T>): Promise<T>;
  pass(ms: number): Promise<void>;
}

/** What every implementation of `TokenSource` promises to all who call at once, in good hours and in bad ones. */
export function tokenSourceSuite(name: string, make: () => Promise<MadeTokenSource>): void {
  describe(name, () => {
    let made: MadeTokenSource;
    beforeEach(async () => {
      made = await make();
    });
    afterEach(() => made[Symbol.asyncDispose]());

    const token = (signal?: AbortSignal) => made.until(made.tokens.token(signal));
    const renew = (refused: AccessToken) => made.until(made.tokens.renew(refused));
    /** Sixteen callers at once. */
    const crowd = (ask: () => Promise<AccessToken>) => made.until(Promise.all(Array.from({ length: 16 }, ask)));
    const different = (tokens: readonly AccessToken[]) => [...new Set(tokens.map((each) => each.token))];

    test('a token is the same for all who ask at once and for all who ask later', async () => {
      const first = different(await crowd(() => made.tokens.token()));
      const asked = made.asked();
      expect(first).toHaveLength(1);
      expect((await token()).token).toBe(first[0]);
      expect(made.asked()).toBe(asked);
      expect(asked).toBeLessThanOrEqual(1);
    });

    test('a token that was refused is renewed once for all who held it, and for nobody who holds another one', async () => {
      const old = await token();
      const asked = made.asked();
      const renewed = different(await crowd(() => made.tokens.renew(old)));
      expect(renewed).toHaveLength(1);
      expect(renewed[0]).not.toBe(old.token);
      expect((await renew(old)).token).toBe(renewed[0]);
      expect(made.asked()).toBe(asked + 1);
    });

    test('a token that was refused is not handed out any more, not even while it is renewed', async () => {
      const old = await token();
      const [renewed, other] = await made.until(Promise.all([made.tokens.renew(old), made.tokens.token()]));
      expect(other).toEqual(renewed);
      expect(renewed.token).not.toBe(old.token);
      expect(await token()).toEqual(renewed);
    });

    test('a token can be refused again and again, and each time there is another one', async () => {
      const seen = [await token()];
      for (let n = 0; n < 3; n++) seen.push(await renew(seen.at(-1) as AccessToken));
      expect(different(seen)).toHaveLength(4);
    });

    test('a caller who gave up before gets the reason, and nobody is asked for it', async () => {
      const reason = new Error('interrupted');
      await expect(token(AbortSignal.abort(reason))).rejects.toBe(reason);
      expect(made.asked()).toBe(0);
    });

    test('a caller who gives up during a renewal gets the reason, and the others their token', async () => {
      const old = await token();
      const reason = new Error('interrupted');
      const impatient = new AbortController();
      const one = made.tokens.renew(old, undefined, impatient.signal);
      const other = made.tokens.renew(old);
      impatient.abort(reason);
      await expect(made.until(one)).rejects.toBe(reason);
      const renewed = await made.until(other);
      expect(renewed.token).not.toBe(old.token);
      expect((await token()).token).toBe(renewed.token);
    });

    test('an authority that is away is not noticed while the token in hand is good', async () => {
      const held = await token();
      made.authority('away');
      expect((await token()).token).toBe(held.token);
    });

    test.each([
      ['is away', 'away', 6],
      ['refuses', 'refuses', 4],
    ] as const)(
      'a renewal ends with exit %s when the authority %s, and the next one with a token when it is well again',
      async (...row) => {
        const [, how, exitCode] = row;
        const old = await token();
        made.authority(how);
        const results = await made.until(Promise.allSettled(Array.from({ length: 4 }, () => made.tokens.renew(old))));
        expect(results).toEqual(
          results.map(() => ({ status: 'rejected', reason: expect.objectContaining({ exitCode }) })),
        );
        made.authority('fine');
        expect((await renew(old)).token).not.toBe(old.token);
      },
    );

    test('a token is renewed in time though nobody asks, so that none is handed out at its end', async () => {
      const first = await token();
      const { lifeMs } = made;
      if (lifeMs === undefined) return;
      for (let n = 0; n < 12; n++) {
        await made.pass(lifeMs / 4);
        const asked = made.asked();
        const { expiresAtMs = 0 } = await token();
        expect(expiresAtMs).toBeGreaterThan(made.wallMs());
        expect(made.asked()).toBe(asked);
      }
      expect((await token()).token).not.toBe(first.token);
    });
  });
}
