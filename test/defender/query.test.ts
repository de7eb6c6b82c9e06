import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/defender/call.ts';
import { queryActions } from '../../src/defender/query.ts';
import { readAnswer } from '../../src/defender/read-answer.ts';
import { followPath, type ListQuery } from '../../src/defender/routes.ts';
import { WorkLeftError } from '../../src/errors.ts';
import type { ActionFilter } from '../../src/job/job.ts';
import { id, ids } from '../engine/run.ts';

const API = 'http://api.test';
const EVERYTHING: ActionFilter = {
  ...{ type: [], status: [], requestor: [], machine: [] },
  ...{ createdAfter: undefined, createdBefore: undefined, commentContains: undefined },
};

/** A row that is shown without an ID. */
const NAMELESS = '';

/** A list behind Defender's routes: what it holds, how it cuts, what it says of itself. */
class List {
  rows: string[];
  pageSize = 10_000;
  count: 'never' | 'true' | ((page: number) => unknown) = 'never';
  /** The link of a page, by its number from 1, where it starts and how many rows it has. */
  link: (page: number, start: number, length: number) => unknown = () => undefined;
  honoursSkip = true;
  odd: unknown[] = [];
  /** Before each page but the first. */
  between: (page: number) => void = () => {};
  pages = 0;
  readonly asked: string[] = [];

  constructor(rows: readonly string[]) {
    this.rows = [...rows];
  }

  readonly list = (query: ListQuery | { nextLink: string }): Promise<Answer> => {
    this.pages += 1;
    if (this.pages > 5000) throw new Error('it goes on for ever');
    if (this.pages > 1) this.between(this.pages);
    const path = 'nextLink' in query ? query.nextLink : `skip=${query.skip ?? 0}`;
    this.asked.push(path);
    const start = this.honoursSkip ? Number(/skip=(\d+)/.exec(path)?.[1] ?? 0) : 0;
    const rows = this.rows.slice(start, start + this.pageSize);
    const value = [
      ...(start === 0 ? this.odd : []),
      ...rows.map((each) => (each === NAMELESS ? null : { id: each, type: 'Isolate', status: 'Pending' })),
    ];
    const count = typeof this.count === 'function' ? this.count(this.pages) : this.rows.length + this.odd.length;
    const body = {
      ...(this.count === 'never' ? {} : { '@odata.count': count }),
      value,
      '@odata.nextLink': this.link(this.pages, start, rows.length),
    };
    const answer = readAnswer({ route: 'list' }, { http: 200, headers: {}, body: JSON.stringify(body) }, 0);
    if (answer.kind !== 'page' || answer.nextLink === undefined) return Promise.resolve(answer);
    return Promise.resolve({ ...answer, nextLink: followPath(answer.nextLink, API) });
  };
}

interface Read {
  ids: string[];
  error: unknown;
  odd: number;
}

async function read(list: List, terms = EVERYTHING): Promise<Read> {
  const result: Read = { ids: [], error: undefined, odd: 0 };
  const oddities = {
    withoutId: (count: number) => {
      result.odd += count;
    },
    notAskedFor: () => {},
  };
  try {
    for await (const action of queryActions(list, terms, new AbortController().signal, oddities))
      result.ids.push(action.id);
  } catch (error) {
    result.error = error;
  }
  return result;
}

const trueLink = (list: List) => (_: number, start: number, length: number) =>
  start + length < list.rows.length ? `${API}/api/machineactions?$skip=${start + length}` : undefined;

