import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ActionTable } from '../../../src/ledger/state/action-table.ts';
import { id } from '../../store/folder/harness.ts';

test('an action table holds what a Map would, in the same order', () => {
  const ids = fc.array(fc.oneof(fc.string({ maxLength: 3 }), fc.nat({ max: 3000 }).map(id)), { maxLength: 3000 });
  fc.assert(
    fc.property(ids, ids, (added, asked) => {
      const table = new ActionTable<{ id: string; n: number }>();
      const map = new Map<string, { id: string; n: number }>();
      added.forEach((each, n) => {
        expect(table.add({ id: each, n })).toBe(!map.has(each));
        if (!map.has(each)) map.set(each, { id: each, n });
      });
      expect(table.size).toBe(map.size);
      expect([...table]).toEqual([...map]);
      expect([...table.keys()]).toEqual([...map.keys()]);
      expect([...table.values()]).toEqual([...map.values()]);
      for (const each of [...asked, ...added]) {
        if (table.get(each)?.n !== map.get(each)?.n || table.has(each) !== map.has(each)) throw new Error(each);
      }
      const seen: string[] = [];
      table.forEach((value, key) => {
        seen.push(`${key} ${value.n}`);
      });
      expect(seen).toEqual([...map].map(([key, value]) => `${key} ${value.n}`));
    }),
    { numRuns: 30 },
  );
});
