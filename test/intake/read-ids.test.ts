import { describe, expect, it } from 'vitest';
import { readIds } from '../../src/intake/read-ids.ts';

const ID = '5382f7ea-7557-4ab7-9782-d50480024a4e';

async function read(text: string) {
  const intake = readIds(chunks(text), { name: 'list.csv' });
  const rows = [];
  for await (const row of intake) rows.push(row);
  return { rows, summary: intake.summary() };
}

async function* chunks(text: string) {
  yield Buffer.from(text);
}

describe('readIds', () => {
  it('takes a plain list, one ID a line', async () => {
    const { rows } = await read(`${ID}\n`);
    expect(rows).toEqual([{ kind: 'id', id: ID, line: 1 }]);
  });
});
