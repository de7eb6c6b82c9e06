import { expect, test } from 'vitest';
import { COMMENT, ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase } from '../support/postgres.ts';

const MANY = 20_001;
const SLOW_MS = 20_000;

test('a run of more than 20,000 actions waits until two places are free, is given back meanwhile, and then begins', async () => {
  await using database = await openTestDatabase();
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  await using work = await openHarness({ actions: open(2), env });
  await work.file('small.csv', ['id', ...ids(2)]);
  await work.file('heavy.csv', ['id', ...ids(MANY, 1000)]);
  work.sandbox.latencyMs = SLOW_MS;
  const worker = work.start(['worker', '--places', '2'], { timeoutMs: 180_000 });
  const submit = async (file: string) => {
    const said = await work.run(['submit', file, ...COMMENT, '--yes', '--max-actions', '30000'], { timeoutMs: 60_000 });
    expect(said).toMatchObject({ code: 0 });
  };
  await submit('small.csv');
  await worker.says(/"name":"small".*"msg":"started"/);
  await submit('heavy.csv');
  await worker.says(/"name":"heavy".*"weight":2,"free":1,"msg":"given back: it takes more places than are free here"/);
  expect(worker.stderr).not.toMatch(/"name":"heavy".*"msg":"started"/);
  await worker.says(/"name":"small".*"msg":"left"/);
  await worker.says(/"name":"heavy".*"msg":"started"/);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
  const [row] = await database.sql(
    "select data from countermand_queue.job where singleton_key = 'heavy' order by created_on desc limit 1",
  );
  expect(row?.['data']).toMatchObject({ actions: MANY, takeovers: 0 });
  expect(row?.['data']).not.toHaveProperty('handedBack');
});
