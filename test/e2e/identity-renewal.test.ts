import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Authority, CLIENT_ID, CLIENT_SECRET, startAuthority } from '../support/authority.ts';
import type { CommandEnd } from '../support/command.ts';
import { only, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, type SignInHarness, sentences } from '../support/sign-in-harness.ts';

let authority: Authority;

beforeEach(async () => {
  authority = await startAuthority();
});
afterEach(() => authority[Symbol.asyncDispose]());

const SECRET = { AZURE_CLIENT_SECRET: CLIENT_SECRET };
const LEDGER = 'ledgers/ids.jsonl';
const COUNT = 40;

/** The first token is no longer taken once so many cancels have gone through. */
function revokeAfter(harness: SignInHarness, cancels: number): void {
  const { accepts } = harness.sandbox.access;
  harness.sandbox.access.accepts = (token) => {
    if (harness.sandbox.log.effective().length >= cancels && harness.seen[0] === token) harness.revoke(token);
    return accepts?.(token) ?? true;
  };
}

async function resume(harness: SignInHarness, env: Record<string, string | undefined> = {}): Promise<CommandEnd> {
  return harness.start(['resume', LEDGER, '--confirm-for', '0'], { env }).ended;
}

/** Every action was cancelled, and none of them twice. */
function expectAllOnce(harness: SignInHarness): void {
  expect(harness.sandbox.log.effective()).toHaveLength(COUNT);
  expect(new Set(harness.sandbox.log.effective()).size).toBe(COUNT);
}

describe('a token refused in the middle of a run', () => {
  it('a token refused in the middle of a run is renewed once for all calls in flight, and they are repeated', async () => {
    await using harness = await openSignInHarness(authority, { count: COUNT, env: SECRET, latencyMs: 20 });
    revokeAfter(harness, 10);
    const ran = await harness.cancel('--confirm-for', '0');
    expect(ran.code).toBe(3);
    expectAllOnce(harness);
    expect(authority.issued).toBe(2);
    const replies = only(await harness.records(LEDGER), 'reply');
    expect(replies.filter(({ http }) => http === 401).length).toBeGreaterThan(0);
    expect(leaksIn(`${ran.stdout}${ran.stderr}`, authority.secrets)).toEqual([]);
  });

  it('a token refused in the middle of a run is renewed with the claims that Defender asks for', async () => {
    const claims = '{"access_token":{"nbf":{"essential":true,"value":"1604106651"}}}';
    await using harness = await openSignInHarness(authority, { count: COUNT, env: SECRET });
    harness.sandbox.faults.next({ kind: 'unauthorized', claims }, { route: 'cancel' });
    expect((await harness.cancel('--confirm-for', '0')).code).toBe(3);
    expectAllOnce(harness);
    const asked = authority.requests.map(({ form }) => JSON.parse(form['claims'] ?? '{}') as Record<string, unknown>);
    expect(asked).toHaveLength(2);
    expect(asked[1]).toMatchObject(JSON.parse(claims) as object);
  });

  it('a token refused in the middle of a run ends the run when the renewed one is refused too, and a resume with new credentials finishes', async () => {
    await using harness = await openSignInHarness(authority, { count: COUNT, env: SECRET, latencyMs: 20 });
    let closed = false;
    const { accepts } = harness.sandbox.access;
    harness.sandbox.access.accepts = (token) => {
      closed ||= harness.sandbox.log.effective().length >= 10;
      return !closed && accepts?.(token) === true;
    };
    const ran = await harness.cancel('--confirm-for', '0');
    expect(ran.code).toBe(4);
    expect(sentences(ran.stderr).at(-1)).toMatch(
      /refused the access token twice \(HTTP 401.*check the tenant.* then resume/,
    );
    // A call that was first sent with the second token may have asked for a third; every call a new one would be a storm.
    expect(authority.issued).toBeLessThan(6);
    const done = harness.sandbox.log.effective().length;
    expect(done).toBeLessThan(COUNT);
    expect(only(await harness.records(LEDGER), 'close').map(({ reason }) => reason)).toEqual(['refused']);

    harness.sandbox.access.accepts = accepts ?? (() => true);
    const token = await authority.token();
    expect((await resume(harness, { AZURE_CLIENT_SECRET: undefined, COUNTERMAND_TOKEN: token })).code).toBe(3);
    expectAllOnce(harness);
  });

  it('a token that was made elsewhere and is refused ends the run, and a resume as another application finishes', async () => {
    const [first, second] = [await authority.token(), await authority.token({ appid: OTHER_CLIENT })];
    await using harness = await openSignInHarness(authority, {
      count: COUNT,
      env: { COUNTERMAND_TOKEN: first },
      latencyMs: 20,
    });
    revokeAfter(harness, 10);
    const ran = await harness.cancel('--confirm-for', '0');
    expect(ran.code).toBe(4);
    expect(sentences(ran.stderr).at(-1)).toContain(
      'Defender refused the token in COUNTERMAND_TOKEN (401); get a new one, then resume',
    );
    const again = await resume(harness, { COUNTERMAND_TOKEN: second, COUNTERMAND_CLIENT_ID: OTHER_CLIENT });
    expect(again).toMatchObject({ code: 3 });
    expectAllOnce(harness);
    expect(only(await harness.records(LEDGER), 'open').map(({ client }) => client)).toEqual([CLIENT_ID, OTHER_CLIENT]);
  });
});

describe('cancels that are forbidden in a row', () => {
  it('cancels that are forbidden in a row end the run after five when the renewed token may cancel no more; once it may, a resume finishes', async () => {
    await using harness = await openSignInHarness(authority, { count: COUNT, env: SECRET });
    const before = authority.tokens.roles;
    harness.sandbox.faults.script(({ route }) => {
      if (route !== 'cancel') return undefined;
      authority.tokens.roles = ['Machine.Read.All'];
      return { kind: 'forbidden' };
    });
    const ran = await harness.cancel('--confirm-for', '0');
    expect(ran.code).toBe(4);
    expect(sentences(ran.stderr).at(-1)).toMatch(
      /in a row \(HTTP 403\), and the renewed token has no permission to cancel/,
    );
    expect(authority.issued).toBe(2);
    expect(outcomesOf(await harness.records(LEDGER)).size).toBe(0);

    authority.tokens.roles = before;
    harness.sandbox.faults.clear();
    expect((await resume(harness)).code).toBe(3);
    expectAllOnce(harness);
  });

  it('cancels that are forbidden in a row end the run after twenty-five whatever the token says, and stay open', async () => {
    await using harness = await openSignInHarness(authority, { count: COUNT, env: SECRET });
    harness.sandbox.faults.script(({ route }) => (route === 'cancel' ? { kind: 'forbidden' } : undefined));
    const ran = await harness.cancel('--confirm-for', '0', '--max-failures', '100%');
    expect(ran.code).toBe(5);
    expect(sentences(ran.stderr).at(-1)).toMatch(/Defender refused 2\d cancels in a row \(HTTP 403\)/);
    expect(authority.issued).toBe(2);
    expect(outcomesOf(await harness.records(LEDGER)).size).toBe(0);
    harness.sandbox.faults.clear();
    expect((await resume(harness)).code).toBe(3);
    expectAllOnce(harness);
  });
});

const OTHER_CLIENT = '77777777-7777-4777-8777-777777777777';
