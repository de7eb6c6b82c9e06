import { pino } from 'pino';
import { beforeEach, describe, expect, test } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import type { AcquireRequest, CredentialSource } from '../../src/identity/credential-source.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import { SignInUnreachableError } from '../../src/identity/sign-in-errors.ts';
import type { AccessToken } from '../../src/identity/token-source.ts';
import { silentLog } from '../../src/log.ts';
import { ManualClock, turn } from '../support/clock/manual-clock.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

/** A credential whose answers the test decides: each `acquire` waits in `asked` until the test lets it go on. */
class Scripted implements CredentialSource {
  readonly kind = 'client-secret';
  readonly interactive = false;
  readonly asked: (AcquireRequest & { atMs: number })[] = [];
  lifeMs = HOUR;
  fail: ((request: AcquireRequest) => Error | undefined) | undefined;
  /** While set, nothing is answered. */
  hold: Promise<void> | undefined;
  same: AccessToken | undefined;
  readonly #clock: ManualClock;

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  async acquire(request: AcquireRequest, signal: AbortSignal): Promise<AccessToken> {
    const name = `token ${this.asked.length + 1}`;
    this.asked.push({ ...request, atMs: this.#clock.monotonicMs() });
    const { hold } = this;
    if (hold !== undefined) {
      await Promise.race([
        hold,
        new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason), { once: true })),
      ]);
    }
    const error = this.fail?.(request);
    if (error !== undefined) throw error;
    return this.same ?? { token: name, expiresAtMs: this.#clock.wallMs() + this.lifeMs };
  }
}

const away = (retryAfterMs?: number) => () =>
  new SignInUnreachableError('cannot sign in: away', { retryable: true, retryAfterMs });
const refused = () => new RefusedError('sign-in refused: wrong secret');

let clock: ManualClock;
let credential: Scripted;

beforeEach(() => {
  clock = new ManualClock();
  credential = new Scripted(clock);
});

function open(given: { patienceMs?: number; log?: typeof silentLog } = {}): RenewingTokenSource {
  return new RenewingTokenSource(credential, { clock, log: silentLog, random: () => 1, ...given });
}

/** What became of a promise, without waiting for it. */
function watch<T>(promise: Promise<T>): { value?: T; error?: unknown; done: boolean } {
  const seen: { value?: T; error?: unknown; done: boolean } = { done: false };
  promise.then(
    (value) => Object.assign(seen, { value, done: true }),
    (error: unknown) => Object.assign(seen, { error, done: true }),
  );
  return seen;
}

function gate(): { open: () => void; promise: Promise<void> } {
  let go = () => {};
  const promise = new Promise<void>((resolve) => {
    go = resolve;
  });
  return { open: () => go(), promise };
}

describe('a token in hand', () => {
  test('a token in hand is handed out without asking until a quarter of its life', async () => {
    const source = open();
    await source.token();
    await clock.advance(HOUR / 4 - 1);
    expect((await source.token()).token).toBe('token 1');
    expect(credential.asked).toHaveLength(1);
  });

  test('a token in hand is handed out while its successor is fetched behind the scenes', async () => {
    const source = open();
    await source.token();
    const held = gate();
    credential.hold = held.promise;
    await clock.advance(HOUR / 4);
    expect(credential.asked).toHaveLength(2);
    expect(credential.asked[1]).toMatchObject({ quiet: true, forceRefresh: false });
    expect((await source.token()).token).toBe('token 1');
    held.open();
    await turn();
    expect((await source.token()).token).toBe('token 2');
  });

  test('a token in hand waits for its renewal without keeping the process alive', async () => {
    await open().token();
    expect(clock.keepingAlive).toBe(0);
  });

  test('a token in hand without a known end is kept and never renewed', async () => {
    credential.same = { token: 'opaque', expiresAtMs: undefined };
    const source = open();
    await source.token();
    await clock.advance(100 * HOUR);
    expect((await source.token()).token).toBe('opaque');
    expect(credential.asked).toHaveLength(1);
  });

  test('a token in hand that the endpoint keeps giving again is asked for less than forty times until its end', async () => {
    const source = open();
    credential.same = await source.token();
    await clock.advance(HOUR - 10_000 - 1);
    expect((await source.token()).token).toBe('token 1');
    expect(credential.asked.length).toBeLessThan(40);
  });

  test('a token in hand is not trusted past its end when somebody sets the clock forward', async () => {
    const source = open();
    await source.token();
    clock.moveWall(2 * HOUR);
    expect((await source.token()).token).toBe('token 2');
  });

  test('a token in hand ends by the monotonic clock when somebody sets the clock back', async () => {
    const source = open();
    await source.token();
    credential.fail = away();
    clock.moveWall(-5 * HOUR);
    await clock.advance(HOUR);
    const next = watch(source.token());
    await clock.advance(15_000);
    expect(next.error).toBeInstanceOf(SignInUnreachableError);
  });
});

