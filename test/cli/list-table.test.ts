import { describe, expect, it } from 'vitest';
import { listTable } from '../../src/cli/views/list-table.ts';
import type { MachineAction } from '../../src/defender/entity.ts';

const ID = '5382f7ea-7557-4ab7-9782-d50480024a4e';
const action = (more: Partial<MachineAction> = {}): MachineAction =>
  ({
    id: ID,
    type: 'CollectInvestigationPackage',
    status: 'InProgress',
    computerDnsName: 'desktop-0817.berlin.example.com',
    machineId: 'f'.repeat(40),
    creationDateTimeUtc: '2026-11-24T17:49:03.1234567Z',
    ...more,
  }) as MachineAction;

describe('the table of `list` at a terminal', () => {
  it.each([
    [80, '5382f7ea  CollectInvestigationPackage  InProgress  desktop-0817.berlin.example.…'],
    [120, `${ID}  2026-11-24 17:49  CollectInvestigationPackage  InProgress  desktop-0817.berlin`],
  ])('of %i columns has a line an action, and what tells them apart', (columns, begins) => {
    const lines = listTable([action(), action()], { columns, plain: true }).split('\n');
    expect(lines).toHaveLength(4);
    expect(lines[2]?.startsWith(begins)).toBe(true);
    expect(lines.filter((line) => line.length > columns)).toEqual([]);
  });

  it('names the device by its ID where it has no name, and shows foreign text with its escapes', () => {
    const text = listTable([action({ computerDnsName: null, type: 'x\u001b[31m' })], {
      columns: 120,
      plain: true,
    });
    expect(text).toContain('fffffff');
    expect(text).toContain('x\\x1b[31m');
  });

  it('takes ten thousand actions in a moment', () => {
    const many = Array.from({ length: 10_000 }, () => action());
    expect(listTable(many, { columns: 80, plain: true }).split('\n')).toHaveLength(10_002);
  });
});
