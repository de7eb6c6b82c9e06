import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type Dispatcher, request } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { type DispatcherOptions, makeDispatcher, proxyOf } from '../../src/http/dispatcher.ts';
import { type Authority, CLIENT_ID, CLIENT_SECRET, RESOURCE, startAuthority, TENANT } from '../support/authority.ts';
import { type ConnectProxy, startConnectProxy } from '../support/connect-proxy.ts';

let authority: Authority;
let proxy: ConnectProxy;
let host: string;

beforeAll(async () => {
  authority = await startAuthority();
  host = new URL(authority.url).host;
});
beforeEach(async () => {
  authority.requests.length = 0;
  proxy = await startConnectProxy();
  return () => proxy[Symbol.asyncDispose]();
});
afterAll(() => authority[Symbol.asyncDispose]());

/** Signs in from a process of its own with this environment; returns what it says. */
async function signInChild(env: Record<string, string>): Promise<string> {
  const child = fileURLToPath(new URL('../support/sign-in-child.mjs', import.meta.url));
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [child], {
    env: {
      PATH: process.env['PATH'],
      AZURE_CLIENT_SECRET: CLIENT_SECRET,
      TEST_TENANT: TENANT,
      TEST_CLIENT_ID: CLIENT_ID,
      TEST_AUTHORITY: authority.url,
      TEST_SCOPE: `${RESOURCE}/.default`,
      ...env,
    },
  });
  expect(stderr).toBe('');
  return stdout;
}

describe('in a process of its own', () => {
  test('a CA named in NODE_EXTRA_CA_CERTS is known', async () => {
    expect(await signInChild({ NODE_EXTRA_CA_CERTS: authority.caFile })).toBe('signed in');
    expect(proxy.tunnels).toEqual([]);
  });

  test('a CA that nobody named is refused in a sentence that names the variable, exit 6', async () => {
    expect(await signInChild({})).toMatch(/^6: cannot sign in: .* NODE_EXTRA_CA_CERTS$/);
  });

  test('NODE_TLS_REJECT_UNAUTHORIZED=0 lets no other certificate in, not even past the check at the start', async () => {
    expect(await signInChild({ NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_NO_WARNINGS: '1' })).toMatch(
      /NODE_EXTRA_CA_CERTS/,
    );
    expect(authority.requests).toHaveLength(0);
  });

  test('MSAL_FORCE_REGION does not lead sign-in to another host', async () => {
    const region = { MSAL_FORCE_REGION: 'westeurope', NODE_EXTRA_CA_CERTS: authority.caFile };
    expect(await signInChild(region)).toBe('signed in');
    expect(authority.requests).toHaveLength(1);
  });

  test('sign-in goes through HTTPS_PROXY, and the extra CA holds inside its tunnel', async () => {
    const said = await signInChild({ NODE_EXTRA_CA_CERTS: authority.caFile, HTTPS_PROXY: proxy.url });
    expect(said).toBe('signed in');
    expect(proxy.tunnels).toEqual([host]);
    expect(authority.requests).toHaveLength(1);
  });

  test('an unknown CA is refused inside the tunnel all the same', async () => {
    expect(await signInChild({ HTTPS_PROXY: proxy.url })).toMatch(/^6: .*NODE_EXTRA_CA_CERTS/);
    expect(authority.requests).toEqual([]);
  });

  test('NO_PROXY is obeyed', async () => {
    const said = await signInChild({
      NODE_EXTRA_CA_CERTS: authority.caFile,
      HTTPS_PROXY: proxy.url,
      NO_PROXY: 'example.com,127.0.0.1',
    });
    expect(said).toBe('signed in');
    expect(proxy.tunnels).toEqual([]);
  });

  test("a proxy's user and password are used", async () => {
    proxy.credentials = 'user:pass word';
    const url = new URL(proxy.url);
    url.username = 'user';
    url.password = 'pass word';
    const said = await signInChild({ NODE_EXTRA_CA_CERTS: authority.caFile, https_proxy: url.href });
    expect(said).toBe('signed in');
  });

  test('a proxy that refuses is named, without its password, exit 6', async () => {
    proxy.credentials = 'user:right';
    const said = await signInChild({
      NODE_EXTRA_CA_CERTS: authority.caFile,
      HTTPS_PROXY: proxy.url.replace('//', '//user:hunter2@'),
    });
    expect(said).toMatch(/^6: cannot sign in: the proxy in HTTPS_PROXY refused the way to .* \(HTTP 407\)/);
    expect(said).not.toContain('hunter2');
  });
});

