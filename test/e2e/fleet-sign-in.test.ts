import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { startAuthority } from '../support/authority.ts';
import { makeClientCertificate } from '../support/certificates.ts';
import { COMMENT, ids, outcomesOf } from '../support/harness.ts';
import { openTestDatabase } from '../support/postgres.ts';
import { leaksIn, openSignInHarness } from '../support/sign-in-harness.ts';

const tenant = (n: number) => `${n}0000000-aaaa-4bbb-8ccc-000000000000`;
const application = (n: number) => `${n}0000000-dddd-4eee-8fff-000000000000`;
const WAIT = { timeoutMs: 60_000 };

/** The provider's application, which customers have taken in; and those of customers with their own. */
const PROVIDER = application(9);
const SECRET = 'a-secret.of~one+customer';
const WRONG = 'a-secret.of~nobody+at-all';

test('a worker signs each tenant in as the application that is its own, else as the provider’s, and of four that cannot be worked on each is its own tenant’s trouble', async () => {
  await using authority = await startAuthority();
  const provider = await makeClientCertificate(authority.dir, 'provider');
  const customer = await makeClientCertificate(authority.dir, 'customer');
  for (const { certFile } of [provider, customer]) authority.register(await readFile(certFile, 'utf8'));
  for (const n of [1, 2, 6, 7, 8]) authority.tenants.set(tenant(n), new Map([[PROVIDER, undefined]]));
  authority.tenants.set(tenant(3), new Map([[application(3), undefined]]));
  authority.tenants.set(tenant(4), new Map([[application(4), SECRET]]));
  authority.tenants.set(tenant(5), new Map([[application(5), SECRET]]));
  authority.secrets.add(SECRET).add(WRONG);

  const folder = join(authority.dir, 'customers');
  await mkdir(folder);
  const pem = `${await readFile(customer.certFile, 'utf8')}${await readFile(customer.keyFile, 'utf8')}`;
  await writeFile(join(folder, `${tenant(3)}.pem`), pem, { mode: 0o600 });
  await writeFile(join(folder, `${tenant(4)}.secret`), `${SECRET}\n`, { mode: 0o600 });
  await writeFile(join(folder, `${tenant(5)}.secret`), `${WRONG}\n`, { mode: 0o600 });
  await writeFile(join(folder, 'tenant-six.txt'), 'x\n', { mode: 0o600 });

  await using database = await openTestDatabase();
  await using work = await openSignInHarness(authority, {
    count: 16,
    env: {
      ...{ COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) },
      ...{ AZURE_TENANT_ID: undefined, AZURE_CLIENT_ID: undefined },
    },
  });
  const isOwn = (n: number) => n >= 3 && n <= 5;
  for (const n of [1, 2, 3, 4, 5, 6, 7, 8]) {
    // Nobody knows those of the sixth: a list of something else, which a guard stops.
    await work.file(`t${n}.csv`, ['id', ...(n === 6 ? ids(25, 1000) : ids(2, 2 * n - 1))]);
    const who = ['--tenant', tenant(n), '--client-id', isOwn(n) ? application(n) : PROVIDER];
    const submitted = await work.run(['submit', `t${n}.csv`, ...who, ...COMMENT, '--yes']);
    expect(submitted.code, submitted.stderr).toBe(0);
  }
  // The seventh's ledger is damaged, and the eighth has ended four workers already.
  const damage = `update countermand.ledger_chunk set lines = set_byte(lines, 100, get_byte(lines, 100) # 1)
    where first_byte = 0 and run = (select run from countermand.run where name = 't7')`;
  await database.sql(damage);
  await database.sql(
    "update countermand_queue.job set retry_count = 4, started_on = now(), state = 'retry' where name = 'run' and singleton_key = 't8'",
  );
  const env = {
    AZURE_CLIENT_CERTIFICATE_PATH: provider.certFile,
    AZURE_CLIENT_CERTIFICATE_KEY_PATH: provider.keyFile,
    AZURE_CLIENT_ID: PROVIDER,
  };
  const flags = ['--credentials', folder, '--log-level', 'trace'];
  const worker = work.start(['worker', ...flags], { env, timeoutMs: 120_000 });
  const names = [1, 2, 3, 4, 5, 6, 7, 8].map((n) => `t${n}`);
  await expect
    .poll(async () => JSON.parse((await work.run(['status', '--json'], WAIT)).stdout).runs, { timeout: 60_000 })
    .toMatchObject(names.map((name, n) => ({ name, state: n < 4 ? 'finished' : 'dead-letter' })));
  worker.kill('SIGTERM');
  const { code, stderr } = await worker.ended;
  expect(code).toBe(0);

  // Whom the authority was asked for, as whom, and with what.
  const asked = authority.requests.map(({ path, form, answered }) => ({
    tenant: path.split('/')[1],
    client: form['client_id'],
    by: form['client_secret'] ?? 'a certificate',
    answered,
  }));
  const of = (n: number, client: string, by: string, answered = 200) => ({ tenant: tenant(n), client, by, answered });
  expect([...new Set(asked.map((each) => JSON.stringify(each)))].sort()).toEqual(
    [
      of(1, PROVIDER, 'a certificate'),
      of(2, PROVIDER, 'a certificate'),
      of(3, application(3), 'a certificate'),
      of(4, application(4), SECRET),
      of(5, application(5), WRONG, 401),
      of(6, PROVIDER, 'a certificate'),
    ].map((each) => JSON.stringify(each)),
  );
  // And as whom Defender was called for which action.
  for (const { ids: called, route, tenant: as, client } of work.sandbox.log.entries) {
    if (route !== 'cancel') continue;
    const n = Math.ceil((ids(16).indexOf(called[0] ?? '') + 1) / 2);
    expect({ n, as, client }).toEqual({ n, as: tenant(n), client: isOwn(n) ? application(n) : PROVIDER });
  }
  for (const n of [1, 2, 3, 4]) {
    await work.run(['store', 'export', `t${n}`, '--out', 'out']);
    const outcomes = outcomesOf(await work.records(`out/t${n}.jsonl`));
    expect([...outcomes]).toEqual(ids(2, 2 * n - 1).map((id) => [id, 'cancelled']));
  }
  const status = await work.run(['status'], WAIT);
  expect(status.code).toBe(3);
  for (const words of ['exit 4: ', 'exit 5: Defender knows none of', 'exit 12: ', '5 workers in a row were lost']) {
    expect(status.stdout).toContain(words);
  }
  for (const n of [5, 6, 7, 8]) expect(status.stdout).toContain(`submit --again t${n}`);
  expect(stderr).toContain('tenant-six.txt');
  expect(leaksIn(`${stderr}${status.stdout}${status.stderr}`, authority.secrets)).toEqual([]);

  // Mended where it was wrong, and read anew.
  await database.sql(damage);
  await writeFile(join(folder, `${tenant(5)}.secret`), SECRET, { mode: 0o600 });
  await using _again = work.start(['worker', ...flags], { env, timeoutMs: 120_000 });
  expect(await work.run(['submit', '--again', 't5', '--again', 't7', '--again', 't8', '--wait'], WAIT)).toMatchObject({
    code: 0,
  });
});

test('a worker whose folder of credentials cannot be read does not start', async () => {
  await using authority = await startAuthority();
  await using database = await openTestDatabase();
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  await using work = await openSignInHarness(authority, { env });
  const ended = await work.run(['worker', '--credentials', 'nowhere'], WAIT);
  expect(ended).toMatchObject({ code: 2 });
  expect(ended.stderr).toMatch(/--credentials names no folder that can be read \(ENOENT\)/);
});
