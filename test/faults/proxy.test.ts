import { appendFile, copyFile, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Authority, CLIENT_SECRET, startAuthority } from '../support/authority.ts';
import { makeServerCertificate } from '../support/certificates.ts';
import { startConnectProxy } from '../support/connect-proxy.ts';
import { COMMENT, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness, sentences } from '../support/sign-in-harness.ts';
import { startTlsFront } from '../support/tls-front.ts';
import { namespaceOr } from './namespaces.ts';

/** A name that no DNS has: only the proxy knows it. */
const API = 'defender.test';
const CREDENTIALS = 'soc:the-password-of-the-proxy';

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
    const certificate = await makeServerCertificate(authority.dir, 'api', [{ type: 'dns', value: API }]);
    await using proxy = await startConnectProxy(namespace.outside[0] ?? '');
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