describe('a list', () => {
  it('a list that is cut without a next link is read on by $skip until its count is reached', async () => {
    const list = new List(ids(3000));
    list.pageSize = 1000;
    list.count = 'true';
    expect(await read(list)).toEqual({ ids: ids(3000), error: undefined, odd: 0 });
    expect(list.pages).toBe(3);
  });

  it('a list without a count is whole when a page comes back empty', async () => {
    const list = new List(ids(2500));
    list.pageSize = 1000;
    expect((await read(list)).ids).toEqual(ids(2500));
    expect(list.asked.at(-1)).toBe('skip=2500');
  });

  it.each<[string, (list: List) => List['link']]>([
    ['names its own page', () => () => `${API}/api/machineactions?$skip=0`],
    ['names its own page by nothing but a query', () => () => '?$skip=0'],
    ['names an earlier page', () => (page) => `${API}/api/machineactions?$skip=${page > 2 ? 3 : page * 3}`],
    ['is empty', () => () => ''],
    ['is null', () => () => null],
    ['is no text', () => () => ({ href: 'x' })],
    ['leads to another host', () => () => 'https://evil.test/api/machineactions?$skip=3'],
    ['leads to another route', () => () => `${API}/api/machines?$skip=3`],
    [
      'is relative',
      (list) =>
        (...page) =>
          String(trueLink(list)(...page) ?? '')
            .split('/')
            .at(-1),
    ],
    ['is true', trueLink],
    ['is ever another, and empty', () => (page) => `${API}/api/machineactions?$skip=9999&page=${page}`],
  ])('a list whose next link %s is read whole, each action once', async (_, linkOf) => {
    for (const count of ['true', 'never'] as const) {
      const list = new List(ids(10));
      list.pageSize = 3;
      list.count = count;
      list.link = linkOf(list);
      const { ids: rows, error } = await read(list);
      expect([...new Set(rows)]).toEqual(rows);
      expect([error, rows.toSorted()]).toEqual([undefined, ids(10)]);
      expect(list.pages).toBeLessThanOrEqual(12);
    }
  });

  it.each<[string, (list: List) => void]>([
    [
      'shows the same page whatever is asked for',
      (list) => {
        list.honoursSkip = false;
        list.count = () => 10;
      },
    ],
    [
      'shows the same page and links to ever others',
      (list) => {
        list.honoursSkip = false;
        list.link = (page) => `?page=${page}`;
      },
    ],
    [
      'shows the same page and counts nothing',
      (list) => {
        list.honoursSkip = false;
      },
    ],
    [
      'counts more than it shows',
      (list) => {
        list.count = () => 1000;
      },
    ],
  ])('a list that %s may not be whole: exit 6 and a sentence, after a few calls', async (_, prepare) => {
    const list = new List(ids(10));
    list.pageSize = 3;
    prepare(list);
    const { error } = await read(list);
    expect(error).toBeInstanceOf(WorkLeftError);
    expect(String(error)).toMatch(/may not be complete: .*narrow the filter/);
    expect(list.pages).toBeLessThanOrEqual(8);
  });

  it('a list that brings one new action a page for ever is ended', async () => {
    const list = new List(ids(10_000));
    list.pageSize = 1;
    list.link = (page) => `?$skip=${page}`;
    const { error } = await read(list);
    expect(String(error)).toMatch(/more than 2000 pages/);
    expect(list.pages).toBe(2000);
  });

  it('a list loses none and doubles none while new actions push the others down', async () => {
    const list = new List(ids(20));
    list.pageSize = 4;
    list.between = (page) => {
      if (page < 8) list.rows.unshift(id(1000 + page), id(2000 + page));
    };
    for (const count of ['true', 'never'] as const) {
      list.count = count;
      list.pages = 0;
      list.rows = ids(20);
      const { ids: rows, error } = await read(list);
      expect(error).toBeUndefined();
      expect([...new Set(rows)]).toEqual(rows);
      expect(rows).toEqual(expect.arrayContaining(ids(20)));
    }
  });

  it('a list loses none while actions that were read leave it', async () => {
    const list = new List(ids(20));
    list.pageSize = 4;
    list.count = 'true';
    list.between = (page) => {
      if (page < 5) list.rows.shift();
    };
    const { ids: rows, error } = await read(list);
    expect([error, rows.toSorted()]).toEqual([undefined, ids(20)]);
  });

  it('a list loses none whose place was taken while links were followed', async () => {
    const list = new List(ids(3));
    list.pageSize = 1;
    list.count = 'true';
    list.link = trueLink(list);
    list.between = (page) => {
      if (page === 2) list.rows.shift();
      if (page === 3) list.rows.unshift(id(1000));
    };
    const { ids: rows, error } = await read(list);
    expect([error, rows.toSorted()]).toEqual([undefined, [...ids(3), id(1000)]]);
  });

  it.each(['none', 'true', 'own'] as const)(
    'a list with pages of nothing but entries without an ID is read whole by its count, its links being %s',
    async (links) => {
      const list = new List([...ids(3), NAMELESS, NAMELESS, NAMELESS, ...ids(8).slice(3), NAMELESS, id(99), NAMELESS]);
      list.pageSize = 3;
      list.count = 'true';
      if (links === 'true') list.link = trueLink(list);
      if (links === 'own') list.link = (_, start) => `?$skip=${start}`;
      expect(await read(list)).toEqual({ ids: [...ids(8), id(99)], error: undefined, odd: 5 });
    },
  );

  it('a list that shows entries without an ID again by a link to the same page counts them once, and is read on', async () => {
    const list = new List([NAMELESS, NAMELESS, ...ids(4)]);
    list.pageSize = 2;
    list.count = 'true';
    list.link = (_, start) => `?$skip=${start}`;
    expect(await read(list)).toEqual({ ids: ids(4), error: undefined, odd: 2 });
  });

  it('a list is whole, and each row once, for any pages, counts, links, arrivals and departures, or says that it may not be', async () => {
    const scenario = fc.record({
      rows: fc.integer({ min: 0, max: 40 }),
      pageSize: fc.integer({ min: 1, max: 12 }),
      counts: fc.constantFrom('never', 'true'),
      links: fc.constantFrom('none', 'true', 'own', 'foreign', 'ever-new'),
      moves: fc.array(fc.constantFrom('none', 'none', 'arrive', 'leave'), { maxLength: 10 }),
      honoursSkip: fc.boolean(),
      // Behind which of them a row without an ID follows.
      nameless: fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 10 }),
    });
    await fc.assert(
      fc.asyncProperty(scenario, async ({ rows, pageSize, counts, links, moves, honoursSkip, nameless }) => {
        // Rows without an ID are told apart by their places alone: a server that passes over $skip could show one for ever as others.
        const isFollowed = (n: number) => honoursSkip && nameless.includes(n);
        const list = new List(ids(rows).flatMap((each, n) => (isFollowed(n) ? [each, NAMELESS] : [each])));
        const length = list.rows.length;
        Object.assign(list, { pageSize, count: counts, honoursSkip });
        const seen = new Set<string>();
        let next = 0;
        list.between = (page) => {
          const move = moves[page - 2];
          if (move === 'arrive') list.rows.unshift(id(1000 + next++));
          // The oldest known leaves: it was read already where the list was read from its top.
          if (move === 'leave' && counts === 'true') list.rows.shift();
        };
        if (links === 'true') list.link = trueLink(list);
        if (links === 'own') list.link = () => '?$skip=0';
        if (links === 'foreign') list.link = () => 'https://evil.test/api/machineactions';
        if (links === 'ever-new') list.link = (page, start, length) => `?$skip=${start + length}&page=${page}`;
        const { ids: read1, error, odd } = await read(list);
        for (const each of read1) {
          expect(seen.has(each)).toBe(false);
          seen.add(each);
        }
        if (error === undefined)
          expect(list.rows.filter((each) => ids(rows).includes(each) && !seen.has(each))).toEqual([]);
        else expect(error).toBeInstanceOf(WorkLeftError);
        expect(list.pages).toBeLessThanOrEqual(4 * (length + moves.length) + 12);
        const steady = moves.every((move) => move === 'none');
        if (steady && honoursSkip && links !== 'ever-new') expect([error, odd]).toEqual([undefined, length - rows]);
      }),
      { numRuns: 400 },
    );
  });

  it('a list keeps what was asked for where a server passes over the filter, and counts entries without an ID', async () => {
    const list = new List(ids(5));
    list.odd = [null, { type: 'Isolate' }, { id: 'x' }];
    expect(await read(list)).toMatchObject({ ids: ids(5), odd: 3, error: undefined });
    expect((await read(new List(ids(5)), { ...EVERYTHING, type: ['unisolate'] })).ids).toEqual([]);
    expect((await read(new List(ids(5)), { ...EVERYTHING, type: ['isolate'], status: ['pending'] })).ids).toEqual(
      ids(5),
    );
  });
});
