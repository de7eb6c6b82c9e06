import { execFile } from 'node:child_process';
import { chmod, chown, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { expect, test } from 'vitest';
import { silentLog } from '../../../src/log.ts';
import { openDatabase } from '../../../src/store/postgres/database.ts';
import { passwordIn } from '../../../src/store/postgres/password-file.ts';
import { parseStoreUrl } from '../../../src/store/postgres/store-url.ts';
import { storeTrouble } from '../../../src/store/postgres/trouble.ts';
import { makeServerCertificate } from '../../support/certificates.ts';
import { startCommand } from '../../support/command.ts';
import { makeTestDatabase, openTestDatabase } from '../../support/postgres.ts';
import { startPostgres } from '../../support/postgres-server.ts';

const HERE = 'postgres://me@127.0.0.1/db';
const FAR = 'postgres://me@db.example.com/db';

test.each([
  [HERE, 'none'],
  ['postgresql://me@localhost:6432/db?sslmode=prefer', 'none'],
  ['postgres://me@[::1]/db', 'none'],
  ['postgres:///db?host=/var/run/postgresql', undefined],
  ['postgres://me@/db?host=/var/run/postgresql', undefined],
  [`${HERE}?sslmode=no-verify`, 'unverified'],
  [`${HERE}?sslmode=require`, 'verified'],
  [FAR, 'verified'],
  [`${FAR}?sslmode=require`, 'verified'],
  [`${FAR}?sslmode=verify-full`, 'verified'],
])('%s is spoken to with TLS: %s', (url, tls) => {
  if (tls === undefined) expect(() => parseStoreUrl(url)).toThrow();
  else expect(parseStoreUrl(url).tls).toBe(tls);
});

test.each([
  [`${FAR}?sslmode=disable`, 'sslmode=disable'],
  [`${FAR}?sslmode=no-verify`, 'sslmode=no-verify'],
  [`${FAR}?sslmode=prefer`, 'sslmode=prefer'],
  [`${FAR}?sslmode=sometimes`, 'sslmode=sometimes'],
  [`${FAR}?sslrootcert=/ca.pem`, 'NODE_EXTRA_CA_CERTS'],
  ['postgres://me:hunter2secret@127.0.0.1/db', 'COUNTERMAND_STORE_PASSWORD'],
  [`${HERE}?password=hunter2secret`, 'COUNTERMAND_STORE_PASSWORD'],
  ['postgres://127.0.0.1/db', 'user'],
  ['postgres://me@127.0.0.1', 'database'],
  ['postgres://me@127.0.0.1/%ff', '%25'],
  ['mysql://me:hunter2secret@127.0.0.1/db', 'postgres://'],
  ['ledgers', 'postgres://'],
])('%s is refused before anything is connected to', async (url, words) => {
  const error = await openDatabase(url, { env: {}, log: silentLog }).catch((thrown: unknown) => thrown);
  expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(words) });
  expect(String(error)).not.toContain('hunter2secret');
});

test.each([
  ['127.0.0.1:5432:db:me:right', 'right'],
  ['*:*:*:*:right', 'right'],
  ['# 127.0.0.1:5432:db:me:wrong\n127.0.0.1:5432:db:you:wrong\n\n*:5432:*:me:right\n*:*:*:*:later', 'right'],
  ['127.0.0.1:5432:db:me:ri\\:g\\\\ht', 'ri:g\\ht'],
  ['127.0.0.1:6432:db:me:wrong', undefined],
  ['127.0.0.1:5432:db:me', undefined],
  ['', undefined],
])('the password file %j holds for a place the password %s', (text, password) => {
  expect(passwordIn(text, parseStoreUrl(HERE))).toBe(password);
  expect(passwordIn('localhost:*:db:me:right', parseStoreUrl('postgres://me@localhost/db?host=/run'))).toBe('right');
});

test.each([
  ['08P01', 'unsupported startup parameter: statement_timeout', 2, 'ignore_startup_parameters'],
  ['08P01', 'server login has been failing, try again later (server_login_retry)', 6, 'Wait until it is back'],
  ['08P01', 'server conn crashed?', 6, 'Wait until it is back'],
])('what PgBouncer says (%s %s) is exit %i, with what to do', (code, message, exitCode, words) => {
  const error = storeTrouble(Object.assign(new Error(message), { code }), 'postgres://me@127.0.0.1/db');
  expect(error).toMatchObject({ exitCode, message: expect.stringContaining(words) });
});

test('a password of the password file is used where the environment has none', async () => {
  await using made = await openTestDatabase();
  const { host, port } = made.server;
  const { COUNTERMAND_STORE_PASSWORD: password } = made.passwordOf(made.url);
  const passwordFile = `${host}:${port}:*:test_worker:${password}`;
  await using database = await openDatabase(made.url, { env: {}, passwordFile, log: silentLog });
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('a wrong password, a missing database and a missing right are exit 2, and nothing shows the password', async () => {
  await using made = await openTestDatabase();
  const { host, port } = made.server;
  const env = { COUNTERMAND_STORE_PASSWORD: 'a wrong one of 2026' };
  for (const [url, given] of [
    [made.url, env],
    [`postgres://test_worker@${host}:${port}/none`, made.passwordOf(made.url)],
  ] as const) {
    await using database = await openDatabase(url, { env: given, log: silentLog });
    const error = await database.query('select 1').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ exitCode: 2, message: expect.stringContaining(database.where) });
    expect(JSON.stringify(error) + String(error)).not.toContain(given.COUNTERMAND_STORE_PASSWORD);
  }
  const worker = await made.connect();
  await expect(worker.query('create schema mine')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('countermand_worker'),
  });
});

