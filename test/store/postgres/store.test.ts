import { expect, test } from 'vitest';
import { openTestDatabase } from '../../support/postgres.ts';
import { type StorePlace, storeSuite } from '../suite.ts';
import { OPEN, processAt, type StoreOfProcess, UNTIL_FREE_MS } from './harness.ts';

storeSuite('a database', async (): Promise<StorePlace> => {
  const database = await openTestDatabase();
  const processes: StoreOfProcess[] = [];
  const process = async (url: string) => {
    const made = await processAt(database, { url });
    processes.push(made);
    const kill = async () => {
      await made.database[Symbol.asyncDispose]();
      await database.setClock(Date.now() + UNTIL_FREE_MS);
    };
    return { store: made.store, kill };
  };
  return {
    name: (word) => word,
    all: '',
    process: () => process(database.url),
    owner: () => process(database.ownerUrl),
    tamper: async (name, change) => {
      const [row] = await database.sql(
        `select run, string_agg(lines, '' order by first_byte) as lines from countermand.ledger_chunk
         join countermand.run using (run) where name = '${name}' group by run`,
      );
      const bytes = change(row?.['lines'] as Buffer).toString('hex');
      await database.sql(`delete from countermand.ledger_chunk where run = '${row?.['run']}';
        insert into countermand.ledger_chunk values ('${row?.['run']}', 0, 1, '\\x${bytes}', now())`);
    },
    oneSender: false,
    [Symbol.asyncDispose]: async () => {
      for (const made of processes) await made[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
});

test('the runs of a campaign are told by name with the heads of their ledgers, and what was set aside is none of them', async () => {
  await using database = await openTestDatabase();
  await using one = await processAt(database);
  const heads = new Map<string, string>();
  for (const name of ['stuck/b.com', 'stuck/a.com', 'stuck', 'stuck-2/a.com', 'other']) {
    await using ledger = await one.open(name);
    await ledger.close('planned');
    heads.set(name, await ledger.head());
  }
  const { tenant } = OPEN;
  const entry = (name: string) => ({ name, tenant, head: heads.get(name) });
  expect(await one.store.campaign('stuck')).toEqual([entry('stuck/a.com'), entry('stuck/b.com')]);
  expect(await one.store.campaign('stuck-')).toEqual([]);
  expect(await one.store.campaign('none')).toEqual([]);

  {
    await using ledger = await one.open('stuck/a.com', { replacesPlan: true });
    await ledger.close('planned');
    heads.set('stuck/a.com', await ledger.head());
  }
  const kept = await database.sql("select name from countermand.run where name like 'stuck/a.com.replaced-%'");
  expect(kept).toHaveLength(1);
  expect(await one.store.campaign('stuck')).toEqual([entry('stuck/a.com'), entry('stuck/b.com')]);
  expect((await one.store.list('stuck/'))?.map(({ name }) => name)).toEqual(['stuck/a.com', 'stuck/b.com']);
  expect(await one.store.list(String(kept[0]?.['name']))).toHaveLength(1);
});
