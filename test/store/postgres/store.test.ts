import { openTestDatabase } from '../../support/postgres.ts';
import { type StorePlace, storeSuite } from '../suite.ts';
import { processAt, type StoreOfProcess, UNTIL_FREE_MS } from './harness.ts';

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
