import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { COMMENT, ids, open, openHarness } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';

/* As many runs as a provider has at once. Few beside the other suites; before a release 500 on four workers, and 200 in one. */

const PLACED = Number(process.env['COUNTERMAND_PLACED'] ?? 80);
const HOSTED = Number(process.env['COUNTERMAND_HOSTED'] ?? 40);
const WORKERS = 4;
/** What is promised is measured on a machine of its own. */
const SLOWER = 2;
const PLACED_WITHIN_MS = 5000;
const LONG = { timeoutMs: 600_000 };

async function filesFor(work: { file(name: string, lines: string[]): Promise<string> }, runs: number, each: number) {
  const files = Array.from({ length: runs }, (_, n) => `run-${n}.csv`);
  for (const [n, name] of files.entries()) await work.file(name, ['id', ...ids(each, 1 + n * each)]);
  return files;
}

async function active(database: TestDatabase): Promise<number> {
  const [row] = await database.sql("select count(*)::int as n from countermand_queue.job where state = 'active'");
  return Number(row?.['n']);
}

test('runs that were submitted are placed on workers within seconds', async () => {
  await using database = await openTestDatabase();
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  // Each has its place for as long as this lasts: nothing comes back in that time.
  await using work = await openHarness({ actions: open(PLACED), env });
  work.sandbox.latencyMs = 60_000;
  const files = await filesFor(work, PLACED, 1);
  const submitted = await work.run(['submit', ...files, ...COMMENT, '--yes'], LONG);
  expect(submitted.code, submitted.stderr).toBe(0);
  const places = String(Math.ceil(PLACED / WORKERS));
  const workers = Array.from({ length: WORKERS }, () => work.start(['worker', '--places', places], LONG));
  await Promise.all(workers.map((worker) => worker.says('this worker takes runs')));
  const fromMs = performance.now();
  while ((await active(database)) < PLACED) await sleep(100);
  const tookMs = performance.now() - fromMs;
  console.info(`${PLACED} runs were placed on ${WORKERS} workers in ${(tookMs / 1000).toFixed(1)} s`);
  expect(tookMs).toBeLessThan(PLACED_WITHIN_MS * SLOWER);
  for (const worker of workers) worker.kill('SIGTERM');
  for (const worker of workers) expect((await worker.ended).code).toBe(0);
});

interface Used {
  memoryMb: number;
  cpuMs: number;
}

/** What a process has used so far, by the kernel's own count. */
async function usedBy(pid: number): Promise<Used> {
  const [status, stat] = await Promise.all([
    readFile(`/proc/${pid}/status`, 'utf8'),
    readFile(`/proc/${pid}/stat`, 'utf8'),
  ]);
  const [user = 0, system = 0] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .slice(11, 13)
    .map(Number);
  // A tick is 10 ms, whatever the kernel's own clock does.
  return { memoryMb: Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024, cpuMs: (user + system) * 10 };
}

test('one worker hosts many runs at once, and carries each of them out', async () => {
  const each = 20;
  await using database = await openTestDatabase();
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  await using work = await openHarness({ actions: open(HOSTED * each), env, windows: `${HOSTED}/1s` });
  const files = await filesFor(work, HOSTED, each);
  await using worker = work.start(['worker', '--places', String(HOSTED)], LONG);
  await worker.says('this worker takes runs');
  const pid = worker.child.pid ?? 0;
  const idle = await usedBy(pid);
  const waiting = await work.run(['submit', ...files, ...COMMENT, '--yes', '--wait'], LONG);
  expect(waiting.code, waiting.stderr).toBe(0);
  const done = await usedBy(pid);
  const calls = work.sandbox.log.entries.length;
  console.info(
    `${HOSTED} runs in one worker: ${Math.round(done.memoryMb)} MB at most (${Math.round(idle.memoryMb)} MB before them), ` +
      `${((done.cpuMs - idle.cpuMs) / calls).toFixed(1)} ms of CPU a call, ${calls} calls`,
  );
  const effects = work.sandbox.log.entries.filter(({ effect }) => effect).flatMap((entry) => entry.ids);
  expect([...effects].sort()).toEqual(ids(HOSTED * each));
  expect(work.sandbox.log.entries.filter(({ overQuota }) => overQuota)).toEqual([]);
});
