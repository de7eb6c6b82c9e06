import { describe, expect, test } from 'vitest';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { api, entities, idOf } from './client.ts';

const four = [
  { id: idOf(1), status: 'Pending', type: 'Isolate', creationDateTimeUtc: '2026-03-01T10:00:00Z', machineId: 'm1' },
  {
    id: idOf(2),
    status: 'InProgress',
    type: 'Isolate',
    creationDateTimeUtc: '2026-03-01T12:00:00Z',
    requestor: "o'neil",
  },
  { id: idOf(3), status: 'Pending', type: 'LiveResponse', creationDateTimeUtc: '2026-03-01T11:00:00Z' },
  { id: idOf(4), status: 'Succeeded', type: 'Offboard', creationDateTimeUtc: '2026-03-01T09:00:00Z' },
];

describe('filters over the wire', () => {
  test.each([
    ["status eq 'Pending'", [1, 3]],
    [`id in ('${idOf(4)}','${idOf(9)}','${idOf(2).toUpperCase()}')`, [4, 2]],
    [`id eq '${idOf(3)}' or type eq 'Offboard'`, [3, 4]],
    ["(status eq 'Pending' or status eq 'Succeeded') and type in ('Offboard','LiveResponse')", [3, 4]],
    ["machineId eq 'm1'", [1]],
    ["requestor eq 'o''neil'", [2]],
    ['creationDateTimeUtc ge 2026-03-01T10:00:00Z and creationDateTimeUtc lt 2026-03-01T12:00:00Z', [1, 3]],
    ['creationDateTimeUtc gt 2026-03-01T10:00:00Z and creationDateTimeUtc le 2026-03-01T12:00:00Z', [2, 3]],
  ])('the filter %s is understood over the wire', async (filter, expected) => {
    await using sandbox = await startSandbox({ actions: four });
    expect(await api(sandbox).ids(filter)).toEqual(expected.map(idOf));
  });

  test('the log names the IDs that were asked for', async () => {
    await using sandbox = await startSandbox({ actions: four });
    await api(sandbox).ids(`id in ('${idOf(1)}','${idOf(9)}')`);
    expect(sandbox.log.entries[0]?.ids).toEqual([idOf(1), idOf(9)]);
  });
});

describe('the other parameters', () => {
  test('order, count, skip, top and select shape the answer', async () => {
    await using sandbox = await startSandbox({ actions: four });
    const answer = await api(sandbox).list({
      $orderby: 'creationDateTimeUtc desc',
      $count: 'true',
      $skip: '1',
      $top: '2',
      $select: 'id,status',
    });
    expect(answer.body).toEqual({
      '@odata.context': `${sandbox.url}/api/$metadata#MachineActions`,
      '@odata.count': 4,
      value: [
        { id: idOf(3), status: 'Pending' },
        { id: idOf(1), status: 'Pending' },
      ],
    });
    const oldest = await api(sandbox).list({ $orderby: 'creationDateTimeUtc', $top: '1' });
    expect(entities(oldest)[0]?.['id']).toBe(idOf(4));
    const someOfThese = await api(sandbox).list({
      $orderby: 'creationDateTimeUtc desc',
      $filter: `id in ('${idOf(1)}','${idOf(2)}')`,
    });
    expect(entities(someOfThese).map(({ id }) => id)).toEqual([idOf(2), idOf(1)]);
  });

  test.each([
    { $top: '10001' },
    { $top: '-1' },
    { $skip: 'x' },
    { $count: 'maybe' },
    { $orderby: 'status' },
    { $stop: '5' },
    { $filter: "status eq 'Pending" },
  ])('the parameter %j is an ODataError', async (query) => {
    await using sandbox = await startSandbox({ actions: four });
    expect(await api(sandbox).list(query)).toMatchObject({ status: 400, body: { error: { code: 'ODataError' } } });
  });

  test('an order of new actions is right after some were added', async () => {
    await using sandbox = await startSandbox({ actions: four });
    const newest = async () => entities(await api(sandbox).list({ $orderby: 'creationDateTimeUtc desc' }))[0]?.['id'];
    expect(await newest()).toBe(idOf(2));
    sandbox.store.add({ id: idOf(5), creationDateTimeUtc: '2026-03-02T00:00:00Z' });
    expect(await newest()).toBe(idOf(5));
    sandbox.store.remove(idOf(5));
    expect(await newest()).toBe(idOf(2));
  });
});

