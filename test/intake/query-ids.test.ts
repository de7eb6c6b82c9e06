import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { queryIds } from '../../src/intake/query-ids.ts';

const A = '5382f7ea-7557-4ab7-9782-d50480024a4e';

async function* answer(...ids: string[]) {
  for (const id of ids) yield { id, type: 'Isolate' };
}

async function rowsOf(intake: ReturnType<typeof queryIds>) {
  const rows = [];
  for await (const row of intake) rows.push(row);
  return rows;
}

describe('queryIds', () => {
  it('queryIds gives the rows that a file would, numbered by their place', async () => {
    expect(await rowsOf(queryIds(answer(A.toUpperCase(), 'odd')))).toEqual([
      { kind: 'id', id: A, line: 1 },
      { kind: 'reject', reason: 'not-an-id', line: 2, text: 'odd' },
    ]);
  });

  it('queryIds finds nothing without a fault', async () => {
    const intake = queryIds(answer());
    expect(await rowsOf(intake)).toEqual([]);
    expect(intake.summary()).toEqual({ bytes: 0, sha256: createHash('sha256').digest('hex') });
  });

  it('queryIds sums up the IDs as a plain list, and only when all were read', async () => {
    const intake = queryIds(answer(A));
    expect(() => intake.summary()).toThrow('not read to its end');
    await rowsOf(intake);
    expect(intake.summary()).toEqual({ bytes: 37, sha256: createHash('sha256').update(`${A}\n`).digest('hex') });
  });
});
