import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { candidateIds, FilterError, longestIdList, matcher, parseFilter } from '../../src/sandbox/filter.ts';
import { type ActionSeed, fullAction } from '../../src/sandbox/sandbox-action.ts';

const base = {
  id: 'ab00',
  type: 'Isolate',
  status: 'Pending',
  requestor: "o'neil@contoso.com",
  machineId: 'f46b',
  creationDateTimeUtc: '2026-03-01T10:00:00.1234567Z',
};

function holds(filter: string, fields: Partial<ActionSeed> = {}): boolean {
  return matcher(parseFilter(filter))(fullAction({ ...base, ...fields }, 0));
}

describe('what matches', () => {
  test.each([
    ["id eq 'ab00'", true],
    ["id eq 'AB00'", true],
    ["id eq 'ab01'", false],
    ["ID eq 'ab00'", true],
    ["Status eq 'Pending'", true],
    ["status eq 'pending'", false],
    ["type eq 'Isolate' and status eq 'Pending'", true],
    ["type eq 'Isolate' AND status eq 'Failed'", false],
    ["type eq 'Isolate' or status eq 'Failed'", true],
    ["requestor eq 'o''neil@contoso.com'", true],
    ["requestor eq 'oneil@contoso.com'", false],
    ["machineId eq 'f46b'", true],
    ["status in ('Pending','InProgress')", true],
    ["status in ( 'InProgress' , 'Failed' )", false],
    ["id in ('x','AB00')", true],
    ["id gt 'aa'", true],
    ['creationDateTimeUtc ge 2026-03-01T10:00:00.1234567Z', true],
    ['creationDateTimeUtc gt 2026-03-01T10:00:00.123Z', true],
    ['creationDateTimeUtc lt 2026-03-01T10:00:00.124Z', true],
    ['creationDateTimeUtc le 2026-03-01T10:00:00.123Z', false],
    ['creationDateTimeUtc gt 2026-03-01', true],
    ['creationDateTimeUtc lt 2026-03-01T11:00:00+02:00', false],
    ['creationDateTimeUtc ge 2026-03-01T12:00:00+02:00', true],
    ["(type eq 'X' or type eq 'Isolate') and (status eq 'Pending')", true],
    ["type eq 'Isolate' or type eq 'X' and status eq 'Failed'", true],
    ["(type eq 'Isolate' or type eq 'X') and status eq 'Failed'", false],
  ])('the filter %s matches as it says: %s', (filter, expected) => {
    expect(holds(filter)).toBe(expected);
  });

  test('an absent value matches nothing', () => {
    expect(holds("machineId eq ''", { machineId: null })).toBe(false);
    expect(holds("machineId in ('')", { machineId: null })).toBe(false);
    expect(holds("machineId le 'zzz'", { machineId: null })).toBe(false);
  });

  test('any text survives quoting', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (value, other) => {
        const filter = `requestor eq '${value.replaceAll("'", "''")}'`;
        expect(holds(filter, { requestor: value })).toBe(true);
        expect(holds(filter, { requestor: other })).toBe(value === other);
      }),
    );
  });
});

describe('what is nonsense', () => {
  test.each([
    '',
    'status',
    'status eq',
    'status eq Pending',
    "status eq 'Pending",
    "status ne 'Pending'",
    "statuses eq 'Pending'",
    "status eq 'Pending' and",
    "status eq 'Pending' status eq 'Failed'",
    "(status eq 'Pending'",
    "status eq 'Pending')",
    'status in ()',
    "status in ('a',)",
    "status in 'a'",
    "creationDateTimeUtc ge '2026-03-01'",
    'creationDateTimeUtc ge 2026-13-45',
    'creationDateTimeUtc ge yesterday',
    "lastUpdateDateTimeUtc ge '2026'",
    'status eq 7',
    "status = 'Pending'",
    "contains(requestor,'x')",
  ])('the filter %j is refused', (filter) => {
    expect(() => parseFilter(filter)).toThrow(FilterError);
  });

  test('no text makes the parser throw anything else', () => {
    const word = fc.constantFrom(
      'id',
      'status',
      'eq',
      'in',
      'and',
      'or',
      '(',
      ')',
      ',',
      "'a'",
      "'",
      '2026-01-01',
      ' ',
      '%',
    );
    fc.assert(
      fc.property(fc.array(word), (words) => {
        try {
          parseFilter(words.join(' '));
        } catch (error) {
          expect(error).toBeInstanceOf(FilterError);
        }
      }),
    );
  });
});

describe('the index', () => {
  test.each([
    ["id in ('B','a')", ['b', 'a']],
    ["id eq 'A'", ['a']],
    ["id in ('a','b') and status eq 'Pending'", ['a', 'b']],
    ["status eq 'Pending' and id in ('a','b')", ['a', 'b']],
    ["id in ('a','b') and id eq 'b'", ['b']],
    ["id eq 'a' or id in ('b','c')", ['a', 'b', 'c']],
  ])('the filter %s is looked up by ID', (filter, ids) => {
    expect([...(candidateIds(parseFilter(filter)) ?? [])]).toEqual(ids);
  });

  test.each(["id eq 'a' or status eq 'Pending'", "id gt 'a'", "status eq 'Pending'"])(
    'the filter %s needs a scan',
    (filter) => {
      expect(candidateIds(parseFilter(filter))).toBeUndefined();
    },
  );

  test('the longest list of IDs is found in any place', () => {
    expect(longestIdList(parseFilter("status in ('a','b','c') and (id in ('a','b') or id in ('c'))"))).toBe(2);
    expect(longestIdList(parseFilter("id eq 'a'"))).toBe(0);
  });
});
