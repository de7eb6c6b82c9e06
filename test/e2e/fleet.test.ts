import { expect, test } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { COMMENT, type Harness, type HarnessOptions, ids, open, openHarness, outcomesOf } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { portOf } from '../support/worker-port.ts';

/** A local Defender with open actions, and commands that keep their runs in this database. */
async function workAt(database: TestDatabase, count: number, more: HarnessOptions = {}): Promise<Harness> {
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url), ...more.env };
  return await openHarness({ actions: open(count), ...more, env });
}

async function startWorker(work: Harness, ...args: readonly string[]): Promise<RunningCommand> {
  const worker = work.start(['worker', ...args], { timeoutMs: 120_000 });
  await worker.says('this worker takes runs');
  return worker;
}

const WAIT = { timeoutMs: 60_000 };

test('what is submitted is carried out by a worker, which names run and tenant on every line of it and ends by SIGTERM', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 6);
  await work.file('ids.csv', ['id', ...ids(3)]);
  await work.file('more.csv', ['id', ...ids(3, 4)]);
  const early = await work.run(['submit', 'ids.csv', ...COMMENT]);
  expect(early).toMatchObject({ code: 2 });
  expect(early.stderr).toContain('--yes');
  await work.run(['plan', 'more.csv', ...COMMENT]);
  const tenant = work.env['AZURE_TENANT_ID'];

  const first = await work.run(['submit', 'ids.csv', ...COMMENT, '--yes']);
  expect(first).toMatchObject({ code: 0, stdout: 'ids is submitted.\n' });
  const waiting = work.start(['submit', 'ids.csv', 'run:more.plan', ...COMMENT, '--yes', '--wait'], WAIT);
  await waiting.says('ids is in the queue already.\nmore.plan is submitted.\n');
  const worker = await startWorker(work);
  const waited = await waiting.ended;
  expect(waited).toMatchObject({ code: 0 });
  expect(waited.stdout).toContain('ids: exit 0');
  for (const [run, from] of [
    ['ids', 1],
    ['more.plan', 4],
  ] as const) {
    await work.run(['store', 'export', run, '--out', 'out']);
    const outcomes = outcomesOf(await work.records(`out/${run}.jsonl`));
    expect([...outcomes]).toEqual(ids(3, from).map((id) => [id, 'cancelled']));
  }
  worker.kill('SIGTERM');
  const { code, stderr, stdout } = await worker.ended;
  expect({ code, stdout }).toEqual({ code: 0, stdout: '' });
  const lines = stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));
  const ofRuns = lines.filter(({ name }) => name !== undefined);
  expect(new Set(ofRuns.map((line) => `${line.name} ${line.tenant}`))).toEqual(
    new Set([`ids ${tenant}`, `more.plan ${tenant}`]),
  );
  expect(ofRuns.filter(({ msg }) => msg === 'left')).toMatchObject([{ exitCode: 0 }, { exitCode: 0 }]);
});

test('a refused sign-in and a run that ends its workers are dead letters, told with reason and remedy, and are taken up again', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 6);
  for (const [name, from] of [
    ['refused', 1],
    ['poison', 3],
    ['good', 5],
  ] as const) {
    await work.file(`${name}.csv`, ['id', ...ids(2, from)]);
    await work.run(['submit', `${name}.csv`, ...COMMENT, '--yes']);
  }
  // As five workers leave it, one after the other.
  const poison = "name = 'run' and singleton_key = 'poison'";
  await database.sql(
    `update countermand_queue.job set retry_count = 4, started_on = now(), state = 'retry' where ${poison}`,
  );
  const others = { env: work.sandbox.environment({ roles: ['Machine.Read.All'] }) };
  const refusing = work.start(['worker'], { ...others, timeoutMs: 120_000 });
  const boards = async () => JSON.parse((await work.run(['status', '--json'], WAIT)).stdout);
  await expect
    .poll(async () => (await boards()).runs.map(({ state }: { state: string }) => state), { timeout: 60_000 })
    .toEqual(['dead-letter', 'dead-letter', 'dead-letter']);
  refusing.kill('SIGTERM');
  await refusing.ended;
  const status = await work.run(['status'], WAIT);
  expect(status.code).toBe(3);
  expect(status.stdout).toContain('exit 4: the token has none of the permissions');
  expect(status.stdout).toContain('5 workers in a row were lost');
  expect(status.stdout).toContain('countermand submit --again refused');
  const plain = await work.run(['submit', 'run:refused', '--yes'], WAIT);
  expect(plain).toMatchObject({ code: 2 });
  expect(plain.stderr).toContain('submit --again refused');
  const store = ['--store', `${database.url}?sslmode=prefer`];
  const nobody = await work.run(['submit', '--again', 'nobody', ...store], WAIT);
  expect(nobody).toMatchObject({ code: 2 });
  expect(nobody.stderr).toContain(`countermand status --store '${store[1]}'`);

  await using _worker = await startWorker(work);
  const again = ['good', 'poison', 'refused'].flatMap((name) => ['--again', name]);
  expect(await work.run(['submit', ...again, '--wait'], WAIT)).toMatchObject({ code: 0 });
  const after = await work.run(['status', '--json'], WAIT);
  expect(after.code).toBe(0);
  expect(JSON.parse(after.stdout)).toMatchObject({
    workers: [{ places: 16 }],
    runs: [{ state: 'finished' }, { name: 'poison', state: 'finished', takeovers: 0 }, { state: 'finished' }],
  });
});

