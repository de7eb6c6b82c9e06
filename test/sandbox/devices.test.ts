import { describe, expect, test } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { api, idOf } from './client.ts';

const DAY_MS = 86_400_000;
const device = (n: number) => String(n).repeat(40);
const actions = [1, 2, 3].map((n) => ({ id: idOf(n), machineId: device(n), computerDnsName: `pc-${n}` }));

async function devices(sandbox: Sandbox, query: Record<string, string> = {}) {
  const { status, body } = await api(sandbox).send('GET', `/api/machines?${new URLSearchParams(query)}`);
  const shown = (body['value'] ?? []) as { id: string; lastSeen: string | null; healthStatus: string }[];
  return { status, shown, names: shown.map(({ id }) => Number(id[0])) };
}

describe('the list of devices', () => {
  test('the list of devices shows those of the actions, with when they were seen', async () => {
    await using sandbox = await startSandbox({ actions });
    const { status, shown, names } = await devices(sandbox);
    expect({ status, names }).toEqual({ status: 200, names: [1, 2, 3] });
    for (const { lastSeen } of shown) expect(Date.parse(lastSeen ?? '')).toBeLessThanOrEqual(Date.now());
  });

  test('the list of devices is filtered, and cut by place', async () => {
    await using sandbox = await startSandbox({ actions, list: { pageSize: 2 } });
    const nowMs = Date.now();
    sandbox.devices.tell(device(1), { lastSeenMs: nowMs - 30 * DAY_MS });
    sandbox.devices.tell(device(2), { lastSeenMs: nowMs - DAY_MS });
    sandbox.devices.tell(device(3), { lastSeenMs: null });
    const since = new Date(nowMs - 3 * DAY_MS).toISOString();
    expect((await devices(sandbox, { $filter: `lastSeen gt ${since}` })).names).toEqual([2]);
    expect((await devices(sandbox, { $filter: "healthStatus eq 'Inactive'" })).names).toEqual([1, 3]);
    expect((await devices(sandbox, { $filter: "computerDnsName eq 'pc-2' or id eq 'x'" })).names).toEqual([2]);
    expect((await devices(sandbox, { $top: '1' })).names).toEqual([1]);
    expect((await devices(sandbox, { $top: '10000', $skip: '1' })).names).toEqual([2, 3]);
    expect(await devices(sandbox, { $skip: '3' })).toMatchObject({ status: 200, names: [] });
  });

  test.each([
    ['nothing that matches', { $filter: "id eq 'x'" }, 404],
    ['more than a page', { $top: '10001' }, 400],
    ['another parameter', { $orderby: 'lastSeen' }, 400],
    ['a property of actions', { $filter: "status eq 'Pending'" }, 400],
  ])('the list of devices asked for %s is answered %s %i', async (_, query, status) => {
    await using sandbox = await startSandbox({ actions });
    expect((await devices(sandbox, query)).status).toBe(status);
  });

  test('the list of devices takes the permission to read, and may take another one', async () => {
    await using sandbox = await startSandbox({ actions });
    const unread = api(sandbox, sandboxToken({ roles: ['Machine.Isolate'] }));
    expect((await unread.send('GET', '/api/machines')).status).toBe(403);
    sandbox.access.readsDevices = false;
    expect([(await devices(sandbox)).status, (await api(sandbox).get(idOf(1))).status]).toEqual([403, 200]);
  });
});

describe('devices that come back', () => {
  test('a device that comes back before its cancel carries its isolation out, and is seen then', async () => {
    const clock = new ManualClock();
    await using sandbox = await startSandbox({ clock });
    const backAtMs = clock.wallMs() + 60_000;
    sandbox.devices.tell(device(1), { lastSeenMs: clock.wallMs() - DAY_MS, backAtMs });
    for (const each of actions) sandbox.store.add(each);
    expect(sandbox.store.get(idOf(1))?.status).toBe('Pending');
    await clock.advance(60_000);
    expect([1, 2].map((n) => sandbox.store.get(idOf(n))?.status)).toEqual(['Succeeded', 'Pending']);
    expect(sandbox.store.cancel(idOf(1), { comment: 'x', requestor: 'y' }).kind).toBe('over');
    const [first] = sandbox.devices.all();
    expect(Date.parse(String(first?.['lastSeen']))).toBe(backAtMs);
  });

  test('a device that comes back after its cancel carries nothing out', async () => {
    const clock = new ManualClock();
    await using sandbox = await startSandbox({ clock });
    sandbox.devices.tell(device(1), { backAtMs: clock.wallMs() + 60_000 });
    for (const each of actions) sandbox.store.add(each);
    sandbox.store.cancel(idOf(1), { comment: 'x', requestor: 'y' });
    await clock.advance(120_000);
    expect(sandbox.store.get(idOf(1))?.status).toBe('Cancelled');
  });

  test('devices come back by the scenario: those seen today soon, those lost for weeks not', async () => {
    const clock = new ManualClock();
    await using sandbox = await startSandbox({ clock, devices: { returnsAfterMs: 600_000 } });
    const many = Array.from({ length: 500 }, (_, n) => ({ id: idOf(n), machineId: n.toString(16).padStart(40, '0') }));
    for (const each of many) sandbox.store.add(each);
    const seen = new Map([...sandbox.devices.all()].map((each) => [each['id'], Date.parse(String(each['lastSeen']))]));
    await clock.advance(3_600_000);
    const back = many.filter(({ id }) => sandbox.store.get(id)?.status === 'Succeeded');
    const isRecent = ({ machineId }: { machineId: string }) => (seen.get(machineId) ?? 0) > clock.wallMs() - 2 * DAY_MS;
    expect(back.filter(isRecent).length).toBeGreaterThan(150);
    expect(back.length).toBeLessThan(400);
  });
});