describe('the dispatcher', () => {
  function dispatcher(options: Partial<DispatcherOptions> = {}): Dispatcher {
    const made = makeDispatcher({ env: {}, ...options });
    onTestFinished(() => made.destroy());
    return made;
  }

  async function listen(server: Server): Promise<string> {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    onTestFinished(() => {
      server.close();
    });
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test('the dispatcher sends plain HTTP directly, whatever the environment says of proxies', async () => {
    const url = await listen(createServer((_request, response) => response.end('direct')));
    const env = { HTTPS_PROXY: proxy.url, HTTP_PROXY: proxy.url, http_proxy: proxy.url };
    const { body } = await request(url, { dispatcher: dispatcher({ env }) });
    expect(await body.text()).toBe('direct');
    expect([proxy.tunnels, proxy.plain]).toEqual([[], []]);
  });

  test('the dispatcher does not follow a redirect', async () => {
    let asked = 0;
    const url = await listen(
      createServer((_request, response) => {
        asked += 1;
        response.writeHead(302, { location: '/elsewhere' }).end();
      }),
    );
    const { statusCode, body } = await request(url, { dispatcher: dispatcher() });
    await body.dump();
    expect([statusCode, asked]).toEqual([302, 1]);
  });

  test('the dispatcher does not repeat a request that was reset', async () => {
    let asked = 0;
    const url = await listen(
      createServer((incoming) => {
        asked += 1;
        incoming.socket.resetAndDestroy();
      }),
    );
    await expect(request(url, { method: 'POST', body: 'x', dispatcher: dispatcher() })).rejects.toThrow();
    await expect(request(url, { dispatcher: dispatcher() })).rejects.toThrow();
    expect(asked).toBe(2);
  });

  test('the dispatcher gives up a silent host after the time for headers', async () => {
    const url = await listen(createServer(() => undefined));
    const given = request(url, { dispatcher: dispatcher({ headersTimeoutMs: 50 }) });
    await expect(given).rejects.toMatchObject({ code: 'UND_ERR_HEADERS_TIMEOUT' });
  });

  test('the dispatcher gives up a body that stops in the middle', async () => {
    const url = await listen(
      createServer((_request, response) => {
        response.writeHead(200, { 'content-length': '10' });
        response.write('half');
      }),
    );
    const { body } = await request(url, { dispatcher: dispatcher({ bodyTimeoutMs: 50 }) });
    await expect(body.text()).rejects.toMatchObject({ code: 'UND_ERR_BODY_TIMEOUT' });
  });

  test('the dispatcher gives up a body without end', async () => {
    const url = await listen(
      createServer((_request, response) => {
        response.write('x'.repeat(5000));
      }),
    );
    const { body } = await request(url, { dispatcher: dispatcher({ maxResponseBytes: 1000 }) });
    await expect(body.text()).rejects.toMatchObject({ code: 'UND_ERR_RES_EXCEEDED_MAX_SIZE' });
  });

  test('the dispatcher gives up a TLS handshake that nobody answers', async () => {
    const url = await listen(createTcpServer(() => undefined));
    const given = request(url.replace('http:', 'https:'), { dispatcher: dispatcher({ connectTimeoutMs: 100 }) });
    await expect(given).rejects.toMatchObject({ code: 'UND_ERR_CONNECT_TIMEOUT' });
  });

  test('the dispatcher gives up a proxy that never opens the tunnel', async () => {
    proxy.trouble = 'hang';
    const given = request(authority.url, {
      dispatcher: dispatcher({ env: { HTTPS_PROXY: proxy.url }, headersTimeoutMs: 100 }),
    });
    await expect(given).rejects.toMatchObject({ code: expect.stringMatching(/^UND_ERR/) });
  });

  test('the dispatcher is not blocked for good by a proxy that hung once', async () => {
    const through = dispatcher({ env: { HTTPS_PROXY: proxy.url }, headersTimeoutMs: 100 });
    proxy.trouble = 'hang';
    await expect(request(authority.url, { dispatcher: through })).rejects.toThrow();
    proxy.trouble = undefined;
    await expect(request(authority.url, { dispatcher: through })).rejects.toMatchObject({
      code: expect.stringMatching(/SELF_SIGNED|UNABLE/),
    });
  });

  test('the dispatcher reads no proxy from the environment of the process itself', async () => {
    const before = process.env['HTTPS_PROXY'];
    process.env['HTTPS_PROXY'] = proxy.url;
    onTestFinished(() => {
      if (before === undefined) delete process.env['HTTPS_PROXY'];
      else process.env['HTTPS_PROXY'] = before;
    });
    await expect(request(authority.url, { dispatcher: dispatcher() })).rejects.toThrow();
    expect(proxy.tunnels).toEqual([]);
  });
});

describe('HTTPS_PROXY', () => {
  const rows: [Record<string, string>, string | undefined][] = [
    [{}, undefined],
    [{ HTTPS_PROXY: '' }, undefined],
    [{ HTTPS_PROXY: 'http://proxy:3128' }, 'http://proxy:3128/'],
    [{ HTTPS_PROXY: 'proxy:3128' }, 'http://proxy:3128/'],
    [{ HTTPS_PROXY: 'https://proxy:3129' }, 'https://proxy:3129/'],
    [{ https_proxy: 'http://lower', HTTPS_PROXY: 'http://upper' }, 'http://lower/'],
    [{ https_proxy: '', HTTPS_PROXY: 'http://upper' }, undefined],
    [{ HTTP_PROXY: 'http://proxy:3128' }, undefined],
  ];
  test.each(rows)('the proxy of the environment %j is the one that it names', (env, proxyUrl) => {
    expect(proxyOf(env)).toBe(proxyUrl);
  });

  test.each(['socks5://user:hunter2@proxy', 'http://', 'http://user:hunter2@'])(
    '%s is refused without being shown',
    (value) => {
      expect(() => proxyOf({ HTTPS_PROXY: value })).toThrow(UsageError);
      expect(() => proxyOf({ HTTPS_PROXY: value })).not.toThrow(/hunter2/);
    },
  );
});
