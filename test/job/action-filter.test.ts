import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { filterFromFlags } from '../../src/job/action-filter.ts';

const NOW = Date.UTC(2026, 10, 23, 12);

describe('filterFromFlags', () => {
  it('filterFromFlags asks for everything when nothing is given', () => {
    expect(filterFromFlags({}, NOW)).toEqual({
      type: [],
      status: [],
      requestor: [],
      machine: [],
      createdAfter: undefined,
      createdBefore: undefined,
      commentContains: undefined,
    });
  });

  it('filterFromFlags takes every condition, dates and ages, and brings known names into their case', () => {
    const flags = {
      type: ['isolate', 'Novelty'],
      status: 'pending,timeout',
      requestor: ["o'hara@contoso.com"],
      machine: ['host'],
      'created-after': '7d',
      'created-before': '2026-11-23T08:00:00.1234567Z',
      'comment-contains': 'x',
    };
    expect(filterFromFlags(flags, NOW)).toEqual({
      type: ['Isolate', 'Novelty'],
      status: ['Pending', 'TimeOut'],
      requestor: ["o'hara@contoso.com"],
      machine: ['host'],
      createdAfter: '2026-11-16T12:00:00.000Z',
      createdBefore: '2026-11-23T08:00:00.123Z',
      commentContains: 'x',
    });
  });

  it.each<[string, Record<string, unknown>, RegExp]>([
    [
      'a date that is none',
      { 'created-after': 'yesterday' },
      /--created-after must be a date such as .* not "yesterday"/,
    ],
    ['an empty type', { type: [''] }, /--type must be an action type/],
    ['a range without a moment in it', { 'created-after': '2h', 'created-before': '1d' }, /nothing is created after/],
    ['two mistakes at once', { 'created-after': 'a', 'created-before': 'b' }, /--created-after[\s\S]*--created-before/],
  ])('filterFromFlags refuses %s', (_, flags, message) => {
    expect(() => filterFromFlags(flags, NOW)).toThrow(UsageError);
    expect(() => filterFromFlags(flags, NOW)).toThrow(message);
  });
});
