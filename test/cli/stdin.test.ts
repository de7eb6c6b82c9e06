import { expect, test } from 'vitest';
import { openHarness } from '../support/harness.ts';

test('- is stdin, wherever it stands among the flags', async () => {
  await using harness = await openHarness({
    windows: 'documented',
    actions: { count: 2, mix: { statuses: { Pending: 1 }, types: { Isolate: 1 } } },
  });
  const [one, two] = harness.sandbox.store.all();
  const flags = ['--screen', 'never', '--json'];
  const first = await harness.run(['plan', '-', ...flags, '--ledger', 'a.plan.jsonl'], { input: `${one?.id}\n` });
  const last = await harness.run(['plan', ...flags, '--ledger', 'b.plan.jsonl', '-'], { input: `${two?.id}\n` });
  expect([first.code, last.code]).toEqual([0, 0]);
  expect(await harness.read('a.plan.jsonl')).toContain(one?.id);
  expect(await harness.read('b.plan.jsonl')).toContain(two?.id);
});
