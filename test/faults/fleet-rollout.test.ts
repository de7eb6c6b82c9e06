import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { openTestDatabase } from '../support/postgres.ts';
import { expectExact, LONG, openFleet, RUNS, until } from './fleet-work.ts';

const BUILT = fileURLToPath(new URL('../../dist', import.meta.url));
const FIRST_OF_NEWEST = '{version:2,name:`quota`,';
const LATER = '{version:3,name:`later`,sql:`alter table run add column of_later text not null default 1`},';

/** The command as a later release builds it, with one more migration, which only adds. */
async function laterBuild(): Promise<{ main: string } & AsyncDisposable> {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-later-'));
  await cp(BUILT, join(folder, 'dist'), { recursive: true });
  await cp(join(BUILT, '../package.json'), join(folder, 'package.json'));
  const store = join(folder, 'dist/postgres-store.js');
  const text = await readFile(store, 'utf8');
  expect(text.split(FIRST_OF_NEWEST)).toHaveLength(2);
  await writeFile(store, text.replace(FIRST_OF_NEWEST, `${LATER}${FIRST_OF_NEWEST}`));
  return {
    main: join(folder, 'dist/main.js'),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

test('a rollout loses no run: no worker migrates, the old ones go on and hand over to the new, an old one that starts late takes nothing', async () => {
  const perRun = 60;
  await using database = await openTestDatabase();
  await using later = await laterBuild();
  await using fleet = await openFleet(database, perRun);
  const { work } = fleet;
  const { main } = later;
  const old = await fleet.startWorker();
  // It has no run yet when the schema changes under it.
  const idle = await fleet.startWorker();
  const early = await work.run(['worker'], { ...LONG, main });
  expect(early.code, early.stderr).toBe(2);
  expect(early.stderr).toContain('needs version 3: run countermand store init');

  const { allEnded } = await fleet.submit();
  await until(() => fleet.cancels().length > 10);
  const admin = { COUNTERMAND_STORE: database.adminUrl, ...database.passwordOf(database.adminUrl) };
  const init = await work.run(['store', 'init'], { ...LONG, main, env: admin });
  expect(init.code, init.stderr).toBe(0);
  const before = fleet.cancels().length;
  await until(() => fleet.cancels().length > before + 5);

  const late = await work.run(['worker'], LONG);
  expect(late.code, late.stderr).toBe(2);
  expect(late.stderr).toContain('has version 3 of the schema, and this program needs version 2');
  const next = work.start(['worker', '--places', '4'], { ...LONG, main });
  await next.says('this worker takes runs');
  for (const worker of [old, idle]) worker.kill('SIGTERM');
  for (const worker of [old, idle]) expect(await worker.ended).toMatchObject({ code: 0 });
  await until(async () => {
    const holders = [...(await fleet.holders()).values()];
    return holders.length === RUNS && holders.every((pid) => pid === next.child.pid);
  });
  await allEnded;
  const board = JSON.parse((await work.run(['status', '--json'], { ...LONG, main })).stdout);
  expect(board.runs.map(({ state }: { state: string }) => state)).toEqual(Array(RUNS).fill('finished'));
  next.kill('SIGTERM');
  expect(await next.ended).toMatchObject({ code: 0 });
  // Read by this version: what a later one has added is none of its business.
  await database.sql('delete from countermand.schema_version where version = 3');
  await expectExact(fleet, perRun);
});
