import { execFileSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { expect, test } from 'vitest';
import { makeTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { startPostgres } from '../support/postgres-server.ts';
import { mountTmpfs } from './mounts.ts';
import { need } from './needs.ts';
import {
  endLease,
  expectOrderlyStoreEnd,
  expectWhole,
  goOnInStore,
  openOwnStoreWork,
  outcomeOf,
  type StoreWorkOptions,
  startInStore,
} from './store-work.ts';

/* What is done to a database while runs are in it: its clock is set, its disk fills up, and a newer program sets it up. */

const workOf = (options: StoreWorkOptions = {}, given?: TestDatabase) =>
  openOwnStoreWork({ windows: '20/1s', ...options }, given);

test.concurrent.for([3_600_000, 30_000, -4000])(
  'two runs of a sender whose database sets its clock by %i ms go on, and the server has nothing to refuse',
  async (byMs) => {
    await using work = await workOf({ count: 120, windows: '20/2s' });
    const { log } = work.sandbox;
    const halves = [work.ids.slice(0, 60), work.ids.slice(60)] as const;
    for (const [index, half] of halves.entries()) await work.file(`half-${index}.txt`, half);
    await using first = work.start(await goOnInStore(work, 'half-0'), { timeoutMs: 250_000 });
    await using second = work.start(await goOnInStore(work, 'half-1'), { timeoutMs: 250_000 });
    const done = (half: readonly string[]) => half.filter((id) => log.effects(id) > 0).length;
    // Each has looked at the clock by then.
    await log.until(() => halves.every((half) => done(half) >= 8));
    await work.database.shiftClock(byMs);
    const ends = await Promise.all([first.ended, second.ended]);
    expect(ends.map(outcomeOf), ends.map(({ stderr }) => stderr).join('\n')).toEqual(
      Array(2).fill({ code: 0, signal: null }),
    );
    if (byMs > 0) expect(ends.map(({ stderr }) => stderr).join('\n')).toContain('clock has jumped ahead');
    for (const [index, half] of halves.entries()) await expectWhole(work, { run: `half-${index}`, ids: half });
  },
);

test.concurrent('a clock set ahead ends the lease of a run that lives: whoever takes it over is alone, and nothing is done twice', async () => {
  // Who comes after the jump cannot see it, and may call too early (docs/design.md): the windows are wider than what the two can send.
  await using work = await workOf({ count: 400, windows: '200/1s' });
  work.sandbox.latencyMs = 60;
  const { log } = work.sandbox;
  await using living = await startInStore(work);
  await log.until(() => log.effective().length >= 8);
  // It stands still for that moment: what it writes between the jump and its successor's question would renew the lease.
  const jumped = new Promise<number>((resolve, reject) => {
    work.proxy.meet('run_hold', 'before', async () => {
      living.kill('SIGSTOP');
      await work.database.shiftClock(3_600_000).catch(reject);
      resolve(log.count());
    });
  });
  await using successor = work.start(['resume', 'many', '--yes', '--concurrency', '4'], { timeoutMs: 250_000 });
  const before = await jumped;
  // More than the one that stands still had in flight.
  await log.until(() => log.count() > before + 8);
  living.kill('SIGCONT');
  const [end, next] = await Promise.all([living.ended, successor.ended]);
  expect(outcomeOf(end), end.stderr).toEqual({ code: 11, signal: null });
  expect(end.stderr).toContain('was taken over');
  expect(outcomeOf(next), next.stderr).toEqual({ code: 0, signal: null });
  await expectWhole(work);
});

test.concurrent('a tablespace that fills up stops all sending; with room again the run is gone on with', async (context) => {
  need(context, 'root', 'mounts');
  const folder = await mkdtemp(join(tmpdir(), 'countermand-tablespace-'));
  execFileSync('chmod', ['755', folder]);
  const place = join(folder, 'space');
  using disk = mountTmpfs(place, '32m');
  execFileSync('chown', ['postgres', disk.folder]);
  {
    await using server = await startPostgres();
    const database = await makeTestDatabase(server);
    const client = new pg.Client({ ...server, database: 'postgres', ssl: false });
    await client.connect();
    await client.query(`create tablespace small location '${place}'`);
    await client.query(`alter database ${new URL(database.url).pathname.slice(1)} set tablespace small`);
    await client.end();

    await using work = await workOf({ count: 300, windows: '1000/1s' }, database);
    const { log } = work.sandbox;
    await using command = await startInStore(work);
    await log.until(() => log.effective().length >= 8);
    fill(join(place, 'filler'));
    const end = await command.ended;
    expect(outcomeOf(end), end.stderr).toEqual({ code: 6, signal: null });
    expect(end.stderr).toMatch(/No space left on device/);
    expect(log.count('cancel')).toBeLessThan(work.ids.length);
    const sent = log.count();
    await endLease(work);
    const again = await work.run(['resume', 'many', '--yes']);
    expect(again.code, again.stderr).toBe(6);
    expect(log.count()).toBeLessThanOrEqual(sent + 16);
    await rm(join(place, 'filler'));
    await endLease(work);
    await expectOrderlyStoreEnd(work);
  }
});

/** Takes all room that is left. */
function fill(path: string): void {
  try {
    execFileSync('dd', ['if=/dev/zero', `of=${path}`, 'bs=4096'], { stdio: 'ignore' });
  } catch {
    // Until there is none.
  }
}

test.concurrent('a database that is set up by a newer version under a run lets that run end, and no other begin', async () => {
  await using work = await workOf({ count: 60 });
  const { log } = work.sandbox;
  await using command = await startInStore(work);
  await log.until(() => log.effective().length >= 8);
  // As an additive migration does it.
  await work.database.sql(`set role countermand_owner;
    set search_path = countermand;
    alter table run add column of_later text, add column and_later int not null default 0;
    alter table ledger_chunk add column of_later text;
    alter table quota_call add column of_later text;
    alter table quota_scope add column of_later text;
    insert into schema_version (version, name) values (99, 'of a later release')`);
  const other = await work.run(['plan', 'many.txt', ...['--ledger', 'other']]);
  expect(other.code, other.stderr).toBe(2);
  expect(other.stderr).toContain('version 99 of the schema');
  const end = await command.ended;
  expect(outcomeOf(end), end.stderr).toEqual({ code: 0, signal: null });
  const resumed = await work.run(['resume', 'many', '--yes']);
  expect(resumed.code, resumed.stderr).toBe(2);
  await work.database.sql('delete from countermand.schema_version where version = 99');
  await expectWhole(work);
});
