import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readAll } from './read-all.ts';

const A = '5382f7ea-7557-4ab7-9782-d50480024a4e';
const B = '2e9da30d-27f6-4208-81f2-9cd3d67893ba';
const C = 'b89eb834-4578-496c-8be0-03f004061435';

async function idsOf(content: string, column?: string): Promise<string[]> {
  const { rows, error } = await readAll(content, { column });
  if (error !== undefined) throw error;
  return rows.flatMap((row) => (row.kind === 'id' ? [row.id] : []));
}

async function refusal(content: string, column?: string): Promise<string> {
  const { error } = await readAll(content, { column });
  expect(error).toBeInstanceOf(UsageError);
  const { message } = error as UsageError;
  expect(message).not.toContain('\n');
  return message;
}

const OF_SOMETHING_ELSE = [
  'Device ID',
  'Device IDs:',
  'deviceid',
  'AadDeviceId',
  'AADDeviceID',
  'machineId',
  'mdatpDeviceId',
  'Machine',
  'Devices',
  'Device name',
  'Incident ID',
  'Alert ID',
  'AlertIDs',
  'Alerts',
  'user_id',
  'Tenant GUID',
  'correlationId',
  'CORRELATION_ID',
  'ID of the device',
  'Correlation action ID',
];

describe('a list of one column', () => {
  it.each(OF_SOMETHING_ELSE)(
    'a list under the header "%s" is refused, unless --column says what it is',
    async (name) => {
      expect(await refusal(`${name}\n${A}\n${B}\n`)).toContain(
        `list.csv, line 1: "${name}" is a header of something else than action IDs: give a list of action IDs, or --column "${name}"`,
      );
      expect(await refusal(`List of today\n\n"${name}"\n${A}\n`)).toContain('line 3: ');
      expect(await refusal(`${name},,\n${A},,\n`)).toContain('line 1: ');
      for (const column of [name, '1']) expect(await idsOf(`${name}\n${A}\n${B}\n`, column)).toEqual([A, B]);
    },
  );

  it.each(OF_SOMETHING_ELSE.filter((name) => /id|GUID/i.test(name)))(
    'a list that goes on under the header "%s" is refused with that line',
    async (name) => {
      for (const first of ['', 'id\n']) {
        expect(await refusal(`${first}${A}\n${name}\n${B}\n`)).toMatch(/line [23]: .*remove what is below it/);
      }
    },
  );

  it.each(['id', 'IDs', 'Action IDs', 'ActionIDs', 'machine_action_ids', 'Machine action ID'])(
    'a list under the header "%s" is read, and no row of it is rejected',
    async (name) => {
      expect((await readAll(`${name}\n${A}\n`)).rows).toEqual([{ kind: 'id', id: A, line: 2 }]);
      expect(await idsOf(`Host,${name}\nh1,${A}\n`)).toEqual([A]);
    },
  );

  it.each([
    'nonsense',
    'no id',
    'not an id',
    'not-an-id',
    'n/a',
    'Vulnerability ID',
    'Pending action IDs',
    'Device action ID',
    'IDs of machine actions',
    'Machine actions',
    'GUID',
    'IDs:',
    'List of IDs',
    'These are the IDs:',
    'Please cancel these IDs:',
    'Actions on the devices of incident 4711',
    'Incident 4711',
    'Requested by David',
    'For the device team',
    '-----',
  ])('a list that begins with the words "%s" is read, and they are rejected', async (words) => {
    const { rows, error } = await readAll(`${words}\n${A}\n`);
    expect(error).toBeUndefined();
    expect(rows).toEqual([
      { kind: 'reject', reason: 'not-an-id', line: 1, text: words },
      { kind: 'id', id: A, line: 2 },
    ]);
  });
});

describe('a row without an ID in the middle of a list', () => {
  it.each(['no id', 'not-an-id', 'missing ID', 'device', 'Machine', 'n/a', 'TBD'])(
    'a row without an ID in the middle of a list is rejected, and the list goes on: %s',
    async (words) => {
      for (const [content, line] of [
        [`${A}\n${words}\n${B}\n`, 2],
        [`id,note\n${A},x\n${words},y\n${B},z\n`, 3],
      ] as const) {
        const { rows, error } = await readAll(content);
        expect(error).toBeUndefined();
        expect(rows.map((row) => (row.kind === 'id' ? row.id : row.line))).toEqual([A, line, B]);
      }
    },
  );
});

