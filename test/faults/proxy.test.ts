import { execFile } from 'node:child_process';
import { appendFile, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { type Authority, CLIENT_SECRET, startAuthority } from '../support/authority.ts';
import { makeServerCertificate } from '../support/certificates.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { COMMENT, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, sentences } from '../support/sign-in-harness.ts';
import { startTlsFront } from '../support/tls-front.ts';

const execute = promisify(execFile);
const ip = (...args: string[]) => execute('ip', args);

/** A name that no DNS has: only the proxy knows it. */
const API = 'defender.test';
const CREDENTIALS = 'soc:the-password-of-the-proxy';

interface Namespace extends AsyncDisposable {
  /** Starts a command inside. */
  through: readonly string[];
  /** The one address outside that can be reached from inside. */
  outside: string;
}

/** A network of its own whose only way out is one cable to this machine: no route, no DNS, not even its own loopback. */
async function makeNamespace(): Promise<Namespace> {
  const name = `countermand-${process.pid}`;
  const [ours, theirs] = [`cm${process.pid}a`, `cm${process.pid}b`];
  const third = process.pid % 250;
  const remove = async () => {
    await ip('netns', 'del', name).catch(() => undefined);
    await ip('link', 'del', ours).catch(() => undefined);
  };
  try {
    await ip('netns', 'add', name);
    await ip('link', 'add', ours, 'type', 'veth', 'peer', 'name', theirs, 'netns', name);
    await ip('addr', 'add', `10.213.${third}.1/30`, 'dev', ours);
    await ip('link', 'set', ours, 'up');
    await ip('-n', name, 'addr', 'add', `10.213.${third}.2/30`, 'dev', theirs);
    await ip('-n', name, 'link', 'set', theirs, 'up');
  } catch (error) {
    await remove();
    throw error;
  }
  return { through: ['ip', 'netns', 'exec', name], outside: `10.213.${third}.1`, [Symbol.asyncDispose]: remove };
}

/** Where a machine cannot make one, the test says why; the CI machine must. */
async function namespaceOr(skip: (why: string) => never): Promise<Namespace> {
  if (process.env['CI'] === 'true') return makeNamespace();
  if (process.platform !== 'linux') return skip('network namespaces are Linux');
  return makeNamespace().catch((error: unknown) =>
    skip(`no network namespace can be made here: ${error instanceof Error ? error.message : String(error)}`),
  );
}

/** The authority's CA and the API's in one file. */
async function caFile(authority: Authority, apiCa: string): Promise<string> {
  const path = join(authority.dir, 'both-ca.pem');
  await copyFile(authority.caFile, path);
  await appendFile(path, await readFile(apiCa));
  return path;
}

describe('through an HTTP CONNECT proxy, with direct connections impossible', () => {
  it('sign-in, run and check work through a proxy, and without it nothing can be reached', async ({ skip }) => {
    await using namespace = await namespaceOr(skip);
    await using authority = await startAuthority();
    const certificate = await makeServerCertificate(authority.dir, 'api', `DNS:${API}`);
    await using proxy = await startConnectProxy(namespace.outside);
    proxy.credentials = CREDENTIALS;
    await using harness = await openSignInHarness(authority, {
      env: {
        AZURE_CLIENT_SECRET: CLIENT_SECRET,
        NODE_EXTRA_CA_CERTS: await caFile(authority, certificate.caFile),
        COUNTERMAND_API_URL: `https://${API}`,
        COUNTERMAND_ALLOW_HOST: API,
      },
    });
    await using front = await startTlsFront(certificate, harness.sandbox.port);
    proxy.names.set(`${API}:443`, `127.0.0.1:${front.port}`);
    const HTTPS_PROXY = proxy.url.replace('//', `//${CREDENTIALS}@`);
    const { through } = namespace;

    const args = ['run', 'ids.txt', '--yes', ...COMMENT];
    const ran = await harness.start(args, { through, env: { HTTPS_PROXY } }).ended;
    expect(ran).toMatchObject({ code: 0 });
    expect([...outcomesOf(await harness.records('ledgers/ids.jsonl')).values()]).toEqual(Array(3).fill('cancelled'));
    expect(new Set(proxy.tunnels)).toEqual(new Set([new URL(authority.url).host, `${API}:443`]));
    expect(proxy.plain).toEqual([]);
    const checked = await harness.start(['check'], { through, env: { HTTPS_PROXY } }).ended;
    expect(checked).toMatchObject({ code: 0 });

    const [direct, refused] = await Promise.all([
      harness.start(['check'], { through }).ended,
      harness.start(['check'], { through, env: { HTTPS_PROXY: proxy.url } }).ended,
    ]);
    expect(direct).toMatchObject({ code: 6, stdout: expect.stringContaining('no connection to') });
    expect(refused).toMatchObject({
      code: 6,
      stdout: expect.stringContaining('the proxy in HTTPS_PROXY refused the way'),
    });
    const all = [ran, checked, direct, refused].map(({ stdout, stderr }) => stdout + stderr).join('\n');
    expect(leaksIn(all, [...authority.secrets, 'the-password-of-the-proxy', CREDENTIALS])).toEqual([]);
    expect(sentences(all).length).toBeGreaterThan(0);
  });
});
