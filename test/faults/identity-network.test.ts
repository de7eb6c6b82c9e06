import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { type Authority, CLIENT_SECRET, startAuthority, TROUBLES } from '../support/authority.ts';
import { makeServerCertificate, type ServerCertificate } from '../support/certificates.ts';
import { COMMENT, only, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, sentences } from '../support/sign-in-harness.ts';
import { startTlsFront } from '../support/tls-front.ts';

let authority: Authority;
/** For a name that is not ours, by the CA that is known. */
let foreign: ServerCertificate;
let known: ServerCertificate;

beforeAll(async () => {
  authority = await startAuthority();
  known = await makeServerCertificate(authority.dir, 'known');
  foreign = await makeServerCertificate(authority.dir, 'foreign', [{ type: 'dns', value: 'elsewhere.example' }]);
});
afterAll(() => authority[Symbol.asyncDispose]());

/** A server that takes connections and says nothing, ever. */
async function blackHole(): Promise<AsyncDisposable & { port: number }> {
  const server = createServer((socket) => socket.on('error', () => undefined));
  const sockets = new Set<import('node:net').Socket>();
  server.on('connection', (socket) => sockets.add(socket));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A port where nobody listens. */
async function nobody(): Promise<number> {
  const hole = await blackHole();
  await hole[Symbol.asyncDispose]();
  return hole.port;
}

const SECRET = { AZURE_CLIENT_SECRET: CLIENT_SECRET };
/** Sign-in has its own limit of 12 s (its unit tests hold it); this one only ends a hang, on a machine however busy. */
const SOON = { timeoutMs: 60_000 };
const ENOUGH = { timeoutMs: 120_000 };

describe.concurrent('an authority that cannot be reached is told in one sentence within 15 s, exit 6, where it', () => {
  it('an authority that is not there is told in one sentence within 15 s, exit 6', async ({ expect }) => {
    await using harness = await openSignInHarness(authority, {
      env: { ...SECRET, COUNTERMAND_AUTHORITY_URL: `https://127.0.0.1:${await nobody()}` },
    });
    const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], SOON).ended;
    expect(ran.code).toBe(6);
    expect(sentences(ran.stderr)).toEqual([
      expect.stringMatching(/cannot sign in: no connection to .* \(ECONNREFUSED\); check the network and HTTPS_PROXY/),
    ]);
    expect(harness.sandbox.log.count()).toBe(0);
  });

  it('an authority that takes the connection and says nothing is told in one sentence within 15 s, exit 6', async ({
    expect,
  }) => {
    await using hole = await blackHole();
    await using harness = await openSignInHarness(authority, {
      env: { ...SECRET, COUNTERMAND_AUTHORITY_URL: `https://127.0.0.1:${hole.port}` },
    });
    const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], SOON).ended;
    expect(ran.code).toBe(6);
    expect(sentences(ran.stderr)).toEqual([expect.stringMatching(/cannot sign in: .*; .*run again/)]);
  });

  it('an authority whose certificate is for somebody else is told in one sentence within 15 s, exit 6', async ({
    expect,
  }) => {
    await using front = await startTlsFront(foreign, Number(new URL(authority.url).port));
    await using harness = await openSignInHarness(authority, {
      env: {
        ...SECRET,
        COUNTERMAND_AUTHORITY_URL: `https://127.0.0.1:${front.port}`,
        NODE_EXTRA_CA_CERTS: foreign.caFile,
      },
    });
    const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], SOON).ended;
    expect(ran.code).toBe(6);
    expect(sentences(ran.stderr)).toEqual([
      expect.stringMatching(/shows a certificate that is not valid for it .*; check the address and the clock/),
    ]);
  });
});

describe('an authority', () => {
  it('an authority that hangs, and after that one that redirects, is told; neither is followed anywhere', async ({
    expect,
  }) => {
    for (const trouble of ['hang', TROUBLES.redirect] as const) {
      await using harness = await openSignInHarness(authority, { env: SECRET });
      authority.trouble(trouble);
      const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], SOON).ended;
      authority.heal();
      expect(ran.code).toBe(6);
      expect(sentences(ran.stderr)).toEqual([expect.stringMatching(/cannot sign in: /)]);
      expect(harness.sandbox.log.count()).toBe(0);
    }
  });
});

