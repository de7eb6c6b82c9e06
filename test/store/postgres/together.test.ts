import { expect, test } from 'vitest';
import type { Database } from '../../../src/store/postgres/database.ts';
import { runNamed } from '../../../src/store/postgres/run-functions.ts';

/** A database that answers with a row of each name but `none`, and keeps what it was asked. */
function answering(asked: unknown[]): Database {
  const query = (_text: string, [names]: [string[]]) => {
    asked.push(names);
    if (names.includes('broken')) return Promise.reject(new Error('the database is away'));
    return Promise.resolve(names.filter((name) => name !== 'none').map((name) => ({ name, holder: null })));
  };
  return { query } as unknown as Database;
}

test('runs that are asked for at the same moment are one statement, and each asker gets its own', async () => {
  const asked: unknown[] = [];
  const database = answering(asked);
  const rows = await Promise.all(['one', 'none', 'two'].map((name) => runNamed(database, name)));
  expect(rows.map((row) => row?.name)).toEqual(['one', undefined, 'two']);
  expect(asked).toEqual([['one', 'none', 'two']]);
  expect((await runNamed(database, 'one'))?.holder).toBe(undefined);
  expect(asked).toHaveLength(2);
});

test('where the database does not answer, each that asked is told, and who asks later asks anew', async () => {
  const database = answering([]);
  const ends = await Promise.allSettled(['one', 'broken'].map((name) => runNamed(database, name)));
  expect(ends.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect((await runNamed(database, 'one'))?.name).toBe('one');
});
