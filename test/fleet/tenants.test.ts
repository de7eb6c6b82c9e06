import { describe, expect, test } from 'vitest';
import { readTenants, TENANT_COLUMNS } from '../../src/fleet/tenants.ts';
import { readTable } from '../../src/intake/table.ts';
import type { Setting } from '../../src/job/setting.ts';
import { SETTINGS, settingsThat } from '../../src/job/settings.ts';

async function read(text: string) {
  async function* bytes() {
    yield Buffer.from(text);
  }
  return readTenants(await readTable(bytes(), 'tenants.csv'), '/data/tables');
}

const GUID = 'AAAAAAAA-0000-4000-8000-000000000001';

test('a row says what its columns say, and an empty cell says nothing', async () => {
  const { tenants, mistakes } = await read(
    [
      'tenant,name,client,region,comment,source,guards.maxActions,guards.onlyType',
      `${GUID},contoso,BBBBBBBB-0000-4000-8000-000000000002,eu,"INC-1, all",lists/contoso.csv,20,"Isolate,RunAntiVirusScan"`,
      '',
      'fabrikam.com,,,,,,,',
    ].join('\n'),
  );
  expect(mistakes).toEqual([]);
  expect(tenants).toEqual([
    {
      line: 2,
      tenant: GUID.toLowerCase(),
      instead: { name: 'contoso', source: '/data/tables/lists/contoso.csv' },
      flags: {
        tenant: GUID,
        'client-id': 'BBBBBBBB-0000-4000-8000-000000000002',
        region: 'eu',
        comment: 'INC-1, all',
        'max-actions': '20',
        'only-type': ['Isolate', 'RunAntiVirusScan'],
      },
    },
    { line: 4, tenant: 'fabrikam.com', instead: {}, flags: { tenant: 'fabrikam.com' } },
  ]);
});

test('a table is read as lists of actions are: with other delimiters, a byte order mark, blank lines before it, and its columns in any case', async () => {
  for (const text of [
    '\ufeffTenant;Guards.MaxActions\r\nfabrikam.com;3\r\n',
    'sep=;\ntenant;guards.maxActions\nfabrikam.com;3\n',
    '\n# ours\ntenant\tguards.maxActions\nfabrikam.com\t3\n',
  ]) {
    const { tenants, mistakes } = await read(text);
    expect(mistakes).toEqual([]);
    expect(tenants).toMatchObject([{ tenant: 'fabrikam.com', flags: { 'max-actions': '3' } }]);
  }
});

describe('a mistake has its line', () => {
  const TABLE: readonly (readonly [what: string, text: string, mistakes: readonly (readonly [number, RegExp])[]])[] = [
    ['an empty table', '', [[1, /is empty/]]],
    ['a header alone', 'tenant\n', [[1, /no tenant below it/]]],
    ['no column tenant', 'name\nx\n', [[1, /there is no column tenant/]]],
    ['two columns of a name', 'tenant,Tenant\na.com,b.com\n', [[1, /two columns tenant/]]],
    ['a column that is nearly one', 'tenant,coment\na.com,x\n', [[1, /no column "coment": did you mean comment\?/]]],
    ['a guard that is nearly one', 'tenant,maxActions\na.com,3\n', [[1, /did you mean guards\.maxActions\?/]]],
    ['a column that is like none', 'tenant,colour\na.com,x\n', [[1, /no column "colour"; there are tenant, name, /]]],
    ['a secret', 'tenant,clientSecret\na.com,hush\n', [[1, /it is a secret: set AZURE_CLIENT_SECRET/]]],
    ['a column without a name', 'tenant,,name\na.com,x,y\n', [[1, /column 2 has no name/]]],
    ['no tenant in a row', 'tenant,name\n,x\n', [[2, /tenant is empty/]]],
    ['a tenant that is none', 'tenant\nnot a tenant\n', [[2, /tenant must be .*, not "not a tenant"/]]],
    [
      'the same tenant twice, in other letters',
      'tenant\nA.com\nb.com\na.COM\n',
      [[4, /tenant "a\.com" stands in line 2 already/]],
    ],
    ['the same name twice', 'tenant,name\na.com,x\nb.com,X\n', [[3, /name "X" stands in line 2 already/]]],
    ['stdin', 'tenant,source\na.com,-\n', [[2, /source is stdin/]]],
    ['more cells than columns', 'tenant,comment\na.com,one, two\n', [[2, /3 cells, and the header 2/]]],
    [
      'several, all at once',
      'tenant,region,guards.maxActions,name\na.com,mars,3.000,x\nb.com,,no,a/b\n',
      [
        [2, /region must be one of .*, not "mars"/],
        [2, /guards\.maxActions must be a whole number/],
        [3, /guards\.maxActions must be/],
        [3, /name must be at most 64/],
      ],
    ],
  ];
  test.each(TABLE)('%s', async (_what, text, wanted) => {
    const { mistakes } = await read(text);
    expect(mistakes.map(({ line }) => line)).toEqual(wanted.map(([line]) => line));
    for (const [index, [, pattern]] of wanted.entries()) expect(mistakes[index]?.text).toMatch(pattern);
    expect(JSON.stringify(mistakes)).not.toContain('hush');
  });
});

test('every guard that a job can have is a column', () => {
  const guards = settingsThat(({ job }) => job?.startsWith('guards.')).map((name) => (SETTINGS[name] as Setting).job);
  expect(guards.length).toBeGreaterThan(5);
  expect(TENANT_COLUMNS).toEqual(expect.arrayContaining(guards));
});

test('what is no table is refused whole', async () => {
  await expect(read('tenant\n"a.com\n')).rejects.toMatchObject({ exitCode: 2 });
  await expect(read(`tenant\n${Array(10_001).fill('a.com').join('\n')}\n`)).rejects.toMatchObject({
    message: expect.stringContaining('over 10000 rows'),
  });
});