test('a run that a worker has is seen with it, is stopped from anywhere, and is not taken again until it is submitted', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 30);
  await work.file('ids.csv', ['id', ...ids(30)]);
  await work.run(['submit', 'ids.csv', ...COMMENT, '--yes', '--concurrency', '4']);
  const waiting = await work.run(['status'], WAIT);
  expect(waiting.stdout).toMatch(/no workers[\s\S]*ids +waiting/);
  work.sandbox.latencyMs = 400;
  const worker = await startWorker(work, '--places', '2');
  await work.sandbox.log.until((log) => log.entries.filter(({ route }) => route === 'cancel').length > 4);
  const status = JSON.parse((await work.run(['status', '--json'], WAIT)).stdout);
  expect(status.runs).toMatchObject([{ name: 'ids', state: 'running', worker: { pid: worker.child.pid } }]);
  const stopped = await work.run(['stop', 'ids'], WAIT);
  expect(stopped.stdout).toContain(`process ${worker.child.pid}`);
  await worker.says('"msg":"left"');
  work.sandbox.latencyMs = 0;
  const look = async () => JSON.parse((await work.run(['status', '--json'], WAIT)).stdout);
  let after = await look();
  // A worker says every two seconds that it is there, and how many runs it has.
  for (let n = 0; n < 30 && after.workers[0]?.busy !== 0; n++) after = await look();
  expect(after.runs).toMatchObject([{ state: 'interrupted', holder: null, worker: null }]);
  expect(after.workers).toMatchObject([{ places: 2 }]);
  const again = await work.run(['submit', 'run:ids', '--wait'], WAIT);
  expect(again).toMatchObject({ code: 0 });
  const sent = work.sandbox.log.entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect([...sent].sort()).toEqual(ids(30));
});

test('a worker with a port says whether it takes runs, and counts for Prometheus what its runs do', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 4);
  await work.file('ids.csv', ['id', ...ids(4)]);
  await work.run(['submit', 'ids.csv', ...COMMENT, '--yes']);
  const worker = await startWorker(work, '--port', '0', '--places', '3');
  const port = portOf(worker);
  expect(await port.ask('/livez')).toMatchObject({ status: 200, text: 'alive\n' });
  await port.untilReady();
  expect(await port.ask('/readyz', 'HEAD')).toMatchObject({ status: 200, text: '' });
  expect(await port.ask('/else')).toMatchObject({ status: 404 });
  expect(await port.ask('/metrics', 'POST')).toMatchObject({ status: 405 });
  await worker.says('"left"');

  const samples = await port.metrics();
  const of = (name: string, labels = '') => samples.get(`countermand_${name}${labels}`);
  expect(of('worker_places')).toBe(3);
  expect(of('worker_places_busy')).toBe(0);
  expect(of('worker_store_up')).toBe(1);
  expect(of('worker_calls_total', '{route="cancel"}')).toBe(4);
  expect(of('worker_answers_total', '{answer="200"}')).toBeGreaterThanOrEqual(4);
  expect(of('worker_runs_left_total', '{exit_code="0",next="done"}')).toBe(1);
  expect(of('queue_runs', '{state="waiting"}')).toBeDefined();
  // Gauges of a run last as long as its session.
  expect([...samples.keys()].filter((name) => name.includes('worker_run_'))).toEqual([]);

  const taken = await work.run(['worker', '--port', String(port.number)]);
  expect(taken).toMatchObject({ code: 2 });
  expect(taken.stderr).toContain(`the worker cannot listen on port ${port.number}: another program listens there`);
  const wrong = await work.run(['worker', '--port', 'http']);
  expect(wrong).toMatchObject({ code: 2 });
  expect(wrong.stderr).toContain('--port must be a port from 0 to 65535, not "http"');
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});

test('a run that is at work shows on its worker what is left, its pause, its lease and its quota', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 3, { windows: '2/1h' });
  await work.file('ids.csv', ['id', ...ids(3)]);
  await work.run(['submit', 'ids.csv', ...COMMENT, '--yes', '--screen', 'never']);
  const worker = await startWorker(work, '--port', '0', '--quota', '2/1h');
  const port = portOf(worker);
  const about = `run="ids",tenant="${work.env['AZURE_TENANT_ID']}"`;
  let samples = await port.metrics();
  while (samples.get('countermand_worker_answers_total{answer="200"}') !== 2) samples = await port.metrics();
  // Two are accepted, and nobody has seen them end.
  expect(samples.get(`countermand_worker_run_actions_left{${about}}`)).toBe(3);
  expect(samples.get(`countermand_worker_run_quota_calls_left{${about},window="2/1h"}`)).toBe(0);
  expect(samples.get(`countermand_worker_run_pause_seconds{${about}}`)).toBe(0);
  expect(samples.get(`countermand_worker_run_lease_age_seconds{${about}}`)).toBeLessThan(10);
  expect(samples.get('countermand_worker_places_busy')).toBe(1);
  worker.kill('SIGTERM');
  expect((await worker.ended).code).toBe(0);
});