describe.concurrent('a Defender behind a bad network', () => {
  const ready = async () => ({
    COUNTERMAND_TOKEN: await authority.token(),
    NODE_EXTRA_CA_CERTS: known.caFile,
    COUNTERMAND_PATIENCE: '4s',
  });

  it('a Defender behind a bad network whose connections are cut after any byte of the answer loses nothing and cancels nothing twice', async ({
    expect,
  }) => {
    await using harness = await openSignInHarness(authority, {
      count: 24,
      env: { ...(await ready()), COUNTERMAND_PATIENCE: '60m' },
    });
    await using front = await startTlsFront(known, harness.sandbox.port);
    // The first answer is the screening; then every second one is cut, at places from the status line to the last bytes.
    front.trouble = (n) => (n > 1 && n < 60 && n % 2 === 0 ? { cutAfterBytes: 1 + ((n * 37) % 700) } : undefined);
    const args = ['run', 'ids.txt', '--yes', ...COMMENT, '--max-failures', '100%'];
    const env = { COUNTERMAND_API_URL: `https://127.0.0.1:${front.port}` };
    const ran = await harness.start(args, { ...ENOUGH, env }).ended;
    expect(ran).toMatchObject({ code: 0 });
    const records = await harness.records('ledgers/ids.jsonl');
    expect([...outcomesOf(records).values()]).toEqual(Array(24).fill('cancelled'));
    expect(new Set(harness.sandbox.log.effective()).size).toBe(24);
    expect(harness.sandbox.log.effective()).toHaveLength(24);
    expect(only(records, 'reply').filter(({ error }) => error !== undefined).length).toBeGreaterThan(5);
    expect(leaksIn(ran.stdout + ran.stderr, authority.secrets)).toEqual([]);
  });

  it('a Defender behind a bad network that shows a certificate of an unknown CA is never sent a token: exit 6, and check names the remedy', async ({
    expect,
  }) => {
    await using harness = await openSignInHarness(authority, {
      env: { ...(await ready()), NODE_EXTRA_CA_CERTS: undefined },
    });
    await using front = await startTlsFront(known, harness.sandbox.port);
    const env = { COUNTERMAND_API_URL: `https://127.0.0.1:${front.port}` };
    const [ran, checked] = await Promise.all([
      harness.start(['run', 'ids.txt', '--yes', ...COMMENT], { ...ENOUGH, env }).ended,
      harness.start(['check'], { ...ENOUGH, env }).ended,
    ]);
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('no call to Defender succeeded') });
    expect(checked).toMatchObject({ code: 6, stdout: expect.stringContaining('NODE_EXTRA_CA_CERTS') });
    expect(ran.stderr).toMatch(
      /TLS certificate of Defender's host is not trusted \(\w+\), so no calls can be made: name its CA's file in NODE_EXTRA_CA_CERTS/,
    );
    expect(front.requests).toBe(0);
  });

  it('a Defender behind a bad network that shows a certificate for another name is never sent a token: exit 6', async ({
    expect,
  }) => {
    await using harness = await openSignInHarness(authority, {
      env: { ...(await ready()), NODE_EXTRA_CA_CERTS: foreign.caFile },
    });
    await using front = await startTlsFront(foreign, harness.sandbox.port);
    const env = { COUNTERMAND_API_URL: `https://127.0.0.1:${front.port}` };
    const [ran, checked] = await Promise.all([
      harness.start(['run', 'ids.txt', '--yes', ...COMMENT], { ...ENOUGH, env }).ended,
      harness.start(['check'], { ...ENOUGH, env }).ended,
    ]);
    expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('no call to Defender succeeded') });
    expect(checked).toMatchObject({ code: 6 });
    expect(checked.stdout).toMatch(/certificate/);
    expect(ran.stderr).toMatch(
      /TLS certificate of Defender's host is not trusted \(\w+\), so no calls can be made: name its CA's file in NODE_EXTRA_CA_CERTS/,
    );
    expect(front.requests).toBe(0);
  });

  it('a Defender behind a bad network that takes connections and says nothing, or swallows requests, ends the run when patience ends', async ({
    expect,
  }) => {
    await using harness = await openSignInHarness(authority, { env: await ready() });
    await using hole = await blackHole();
    await using front = await startTlsFront(known, harness.sandbox.port);
    front.trouble = () => ({ silent: true });
    const [silent, swallowed, checked] = await Promise.all([
      harness.start(['run', 'ids.txt', '--yes', ...COMMENT], {
        ...ENOUGH,
        env: { COUNTERMAND_API_URL: `https://127.0.0.1:${hole.port}`, COUNTERMAND_LEDGER: 'one/a.jsonl' },
      }).ended,
      harness.start(['run', 'ids.txt', '--yes', ...COMMENT], {
        ...ENOUGH,
        env: { COUNTERMAND_API_URL: `https://127.0.0.1:${front.port}`, COUNTERMAND_LEDGER: 'two/a.jsonl' },
      }).ended,
      harness.start(['check'], { ...ENOUGH, env: { COUNTERMAND_API_URL: `https://127.0.0.1:${hole.port}` } }).ended,
    ]);
    for (const ran of [silent, swallowed]) {
      expect(ran).toMatchObject({ code: 6, stderr: expect.stringContaining('no call to Defender succeeded for 4 s') });
    }
    expect(checked).toMatchObject({ code: 6 });
    expect(harness.sandbox.log.count()).toBe(0);
  });

  it('a Defender behind a bad network that is slow with headers and body is waited for', async ({ expect }) => {
    await using harness = await openSignInHarness(authority, {
      env: { ...(await ready()), COUNTERMAND_PATIENCE: '60m' },
    });
    harness.sandbox.faults.script(({ route }) =>
      route === 'other' ? undefined : { kind: 'slow', headersMs: 1500, bodyMs: 1500 },
    );
    const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], ENOUGH).ended;
    expect(ran).toMatchObject({ code: 0 });
    expect(harness.sandbox.log.count('cancel')).toBe(3);
  });
});
