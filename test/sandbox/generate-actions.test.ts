import { parse } from 'csv-parse/sync';
import { describe, expect, test } from 'vitest';
import { generateActions, unknownIds } from '../../src/sandbox/generate-actions.ts';
import { practiceOptions } from '../../src/sandbox/practice.ts';
import { actionStatuses, actionTypes, parseServiceTime, serviceTime } from '../../src/sandbox/sandbox-action.ts';
import { sandboxCsv } from '../../src/sandbox/sandbox-csv.ts';
import { startSandbox } from '../../src/sandbox/start-sandbox.ts';

const nowMs = Date.parse('2026-03-01T12:00:00Z');
const guid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('generated actions', () => {
  const actions = generateActions({ count: 2_000, seed: 7, nowMs });

  test('generated actions are the same for the same seed, and their IDs do not depend on how many there are', () => {
    expect(generateActions({ count: 2_000, seed: 7, nowMs })).toEqual(actions);
    const ids = actions.map(({ id }) => id);
    expect(generateActions({ count: 50, seed: 7, nowMs: nowMs + 5_000 }).map(({ id }) => id)).toEqual(ids.slice(0, 50));
    expect(generateActions({ count: 50, seed: 8, nowMs })[0]?.id).not.toBe(ids[0]);
    expect(new Set(ids).size).toBe(2_000);
    for (const id of ids) expect(id).toMatch(guid);
  });

  test('generated actions have every documented type and status', () => {
    expect(new Set(actions.map(({ type }) => type))).toEqual(new Set(actionTypes));
    expect(new Set(actions.map(({ status }) => status))).toEqual(new Set(actionStatuses));
  });

  test('generated actions carry every field of the entity', () => {
    for (const action of actions) {
      expect(Object.keys(action).sort()).toEqual(entityFields);
      expect(action.machineId).toMatch(/^[0-9a-f]{40}$/);
      expect(parseServiceTime(action.creationDateTimeUtc)).toBeLessThan(nowMs);
      expect(parseServiceTime(action.lastUpdateDateTimeUtc)).toBeGreaterThanOrEqual(
        parseServiceTime(action.creationDateTimeUtc),
      );
      expect(action.cancellationRequestor !== null).toBe(action.status === 'Cancelled');
    }
  });

  test('live responses carry a command whose state fits the status, and no other type does', () => {
    for (const { type, status, commands } of actions) {
      expect(commands.length).toBe(type === 'LiveResponse' ? 1 : 0);
      if (commands[0] === undefined) continue;
      expect(commands[0].commandStatus === 'Completed').toBe(status === 'Succeeded');
      expect(commands[0].command.params[0]?.key).toBe('ScriptName');
    }
  });

  test('a mix can ask for types and statuses that nobody documented', () => {
    const mix = { types: { RequestSample: 1 }, statuses: { Paused: 1 } };
    expect(generateActions({ count: 1, mix, nowMs })).toMatchObject([{ type: 'RequestSample', status: 'Paused' }]);
  });
});

test('times have seven digits of a second at most, and none that is zero at the end', () => {
  expect(serviceTime(1_000)).toBe('1970-01-01T00:00:01.0009Z');
  expect(serviceTime(10_000)).toBe('1970-01-01T00:00:10Z');
  expect(serviceTime(1_234)).toBe('1970-01-01T00:00:01.2342046Z');
  expect(parseServiceTime('1970-01-01T00:00:01.2342046Z')).toBeCloseTo(1_234.2046, 4);
  expect(parseServiceTime('1970-01-01T00:00:01.2Z')).toBe(1_200);
});

describe('the practice preset', () => {
  test('a list made from one sandbox fits another one of the same seed, whenever that is started', async () => {
    const options = { ...practiceOptions({ actions: 200, seed: 4 }), latencyMs: 0 };
    await using first = await startSandbox(options);
    const csv = sandboxCsv(first.store.all(), { seed: 4 });
    await using second = await startSandbox({ ...options });
    expect(sandboxCsv(second.store.all(), { seed: 4 })).toBe(csv);

    const rows: Record<string, string>[] = parse(csv, { columns: true });
    expect(rows).toHaveLength(205);
    const ids = rows.map(({ id = '' }) => id);
    const unknown = ids.filter((id) => guid.test(id) && second.store.get(id) === undefined);
    expect(unknown).toEqual(unknownIds(3, 4));
    expect(ids.filter((id) => !guid.test(id))).toEqual(['see ticket 4711']);
    expect(ids.length - new Set(ids).size).toBe(1);
    expect(rows.filter(({ comment }) => comment !== '').length).toBeGreaterThan(3);
  });

  test('nothing goes wrong by chance in the practice preset without trouble', () => {
    const { faults } = practiceOptions({ trouble: 0 });
    expect(typeof faults === 'object' && faults.rates?.every(({ rate }) => rate === 0)).toBe(true);
  });
});

const entityFields = [
  'cancellationComment',
  'cancellationDateTimeUtc',
  'cancellationRequestor',
  'commands',
  'computerDnsName',
  'creationDateTimeUtc',
  'errorHResult',
  'externalId',
  'id',
  'lastUpdateDateTimeUtc',
  'machineId',
  'relatedFileInfo',
  'requestSource',
  'requestor',
  'requestorComment',
  'scope',
  'status',
  'title',
  'troubleshootInfo',
  'type',
];
