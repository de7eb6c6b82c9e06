import { expect, test } from 'vitest';
import { COMMENT, documentOf, type Harness, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';
import { makeEmptyDatabase, openTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { openTerminal } from './terminal.ts';

/** A local Defender with open actions, and commands that keep their runs in this database. */
async function workAt(database: TestDatabase, count: number): Promise<Harness> {
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  return await openHarness({ actions: open(count), env });
}

test('a database is set up, and a plan in it is started by its name, reported, verified and shown', async () => {
  await using database = await makeEmptyDatabase();
  const admin = { COUNTERMAND_STORE: database.adminUrl, ...database.passwordOf(database.adminUrl) };
  await using work = await openHarness({ actions: open(5), env: admin });
  await work.file('ids.csv', ['id', ...ids(5)]);
  const early = await work.run(['plan', 'ids.csv']);
  expect(early.code).toBe(2);
  expect(early.stderr).toContain('countermand store init');

  expect((await work.run(['store', 'init'])).stdout).toContain('is set up.');
  expect((await work.run(['store', 'init'])).stdout).toContain('was set up already');
  const planned = documentOf((await work.run(['plan', 'ids.csv', ...COMMENT, '--json'])).stdout);
  expect(planned).toMatchObject({ ledger: 'ids.plan', exitCode: 0 });
  const status = await work.run(['status']);
  expect(status).toMatchObject({ code: 0 });
  expect(status.stdout).toContain('ids.plan');
  expect(status.stdout).toContain('countermand run run:ids.plan');

  const run = await work.run(['run', 'run:ids.plan', '--head', planned.head, '--yes', '--json']);
  expect(run.code).toBe(0);
  expect(documentOf(run.stdout)).toMatchObject({ run: planned.run, ledger: 'ids.plan', counts: { cancelled: 5 } });
  const { head } = documentOf(run.stdout);
  expect((await work.run(['verify', 'ids.plan', '--offline', '--head', head])).code).toBe(0);
  expect((await work.run(['report', 'run:ids.plan'])).stdout).toContain('5');
  expect((await work.run(['resume', 'ids.plan'])).code).toBe(0);
  expect((await work.run(['resume', 'none'])).code).toBe(2);
  expect(await work.ledgers()).toEqual([]);
});

test('what shows runs writes nothing', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 5);
  await work.file('ids.csv', ['id', ...ids(5)]);
  expect((await work.run(['plan', 'ids.csv', ...COMMENT])).code).toBe(0);
  // Nobody has sent since the store forgot it.
  await database.sql(
    'delete from countermand.quota_call; delete from countermand.quota_session; delete from countermand.quota_scope',
  );
  const name = new URL(database.url).pathname.slice(1);
  await database.sql(`alter role test_worker in database ${name} set default_transaction_read_only = on`);
  for (const args of [['status'], ['status', '--json'], ['report', 'ids.plan'], ['verify', 'ids.plan', '--offline']]) {
    const shown = await work.run([...args, '--log-level', 'debug']);
    expect(shown.code, shown.stderr).toBe(0);
    expect(shown.stderr).not.toContain('read-only');
  }
  expect(await database.sql('select from countermand.quota_scope')).toEqual([]);
});

