import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { campaignHead } from '../../src/ledger/campaign-head.ts';

test('the head of a campaign is the SHA-256 of a line for each plan, by name, cut to the length of a head', () => {
  const [a, b] = ['1'.repeat(32), '2'.repeat(32)];
  const digest = createHash('sha256').update(`${b} stuck/a.com\n${a} stuck/b.com\n`).digest('hex');
  const plans = [
    { name: 'stuck/b.com', head: a },
    { name: 'stuck/a.com', head: b },
  ];
  expect(campaignHead(plans)).toBe(digest.slice(0, 32));
  expect(campaignHead([])).toBe(null);
});

test('a head is of its plans in whatever order they come, and of no others', () => {
  const hex = fc.stringMatching(/^[0-9a-f]{32}$/);
  const plan = fc.record({ name: fc.stringMatching(/^c\/[a-z0-9.-]{1,8}$/), head: hex });
  const plans = fc.uniqueArray(plan, { selector: ({ name }) => name, minLength: 1, maxLength: 8 });
  fc.assert(
    fc.property(plans, fc.nat(), hex, (given, at, other) => {
      const head = campaignHead(given);
      expect(campaignHead([...given].reverse())).toBe(head);
      expect(campaignHead(given.slice(1))).not.toBe(head);
      const [changed, ...rest] = [...given.slice(at % given.length), ...given.slice(0, at % given.length)];
      if (changed === undefined || changed.head === other) return;
      expect(campaignHead([{ ...changed, head: other }, ...rest])).not.toBe(head);
      expect(campaignHead([{ ...changed, name: `${changed.name}0` }, ...rest])).not.toBe(head);
    }),
  );
});