describe('an authority in its bad hours', () => {
  test('an authority in its bad hours is not noticed as long as the last good token lives', async () => {
    const source = open();
    await source.token();
    credential.fail = away();
    for (let at = 0; at < HOUR - 20_000; at += 20_000) {
      await clock.advance(20_000);
      if (clock.monotonicMs() < HOUR - 10_000) expect((await source.token()).token).toBe('token 1');
    }
  });

  test('an authority in its bad hours is asked again with growing pauses, once a minute at most', async () => {
    const source = open();
    await source.token();
    credential.fail = () => new SignInUnreachableError('cannot sign in: away', { retryable: false });
    await clock.advance(45 * MINUTE);
    const gaps = credential.asked.slice(2).map((each, at) => each.atMs - (credential.asked[at + 1]?.atMs ?? 0));
    expect(gaps.slice(0, 6)).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000]);
    expect(new Set(gaps.slice(6))).toEqual(new Set([60_000]));
  });

  test('an authority in its bad hours that refuses while the token still lives is not believed before its end', async () => {
    const source = open();
    await source.token();
    credential.fail = refused;
    await clock.advance(HOUR - 11_000);
    expect((await source.token()).token).toBe('token 1');
    await clock.advance(2000);
    await expect(source.token()).rejects.toBeInstanceOf(RefusedError);
  });

  test('an authority in its bad hours is warned of once, with the end of the token in hand', async () => {
    const lines: string[] = [];
    const source = open({ log: pino({ level: 'info' }, { write: (line: string) => lines.push(line) }) });
    await source.token();
    credential.fail = away();
    await clock.advance(50 * MINUTE);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('2026-03-01T13:00:00.000Z');
    expect(lines[0]).not.toContain('token 1');
  });

  test('an authority that is away past the end of the token is a WorkLeftError within 15 s', async () => {
    const source = open();
    await source.token();
    credential.fail = away();
    await clock.advance(HOUR);
    const waited = watch(source.token());
    await clock.advance(15_000);
    expect(waited.error).toMatchObject({ exitCode: 6 });
  });

  test('an authority that is away past the end of the token is waited for as long as patience lasts', async () => {
    const source = open({ patienceMs: HOUR });
    await source.token();
    credential.fail = away();
    await clock.advance(HOUR);
    const waited = Array.from({ length: 16 }, () => watch(source.token()));
    await clock.advance(50 * MINUTE);
    expect(waited.some((each) => each.done)).toBe(false);
    credential.fail = undefined;
    const before = credential.asked.length;
    await clock.advance(2 * MINUTE);
    expect(new Set(waited.map((each) => each.value?.token))).toEqual(new Set([`token ${before + 1}`]));
    expect(credential.asked).toHaveLength(before + 1);
  });

  test('an authority that is away past the end of the token and of patience is a WorkLeftError', async () => {
    const source = open({ patienceMs: HOUR });
    await source.token();
    credential.fail = away();
    await clock.advance(HOUR);
    const waited = watch(source.token());
    await clock.advance(HOUR - 1000);
    expect(waited.done).toBe(false);
    await clock.advance(20_000);
    expect(waited.error).toMatchObject({ exitCode: 6 });
  });
});