test.each([
  'plain',
  'é \u{1f600} \uFFFD',
  Buffer.from([0x61, 0xff, 0xe2, 0x82, 0x62]),
  Buffer.from([0xf0, 0x9f, 0x92]),
  Buffer.alloc(3),
])('bytes come as they are, whether they are text or not: %j', async (given) => {
  await using made = await openTestDatabase();
  const database = await made.connect();
  const sent = Buffer.from(given as string);
  expect(await database.bytes('select $1::bytea from generate_series(1, 2)', [sent])).toEqual([sent, sent]);
  expect(await database.bytes('select $1::bytea where false', [sent])).toEqual([]);
  await expect(database.bytes('select $1::bytea from nowhere', [sent])).rejects.toMatchObject({ exitCode: 2 });
});

test('a statement that takes too long is exit 6, and the next one is answered', async () => {
  await using made = await openTestDatabase();
  const { url } = made;
  const env = made.passwordOf(url);
  await using database = await openDatabase(url, { env, log: silentLog, statementTimeoutMs: 50 });
  await expect(database.query('select pg_sleep(60)')).rejects.toMatchObject({ exitCode: 6 });
  await expect(database.transaction((session) => session.query('select pg_sleep(60)'))).rejects.toMatchObject({
    exitCode: 6,
  });
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
});

test('a server that is gone is exit 6, and once it is back the same connections serve again', async () => {
  await using server = await startPostgres();
  await using made = await makeTestDatabase(server);
  const said: string[] = [];
  const log = pino({ level: 'trace' }, { write: (line) => said.push(line) });
  await using database = await openDatabase(made.adminUrl, { env: made.passwordOf(made.adminUrl), log });
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  const cut = database.transaction((session) => session.query('select pg_sleep(60)'));
  const ended = expect(cut).rejects.toMatchObject({ exitCode: 6 });
  await server.crash();
  await ended;
  await expect(database.query('select 1')).rejects.toMatchObject({ exitCode: 6 });
  await server.restart();
  expect(await database.query('select 1 as one')).toEqual([{ one: 1 }]);
  // And one that breaks while nobody uses it is told, but not what it was opened with.
  await server.crash();
  while (said.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  expect(said.join('')).toContain('a connection to postgres://');
  for (const secret of [server.password, '"client"', 'connectionParameters'])
    expect(said.join('')).not.toContain(secret);
  await server.restart();
});

test('a server of an unknown authority, for another host, or without TLS is exit 2; a known one is spoken to', async () => {
  await using plain = await openTestDatabase();
  await using asked = await openDatabase(`${plain.url}?sslmode=require`, {
    env: plain.passwordOf(plain.url),
    log: silentLog,
  });
  await expect(asked.query('select 1')).rejects.toMatchObject({
    exitCode: 2,
    message: expect.stringContaining('does not speak TLS'),
  });

  const folder = await mkdtemp(join(tmpdir(), 'countermand-tls-'));
  try {
    await chmod(folder, 0o755);
    const good = await makeServerCertificate(folder);
    const other = await makeServerCertificate(folder, 'other', [{ type: 'dns', value: 'db.example.com' }]);
    for (const [{ caFile, keyFile, certFile }, withCa] of [
      // Let in, it is told that there is no schema.
      [good, 'countermand store init'],
      [other, 'another host'],
    ] as const) {
      await giveToServer(keyFile);
      const flags = ['ssl=on', `ssl_key_file=${keyFile}`, `ssl_cert_file=${certFile}`];
      await using server = await startPostgres(flags.flatMap((flag) => ['-c', flag]));
      const url = `postgres://${server.user}@${server.host}:${server.port}/postgres?sslmode=verify-full`;
      const ask = (env: Record<string, string>) =>
        startCommand(['status', '--store', url], {
          cwd: folder,
          env: { COUNTERMAND_STORE_PASSWORD: server.password, ...env },
        }).ended;
      const unknown = await ask({});
      expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('is not trusted') });
      const known = await ask({ NODE_EXTRA_CA_CERTS: caFile });
      expect(known).toMatchObject({ code: 2, stderr: expect.stringContaining(withCa) });
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

/** It keeps to a key that nobody else can read, and does not run as root. */
async function giveToServer(keyFile: string): Promise<void> {
  await chmod(keyFile, 0o600);
  if (process.getuid?.() !== 0) return;
  const { stdout } = await promisify(execFile)('id', ['-u', 'postgres']);
  await chown(keyFile, Number(stdout), 0);
}