describe('pages', () => {
  async function pages(sandbox: { url: string }, query: Record<string, string>): Promise<number[]> {
    const sizes: number[] = [];
    const seen = new Set<unknown>();
    let answer = await api(sandbox).list(query);
    for (;;) {
      const found = entities(answer);
      sizes.push(found.length);
      for (const { id } of found) seen.add(id);
      const link = answer.body['@odata.nextLink'];
      if (typeof link !== 'string') break;
      answer = await api(sandbox).send('GET', link);
    }
    expect(seen.size).toBe(sizes.reduce((sum, size) => sum + size, 0));
    return sizes;
  }

  test('12,000 actions come in two pages that share no action', async () => {
    await using sandbox = await startSandbox({ actions: { count: 12_000, seed: 3 } });
    expect(await pages(sandbox, { $orderby: 'creationDateTimeUtc desc' })).toEqual([10_000, 2_000]);
    expect(await pages(sandbox, { $top: '10000' })).toEqual([10_000]);
    expect(entities(await api(sandbox).list({ $top: '10000', $skip: '10000' }))).toHaveLength(2_000);
  });

  test('a page size below $top cuts the answer and the links carry the rest of $top', async () => {
    await using sandbox = await startSandbox({
      actions: { count: 100 },
      list: { pageSize: 30, nextLink: 'when-cut' },
    });
    expect(await pages(sandbox, { $top: '70' })).toEqual([30, 30, 10]);
    expect(await pages(sandbox, {})).toEqual([30, 30, 30, 10]);
  });

  test('a page that is cut has no link where $top was given, only its count says so', async () => {
    await using sandbox = await startSandbox({ actions: { count: 100 }, list: { pageSize: 30 } });
    const cut = await api(sandbox).list({ $top: '70', $count: 'true' });
    expect([entities(cut).length, cut.body['@odata.count'], cut.body['@odata.nextLink']]).toEqual([30, 100, undefined]);
    expect(await pages(sandbox, {})).toEqual([30, 30, 30, 10]);
    sandbox.listRules.count = 'never';
    expect((await api(sandbox).list({ $count: 'true' })).body).not.toHaveProperty('@odata.count');
  });

  test('a service may link whenever more matches, or never', async () => {
    await using sandbox = await startSandbox({ actions: { count: 100 }, list: { nextLink: 'always' } });
    expect(await pages(sandbox, { $top: '40' })).toEqual([40, 40, 20]);
    sandbox.listRules.nextLink = 'never';
    sandbox.listRules.pageSize = 30;
    expect(await pages(sandbox, { $top: '40' })).toEqual([30]);
  });

  test('a next link may lead to another host', async () => {
    await using sandbox = await startSandbox({
      actions: four,
      list: { pageSize: 3, nextLinkOrigin: 'http://127.0.0.1:9' },
    });
    const { body } = await api(sandbox).list();
    expect(body['@odata.nextLink']).toBe('http://127.0.0.1:9/api/machineactions?%24skip=3');
  });

  test('the last page has no link even when it is exactly full', async () => {
    await using sandbox = await startSandbox({ actions: { count: 60 }, list: { pageSize: 30 } });
    expect(await pages(sandbox, {})).toEqual([30, 30]);
  });
});

describe('limits', () => {
  test.each([400, 404, 413, 414] as const)('more IDs than the limit are answered %d', async (maxIdsStatus) => {
    await using sandbox = await startSandbox({ actions: four, list: { maxIds: 2, maxIdsStatus } });
    expect(await api(sandbox).ids(`id in ('${idOf(1)}','${idOf(2)}')`)).toHaveLength(2);
    const ids = [1, 2, 3].map((n) => `'${idOf(n)}'`);
    expect((await api(sandbox).list({ $filter: `id in (${ids})` })).status).toBe(maxIdsStatus);
  });

  test('a URL that is too long is answered 414 with a page', async () => {
    await using sandbox = await startSandbox({ actions: four, list: { maxUrlLength: 1_000 } });
    const ids = Array.from({ length: 50 }, (_, n) => `'${idOf(n)}'`);
    const answer = await api(sandbox).list({ $filter: `id in (${ids})` });
    expect(answer.status).toBe(414);
    expect(answer.headers['content-type']).toMatch(/html/);
  });
});