describe('a second column of IDs', () => {
  it.each([
    ['Device,Action ID,Action ID 2', `h,${A},${B}`, '"Action ID" and "Action ID 2"', '2 or 3'],
    ['id,id.1', `${A},${B}`, '"id" and "id.1"', '1 or 2'],
    ['ActionId,actionid_2', `${A},${B}`, '"ActionId" and "actionid_2"', '1 or 2'],
    ['id_y,id', `${B},${A}`, '"id" and "id_y"', '2 or 1'],
    ['id (2);id', `${B};${A}`, '"id" and "id (2)"', '2 or 1'],
    ['ID,Action', `${A},${B}`, '"ID" and "Action"', '1 or 2'],
    ['id,actionGuid', `${A},${B}`, '"id" and "actionGuid"', '1 or 2'],
    ['id,Related machine action', `,${B}`, '"id" and "Related machine action"', '1 or 2'],
  ])('two columns that may hold the action IDs are refused where both do: %s', async (header, row, names, numbers) => {
    const message = await refusal(`${header}\n${row}\n`);
    expect(message).toContain(`list.csv, line 2: two columns may hold the action IDs, ${names}`);
    expect(message).toContain(`--column (${numbers})`);
    const [first = '', second = ''] = numbers.split(' or ');
    const both = [...(await idsOf(`${header}\n${row}\n${row}\n`, second)), row.includes(A) ? A : B];
    expect(both).toContain(B);
    if (row.includes(A)) expect(await idsOf(`${header}\n${row}\n`, first)).toEqual([A]);
  });

  it('two columns that may hold the action IDs are refused at the first row in which both do', async () => {
    const rows = `${A},Isolate\n`.repeat(3000);
    expect(await refusal(`id,action\n${rows}${B},${C}\n`)).toContain('line 3002: two columns');
  });

  it.each([
    ['id,action', `${A},Isolate`],
    ['id,id 2', `${A},${A}`],
    ['id,action ID 2', `${A},`],
    ['id,correlationId', `${A},${B}`],
    ['id,actionCorrelationId', `${A},${B}`],
    ['id,transactionId', `${A},${B}`],
    ['Action ID,parentActionId', `${A},${B}`],
    ['Action ID,Device ID,Incident ID', `${A},${B},${C}`],
  ])('a second column that holds no other action IDs is left alone: %s', async (header, row) => {
    expect(await idsOf(`${header}\n${row}\n`)).toEqual([A]);
  });
});

describe('a header among the rows', () => {
  it.each<[string, string, string?]>([
    ['the columns the other way round', `id,deviceId\n${A},${B}\ndeviceId,id\n${B},${A}\n`],
    ['another column before', `id,type\n${A},x\nhost,id,type\nh,${A},x\n`],
    ['the comment elsewhere', `id,comment,host\n${A},why,h\nid,host,comment\n${B},h,why\n`],
    ['no comment any more', `id,comment\n${A},why\nid,host\n${B},h\n`],
    ['a second column of that name', `id,x\n${A},1\nid,actionId\n${B},${C}\n`],
    ['a column that may be it too', `id,host\n${A},h\nid,actionGuid\n${B},${C}\n`],
    ['something else in place of the IDs', `id,host\n${A},h\ndeviceId,host\n${B},h\n`],
    ['the chosen column elsewhere', `ref,id\n${A},${B}\nid,ref\n${B},${A}\n`, 'ref'],
    ['the IDs elsewhere than the number says', `h,${A}\nid,host\n${B},h\n`, '2'],
    ['several columns in a plain list', `${A}\ndeviceId,id\n${B},${C}\n`],
  ])('a header among the rows is refused with its line: %s', async (_, content, column) => {
    expect(await refusal(content, column)).toMatch(/^list\.csv, line [23]: .*a file of its own/);
  });

  it.each<[string, string, string?]>([
    ['the same one', `id,deviceId\n${A},${C}\nid,deviceId\n${B},${C}\n`],
    ['the same one with empty columns', `id,deviceId,,\n${A},${C}\n"ID",Device ID,,\n${B},${C}\n`],
    ['the same one of one column', `Action IDs\n${A}\nAction IDs\n${B}\n`],
    ['the same one under --column', `Device ID\n${A}\nDevice ID\n${B}\n`, 'Device ID'],
    ['the same one under --column by number', `id,ref\n${C},${A}\nid,ref\n${C},${B}\n`, '2'],
    ['other columns that are not read', `id,host\n${A},h\naction id,device\n${B},h\n`],
    ['its name in a plain list', `${A}\nid\n${B}\n`],
  ])(
    'a header among the rows is rejected, and reading goes on, where the IDs stay in place: %s',
    async (_, content, column) => {
      const { rows, error } = await readAll(content, { column });
      expect(error).toBeUndefined();
      expect(rows.map((row) => (row.kind === 'id' ? row.id : row.reason))).toEqual([A, 'not-an-id', B]);
    },
  );

  it('of two exports put together, no ID is taken from a column that names something else', async () => {
    const columns = ['id', 'deviceId', 'host', 'comment', 'priority'];
    const order = fc.shuffledSubarray(columns, { minLength: 2 }).filter((names) => names.includes('id'));
    let read = 0;
    await fc.assert(
      fc.asyncProperty(order, order, fc.boolean(), fc.constantFrom(',', ';'), async (one, another, same, delimiter) => {
        const other = same ? one : another;
        const cells = (id: string) => ({ id, deviceId: C, host: 'h', comment: 'why', priority: '7' });
        const table = (names: readonly string[], id: string) =>
          [names, names.map((name) => (cells(id) as Readonly<Record<string, string>>)[name])]
            .map((row) => `${row.join(delimiter)}\n`)
            .join('');
        const { rows, error } = await readAll(table(one, A) + table(other, B));
        for (const row of rows) {
          if (row.kind !== 'id') continue;
          expect([A, B]).toContain(row.id);
          expect([undefined, 'why']).toContain(row.comment);
        }
        if (error !== undefined) expect(error).toBeInstanceOf(UsageError);
        else read += 1;
      }),
      { numRuns: 300 },
    );
    expect(read).toBeGreaterThan(100);
  });
});