test('where a flag names the store, whatever is printed to go on with names it too, and runs as it stands', async () => {
  await using database = await openTestDatabase();
  const password = database.passwordOf(database.url);
  await using work = await openHarness({ actions: open(9), env: password });
  const flag = ['--store', `${database.url}?sslmode=prefer`];
  const named = ` --store '${flag[1]}'`;
  await work.file('a b.csv', ['id', ...ids(3)]);
  await work.file('c.csv', ['id', ...ids(3, 4)]);
  await work.file('d.csv', ['id', ...ids(3, 7)]);
  const said: string[] = [];
  const run = async (args: readonly string[]) => {
    const end = await work.run(args);
    said.push(end.stdout, end.stderr);
    return end;
  };
  const nextOf = ({ stdout }: { stdout: string }) => (JSON.parse(stdout) as { next: string }).next;
  const asItStands = async (line: string, more = '') => {
    expect(line).toContain(named);
    const end = await work.runShell(`env -u COUNTERMAND_QUOTA ${line}${more}`);
    said.push(end.stdout, end.stderr);
    return end;
  };

  const next = nextOf(await run(['plan', 'a b.csv', ...COMMENT, ...flag, '--json']));
  const text = await run(['report', 'a b.plan', ...flag, '--html', 'page.html', '--out', 'report']);
  const shownIn = async (page: string) =>
    (await work.read(page)).replaceAll('&#39;', "'").replaceAll(/<span class="flag">([^<]*)<\/span>/g, '$1');
  for (const shown of [text.stdout, await shownIn('page.html'), await shownIn('report/report.html')]) {
    expect(shown).toContain(next);
  }
  expect((await run(['status', ...flag])).stdout).toContain(next);
  expect(nextOf({ stdout: await work.read('report/summary.json') })).toBe(next);
  expect(await asItStands(next, ' --yes')).toMatchObject({ code: 0 });

  // Accepted, and its end was not waited for: it is to be verified, and there is something to see.
  const unconfirmed = await run(['run', 'c.csv', ...COMMENT, ...flag, '--yes', '--confirm-for', '0']);
  expect(unconfirmed).toMatchObject({ code: 3 });
  const lines = unconfirmed.stdout.split('\n').filter((line) => line.includes('  countermand '));
  expect(lines.map((line) => line.trim().split(' ')[1])).toEqual(['verify', 'report']);
  for (const line of lines.reverse()) expect((await asItStands(line)).code).not.toBe(2);

  await using terminal = openTerminal(`countermand run d.csv --comment x ${named}`, {
    cwd: work.folder,
    env: work.env,
  });
  await terminal.shows('[y/N]');
  terminal.types('n\n');
  expect(await terminal.ended).toBe(2);
  said.push(terminal.screen);
  const asksAgain = /`(countermand run run:d [^`]*)` asks again/.exec(terminal.screen.replace(/\s+/g, ' '))?.[1] ?? '';
  expect(await asItStands(asksAgain, ' --yes')).toMatchObject({ code: 0 });
  for (const output of said) expect(output).not.toContain(password.COUNTERMAND_STORE_PASSWORD);
});

test('a run begun in a folder goes on in the store and back, and its head is the same everywhere', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 4);
  await work.file('ids.csv', ['id', ...ids(4)]);
  const inFolder = { env: { COUNTERMAND_STORE: '' } };
  const first = await work.run(['run', 'ids.csv', ...COMMENT, '--yes', '--json', '--confirm-for', '0'], inFolder);
  const begun = documentOf(first.stdout);
  expect(await work.ledgers()).toEqual(['ids.jsonl']);
  const file = await work.read('ledgers/ids.jsonl');

  expect((await work.run(['store', 'import', 'ledgers/ids.jsonl'])).stdout).toContain('was imported');
  expect((await work.run(['store', 'import', 'ledgers/ids.jsonl'])).stdout).toContain('is the same already');
  expect((await work.run(['verify', 'ids', '--offline', '--head', begun.head])).code).toBe(0);
  expect((await work.run(['store', 'export', 'ids', '--out', 'out'])).code).toBe(0);
  expect(await work.read('out/ids.jsonl')).toBe(file);

  const verified = await work.run(['verify', 'ids', '--json']);
  expect(verified.code).toBe(0);
  const went = documentOf(verified.stdout);
  expect(went.head).not.toBe(begun.head);
  const old = await work.run(['store', 'import', 'ledgers/ids.jsonl']);
  expect(old).toMatchObject({ code: 2 });
  expect(old.stderr).toContain('went on');
  await work.file('x.jsonl.jsonl', file);
  expect(await work.run(['store', 'import', 'x.jsonl.jsonl'])).toMatchObject({
    code: 2,
    stderr: expect.stringContaining('No run is called x.jsonl'),
  });
  const there = await work.run(['store', 'export', 'ids', '--out', 'out']);
  expect(there).toMatchObject({ code: 2 });
  expect((await work.run(['store', 'export', 'run:ids', '--out', 'later'])).code).toBe(0);
  // What ends in .jsonl is a file, whatever the environment says.
  expect((await work.run(['verify', 'later/ids.jsonl', '--offline', '--head', went.head])).code).toBe(0);
  expect([...outcomesOf(await work.records('later/ids.jsonl')).values()]).toEqual(Array(4).fill('cancelled'));
});

test('an import tells the store what its folder has called, once, and check warns while the store does not know', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 6);
  const inFolder = { env: { COUNTERMAND_STORE: '' } };
  await work.file('a.csv', ['id', ...ids(3)]);
  await work.file('b.csv', ['id', ...ids(3, 4)]);
  for (const name of ['a.csv', 'b.csv']) await work.run(['run', name, ...COMMENT, '--yes'], inFolder);
  const records = await Promise.all(['a', 'b'].map((name) => work.records(`ledgers/${name}.jsonl`)));
  const calls = only(records.flat(), 'intent').length;
  const warning = async () => {
    const { findings } = JSON.parse((await work.run(['check', '--json'])).stdout) as {
      findings: { topic: string; level: string; text: string }[];
    };
    return findings.find(({ topic, text }) => topic === 'quota' && text.includes('store import'));
  };
  expect(await warning()).toMatchObject({ level: 'warning', text: expect.stringContaining(`${calls} recent calls`) });
  expect((await work.run(['store', 'import', 'ledgers/a.jsonl'])).stderr).toContain(`${calls} recent calls`);
  expect(await warning()).toBeUndefined();
  // Those of b were told with a.
  expect((await work.run(['store', 'import', 'ledgers/a.jsonl', 'ledgers/b.jsonl'])).stderr).not.toContain(
    'recent calls',
  );
  expect(await database.sql('select count(*)::int as n from countermand.quota_call')).toEqual([{ n: calls }]);
});

test('a run that is killed leaves its lease: another is refused until it has run out, and says until when', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 30);
  await work.file('ids.csv', ['id', ...ids(30)]);
  const running = work.start(['run', 'ids.csv', ...COMMENT, '--yes', '--quota', '10/1h']);
  while ((await database.sql('select 1 from countermand.quota_call')).length < 10) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const status = await work.run(['status', '--json']);
  expect(JSON.parse(status.stdout)).toMatchObject({ runs: [{ state: 'running' }] });
  const second = await work.run(['resume', 'ids', '--yes']);
  expect(second.code).toBe(11);
  expect(second.stderr).toMatch(/held by process \d+ on .*until \d{4}-/);
  running.kill('SIGKILL');
  await running.ended;
  expect((await work.run(['resume', 'ids', '--yes'])).code).toBe(11);
  await database.setClock(Date.now() + 16_000);
  const next = await work.run(['resume', 'ids', '--yes', '--quota', '1000/1s', '--json']);
  expect(next.code).toBe(0);
  expect(documentOf(next.stdout).counts).toMatchObject({ cancelled: 30 });
});

test('a run is stopped from anywhere, ends as by Ctrl-C, and is free at once', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 30);
  await work.file('ids.csv', ['id', ...ids(30)]);
  const running = work.start(['run', 'ids.csv', ...COMMENT, '--yes', '--quota', '10/1h']);
  while ((await database.sql('select 1 from countermand.quota_call')).length < 10) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const stopped = await work.run(['stop', 'run:ids']);
  expect(stopped).toMatchObject({ code: 0 });
  expect(stopped.stdout).toContain(String(running.child.pid));
  expect(await running.ended).toMatchObject({ code: 130 });
  const idle = await work.run(['stop', 'ids']);
  expect(idle).toMatchObject({ code: 0 });
  expect(idle.stdout).toContain('Nobody works on ids');
  expect(await work.run(['stop', 'none'])).toMatchObject({ code: 2 });
  const next = await work.run(['resume', 'ids', '--yes', '--quota', '1000/1s', '--json']);
  expect(documentOf(next.stdout)).toMatchObject({ exitCode: 0, counts: { cancelled: 30 } });
});

test('finished runs are removed by the owner once they are old, and nothing else is', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 2);
  await work.file('done.csv', ['id', ...ids(1)]);
  await work.file('open.csv', ['id', ...ids(1, 2)]);
  await work.run(['run', 'done.csv', ...COMMENT, '--yes']);
  await work.run(['plan', 'open.csv']);
  const owner = { env: { COUNTERMAND_STORE: database.ownerUrl } };
  expect((await work.run(['store', 'prune', '--keep', '1d'], owner)).stdout).toBe('0 runs removed.\n');
  await database.sql("update countermand.run set modified = now() - interval '2 days'");
  expect(await work.run(['store', 'prune', '--keep', '1d'])).toMatchObject({ code: 2 });
  const pruned = await work.run(['store', 'prune', '--keep', '1d'], owner);
  expect(pruned.stdout).toBe('1 run removed.\n');
  expect(pruned.stderr).toContain('open.plan is kept');
  expect(await database.sql('select name from countermand.run')).toEqual([{ name: 'open.plan' }]);
});

test('a store that is refused or away is told in a sentence with its exit code, and no secret in it', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 1);
  await work.file('ids.csv', ['id', ...ids(1)]);
  const password = 'of nobody 4711';
  const far = database.url.replace(/@.*\//, '@db.example.com/');
  for (const [args, env, code, words] of [
    [['--store', far.replace('@', `:${password}@`)], {}, 2, 'COUNTERMAND_STORE_PASSWORD'],
    [['--store', `${far}?sslmode=no-verify`], {}, 2, 'sslmode=no-verify'],
    [[], { COUNTERMAND_STORE_PASSWORD: password }, 2, 'refuses this user'],
    [['--store', database.url.replace(/:\d+\//, ':1/')], {}, 6, 'connection refused'],
    [['--store', 'ledgers'], {}, 2, 'postgres://'],
    [['--ledger', 'ids.jsonl'], {}, 2, 'name of a run'],
  ] as const) {
    const end = await work.run(['plan', 'ids.csv', ...args], { env });
    expect(end, words).toMatchObject({ code });
    expect(end.stderr).toContain(words);
    expect(end.stderr + end.stdout).not.toContain(password);
  }
  const both = await work.run(['verify', 'x.jsonl', '--store', database.url]);
  expect(both).toMatchObject({ code: 2 });
  expect(both.stderr).toContain('store import');
  const none = await work.run(['run', 'run:ids', '--yes'], { env: { COUNTERMAND_STORE: '' } });
  expect(none).toMatchObject({ code: 2 });
  expect(none.stderr).toContain('--store');
});

test('check says which database it is, and what is wrong with it', async () => {
  await using database = await openTestDatabase();
  await using work = await workAt(database, 1);
  const good = await work.run(['check', '--json']);
  const of = (stdout: string) => (JSON.parse(stdout) as { findings: { topic: string; text: string }[] }).findings;
  expect(of(good.stdout).map(({ text }) => text)).toContainEqual(expect.stringContaining('PostgreSQL'));
  await database.sql("insert into countermand.schema_version values (99, 'of a later release')");
  const newer = await work.run(['check', '--json']);
  expect(newer.code).toBe(2);
  expect(of(newer.stdout).map(({ text }) => text)).toContainEqual(expect.stringContaining('countermand store init'));
});
