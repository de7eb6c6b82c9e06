import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { Agent } from 'undici';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeBody, isUnreadable } from '../../src/defender/decode-body.ts';
import { makeTransport, type WireResult } from '../../src/defender/transport.ts';

const TEXT = '{"id":"é","status":"Pending"}';
const BYTES = Buffer.from(TEXT);
const MIB = 1024 * 1024;

const ended: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ended.splice(0)) await end();
});

async function ask(
  answer: RequestListener,
  options: { maxBytes?: number; timeoutMs?: number } = {},
): Promise<WireResult> {
  const server = createServer(answer);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const dispatcher = new Agent();
  ended.push(async () => {
    await dispatcher.destroy();
    server.closeAllConnections();
    server.close();
  });
  const apiUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const { maxBytes = MIB, timeoutMs = 20_000 } = options;
  const send = makeTransport({ dispatcher, apiUrl, timeoutMs, userAgent: 'countermand/1' });
  return await send({ method: 'POST', path: '/api/x', token: 'secret', body: '{}', maxBytes });
}

describe('an answer whose body is coded although nobody asked for it', () => {
  it.each<[string, Buffer, string | string[] | undefined]>([
    ['gzip', gzipSync(BYTES), 'gzip'],
    ['gzip by its old name, in capitals', gzipSync(BYTES), 'X-GZIP'],
    ['deflate', deflateSync(BYTES), 'deflate'],
    ['deflate without its frame', deflateRawSync(BYTES), 'deflate'],
    ['br', brotliCompressSync(BYTES), 'br'],
    ['gzip, then br', brotliCompressSync(gzipSync(BYTES)), 'gzip, br'],
    ['gzip, then br, by two headers', brotliCompressSync(gzipSync(BYTES)), ['gzip', 'br']],
    ['identity', BYTES, 'identity'],
    ['gzip by its header, and is not', BYTES, 'gzip'],
    ['what nobody knows by its header, and is not', BYTES, 'lzma'],
    ['gzip, which no header says', gzipSync(BYTES), undefined],
    ['gzip twice, which the header says once', gzipSync(gzipSync(BYTES)), 'gzip'],
  ])(
    'an answer whose body is coded although nobody asked for it is read as text where it is %s',
    async (_, body, header) => {
      const result = await ask((request, response) => {
        expect(request.headers['accept-encoding']).toBe('identity');
        if (header !== undefined) response.setHeader('content-encoding', header);
        response.writeHead(200).end(body);
      });
      expect(result).toMatchObject({ raw: { http: 200, body: TEXT } });
    },
  );

  it.each<[string, Buffer, string, string]>([
    ['a coding that nobody knows', gzipSync(BYTES), 'lzma', 'content-encoding-lzma'],
    ['cut gzip', gzipSync(BYTES).subarray(0, 20), 'gzip', 'content-encoding-gzip'],
    ['a page that says it is br', Buffer.from('<html>'), 'br', 'content-encoding-br'],
    ['a name of a property of objects', gzipSync(BYTES), 'constructor', 'content-encoding-constructor'],
    ['a very long name', gzipSync(BYTES), 'x'.repeat(5000), `content-encoding-${'x'.repeat(20)}`],
    ['nothing but signs', gzipSync(BYTES), '"<>"', 'content-encoding-unknown'],
    ['nine codings on top of each other', gzipSync(BYTES), Array(9).fill('gzip').join(), 'content-encoding'],
  ])(
    'an answer whose body is coded although nobody asked for it names it, with the status, where it is %s',
    async (_, body, header, error) => {
      const result = await ask((__, response) => response.writeHead(403, { 'content-encoding': header }).end(body));
      expect(result).toMatchObject({ raw: { http: 403, body: '', unread: error } });
      expect(isUnreadable(error)).toBe(true);
    },
  );

  it.each<[string, Buffer, string]>([
    ['gzip', gzipSync(Buffer.alloc(3 * MIB)), 'gzip'],
    ['deflate', deflateSync(Buffer.alloc(3 * MIB)), 'deflate'],
    ['br', brotliCompressSync(Buffer.alloc(3 * MIB)), 'br'],
    ['gzip in gzip', gzipSync(gzipSync(Buffer.alloc(3 * MIB))), 'gzip, gzip'],
  ])(
    'an answer whose body is coded although nobody asked for it is not unpacked beyond the limit where it is %s',
    async (_, body, header) => {
      expect(body.length).toBeLessThan(10_000);
      expect(await decodeBody(body, { 'content-encoding': header }, MIB)).toEqual({ error: 'too-large' });
    },
  );
});

describe('the text of an answer', () => {
  it.each<[string, Buffer, string]>([
    ['UTF-8', BYTES, 'application/json; charset=utf-8'],
    ['UTF-8 with a mark', Buffer.concat([Buffer.from('\uFEFF'), BYTES]), 'application/json'],
    ['UTF-8 with a mark, called Latin 1', Buffer.concat([Buffer.from('\uFEFF'), BYTES]), 'text/json; charset=latin1'],
    ['UTF-16 with a mark', Buffer.from(`\uFEFF${TEXT}`, 'utf16le'), 'application/json'],
    ['UTF-16, called so', Buffer.from(TEXT, 'utf16le'), 'application/json; charset="utf-16le"'],
    ['Latin 1, called so', Buffer.from(TEXT, 'latin1'), 'application/json;charset=ISO-8859-1'],
    ['UTF-8, called something that nobody knows', BYTES, 'application/json; charset=klingon'],
  ])('the text of an answer is read where it is %s', async (_, body, type) => {
    expect(await decodeBody(body, { 'content-type': type }, MIB)).toEqual({ text: TEXT });
  });
});

describe('an answer that does not end', () => {
  it('an answer that does not end is given up when it exceeds the limit', async () => {
    const result = await ask((_, response) => {
      const more = () => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, 32)));
      };
      response.writeHead(200).on('drain', more);
      more();
    });
    expect(result).toEqual({ error: 'too-large' });
  });

  it('an answer that does not end is given up when its time is over although it trickles', async () => {
    let timer: NodeJS.Timeout | undefined;
    const result = await ask(
      (_, response) => {
        response.writeHead(200);
        timer = setInterval(() => response.write(' '), 5);
      },
      { timeoutMs: 100 },
    );
    clearInterval(timer);
    expect(result).toEqual({ error: 'timeout' });
  });
});