describe('the first sign-in', () => {
  test('the first sign-in tries an outage again with growing pauses, and gives up within 12 s whatever patience says', async () => {
    credential.fail = away();
    const source = open({ patienceMs: HOUR });
    const waited = watch(source.token());
    await clock.advance(12_000);
    expect(waited.error).toMatchObject({ exitCode: 6 });
    expect(credential.asked.map((each) => each.atMs)).toEqual([0, 500, 1500, 3500, 7500, 11_500]);
  });

  test('the first sign-in that hangs ends within 12 s', async () => {
    credential.fail = away();
    const source = open();
    const waited = watch(source.token());
    await clock.advance(400);
    credential.hold = new Promise(() => undefined);
    await clock.advance(11_500);
    expect(waited.done).toBe(false);
    await clock.advance(100);
    expect(waited.error).toMatchObject({ exitCode: 6 });
  });

  test('the first sign-in does not wait for a Retry-After beyond those 12 s', async () => {
    credential.fail = away(120_000);
    await expect(open().token()).rejects.toMatchObject({ exitCode: 6 });
    expect(credential.asked).toHaveLength(1);
  });

  test('the first sign-in waits for a Retry-After within them', async () => {
    credential.fail = away(3000);
    const source = open();
    const waited = watch(source.token());
    await clock.advance(2999);
    credential.fail = undefined;
    expect(credential.asked).toHaveLength(1);
    await clock.advance(1);
    expect(waited.value?.token).toBe('token 2');
  });

  test('the first sign-in that is refused is not tried again', async () => {
    credential.fail = refused;
    await expect(open().token()).rejects.toBeInstanceOf(RefusedError);
    expect(credential.asked).toHaveLength(1);
  });

  test('the first sign-in goes on for the others when one caller gives up', async () => {
    const held = gate();
    credential.hold = held.promise;
    const source = open();
    const impatient = new AbortController();
    const one = watch(source.token(impatient.signal));
    const other = watch(source.token());
    await turn();
    impatient.abort(new Error('interrupted'));
    await turn();
    expect(one.error).toEqual(new Error('interrupted'));
    held.open();
    await turn();
    expect(other.value?.token).toBe('token 1');
    expect(credential.asked).toHaveLength(1);
  });
});

describe('a token refused with 401', () => {
  test('a token refused with 401 is renewed with the claims of the challenge', async () => {
    const source = open();
    const old = await source.token();
    await source.renew(old, '{"claims":1}');
    expect(credential.asked[1]).toMatchObject({ forceRefresh: true, claims: '{"claims":1}' });
  });

  test('a token refused with 401 takes the token of a renewal that was under way when no claims are asked for', async () => {
    const source = open();
    const old = await source.token();
    const held = gate();
    credential.hold = held.promise;
    await clock.advance(HOUR / 4);
    const renewed = watch(source.renew(old));
    held.open();
    await turn();
    expect(renewed.value?.token).toBe('token 2');
    expect(credential.asked).toHaveLength(2);
  });

  test('a token refused with 401 is not answered by a renewal under way that knows nothing of the claims', async () => {
    const source = open();
    const old = await source.token();
    const held = gate();
    credential.hold = held.promise;
    await clock.advance(HOUR / 4);
    const renewed = watch(source.renew(old, '{"claims":1}'));
    held.open();
    await turn();
    expect(renewed.value?.token).toBe('token 3');
    expect(credential.asked[2]).toMatchObject({ forceRefresh: true, claims: '{"claims":1}' });
  });

  test('a token refused with 401 that comes back the same is given once more, so that a second 401 can end the session', async () => {
    const source = open();
    const old = await source.token();
    credential.same = old;
    expect(await source.renew(old)).toBe(old);
    expect(credential.asked).toHaveLength(2);
  });
});

test('a refusal behind the scenes, where no person could be asked, is not the last word for a caller in need', async () => {
  const source = open();
  await source.token();
  const held = gate();
  credential.hold = held.promise;
  await clock.advance(HOUR / 4);
  clock.moveWall(2 * HOUR);
  const waited = watch(source.token());
  await turn();
  credential.fail = (request) => (request.quiet ? refused() : undefined);
  held.open();
  await turn();
  expect(waited.value?.token).toBe('token 3');
  expect(credential.asked.map((each) => each.quiet)).toEqual([false, true, false]);
});

test('closing ends every wait and every renewal', async () => {
  credential.hold = new Promise(() => undefined);
  const source = open();
  const waited = watch(source.token());
  await turn();
  await source[Symbol.asyncDispose]();
  await turn();
  expect(waited.error).toBeInstanceOf(Error);
  await expect(source.token()).rejects.toThrow(/closed/);
});
