import { expect, test } from 'vitest';
import { openWorkplace } from '../support/workplace.ts';

test('- is stdin, wherever it stands among the flags', async () => {
  await using place = await openWorkplace({
    actions: { count: 2, mix: { statuses: { Pending: 1 }, types: { Isolate: 1 } } },
  });
  const [one, two] = place.sandbox.store.all();
  const flags = ['--screen', 'never', '--json'];
  const first = await place.run(['plan', '-', ...flags, '--ledger', 'a.plan.jsonl'], { input: `${one?.id}\n` });
  const last = await place.run(['plan', ...flags, '--ledger', 'b.plan.jsonl', '-'], { input: `${two?.id}\n` });
  expect([first.code, last.code]).toEqual([0, 0]);
  expect(await place.read('a.plan.jsonl')).toContain(one?.id);
  expect(await place.read('b.plan.jsonl')).toContain(two?.id);
});
