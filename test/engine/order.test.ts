import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Answer } from '../../src/defender/call.ts';
import { lastSeenOf } from '../../src/defender/last-seen.ts';
import { type CallOrder, chooseOrder, ordered, orderTrouble, SOURCE_ORDER } from '../../src/engine/order.ts';
import type { NextStep } from '../../src/engine/task.ts';
import { makeWorkQueue, type Taken } from '../../src/engine/work-queue.ts';
import type { Action } from '../../src/ledger/state/run-state.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';
import { Told } from './state.ts';

const time = useVirtualTime();
const NOW = Date.UTC(2026, 2, 1);
const device = (n: number) => n.toString(16).padStart(40, 'd');
const lastSeen = (days: Record<number, number>): CallOrder => ({
  asked: 'last-seen',
  by: 'last-seen',
  why: undefined,
  lastSeenMs: new Map(Object.entries(days).map(([n, ago]) => [device(Number(n)), NOW - ago * 86_400_000])),
});
const NEWEST: CallOrder = { ...SOURCE_ORDER, asked: 'newest', by: 'newest' };

/** Looked up on their own devices, the n-th created n hours ago. */
function looked(count: number, priorities: Record<number, number> = {}): Told {
  const told = new Told(count, priorities);
  return told.tell((script) => {
    for (const [index, each] of ids(count).entries()) {
      const created = new Date(NOW - (index + 1) * 3_600_000).toISOString();
      const shown = { status: 'Pending', type: 'Isolate', computer: null, requestor: null };
      script.add('screen', { id: each, ...shown, machineId: device(index + 1).toUpperCase(), created });
    }
  });
}

const WORK: NextStep = { kind: 'work', next: { kind: 'again', attempt: 1 } };
const queueOf = ({ state }: Told, order: CallOrder, retry: readonly string[] = []) =>
  makeWorkQueue({ state, retry: new Set(retry), clock: new ManualClock(), order, stepOf: () => WORK });
const namesOf = (taken: readonly Taken[]) => taken.map(({ task }) => Number.parseInt(task.id.slice(-4), 16));

describe('the order of the queue', () => {
  it('the queue gives the devices that were seen last first, and those that are not known last, as they stand', () => {
    const queue = queueOf(looked(6), lastSeen({ 2: 1, 3: 9, 5: 0, 6: 1 }));
    expect(namesOf(queue.take())).toEqual([5, 2, 6, 3, 1, 4]);
  });

  it('the queue gives the newest actions first', () => {
    const told = looked(4);
    told.tell((script) => {
      const odd = { status: 'Pending', type: 'Isolate', machineId: null, computer: null, requestor: null };
      script.add('screen', { id: id(1), ...odd, created: null }).add('screen', { id: id(2), ...odd, created: 'soon' });
    });
    expect(namesOf(queueOf(told, NEWEST).take())).toEqual([3, 4, 1, 2]);
  });

  it('the queue gives higher priorities first, whatever the order', () => {
    const priorities = { 2: -1, 3: 7, 5: 0.5 };
    expect(namesOf(queueOf(looked(5, priorities), SOURCE_ORDER).take())).toEqual([3, 5, 1, 4, 2]);
    expect(namesOf(queueOf(looked(5, priorities), lastSeen({ 2: 0, 4: 1 })).take())).toEqual([3, 5, 4, 1, 2]);
  });

  it('the queue keeps to the order among what was begun, what was put back, and what is tried again', () => {
    const told = looked(6).tell((script) => {
      for (const n of [1, 2, 3]) script.cancel(id(n), { http: 503 });
      script.cancel(id(4), { http: 409 }).add('outcome', { id: id(4), outcome: 'failed', attempts: 1 });
    });
    const queue = queueOf(told, lastSeen({ 1: 3, 2: 2, 3: 1, 4: 1, 5: 2, 6: 0 }), [id(4)]);
    const taken = queue.take();
    expect(namesOf(taken)).toEqual([3, 2, 1, 6, 4, 5]);
    for (const index of [2, 0, 1]) {
      const task = taken[index]?.task;
      if (task === undefined) throw new Error('not taken');
      task.timesPutBack++;
      queue.putBack(task);
    }
    expect(namesOf(queue.take())).toEqual([3, 2, 1]);
  });

  it('the actions are sorted by priority, then by what the order says, then as they stand', () => {
    const row = fc.record({
      priority: fc.integer({ min: -2, max: 2 }),
      seen: fc.option(fc.integer({ min: 0, max: 3 })),
    });
    fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), fc.boolean(), (rows, bySource) => {
        const actions = rows.map(({ priority }, n) => ({
          ...{ id: id(n), line: n, priority, comment: undefined, last: undefined, sent: 0, outcome: undefined },
          screen: { machineId: device(n), created: null } as Action['screen'],
        }));
        const known = rows.flatMap(({ seen }, n) => (seen === null ? [] : [[device(n), seen] as const]));
        const order = bySource ? SOURCE_ORDER : { ...lastSeen({}), lastSeenMs: new Map(known) };
        const rank = (n: number) => (bySource ? 0 : (rows[n]?.seen ?? -1));
        const expected = actions.toSorted(
          (a, b) => b.priority - a.priority || rank(b.line) - rank(a.line) || a.line - b.line,
        );
        expect([...ordered(actions, order)].map(({ line }) => line)).toEqual(expected.map(({ line }) => line));
      }),
    );
  });
});

describe('the list of devices', () => {
  const page = (...devices: [n: number, lastSeenMs: number | undefined][]): Answer => ({
    kind: 'devices',
    devices: devices.map(([n, lastSeenMs]) => ({ id: device(n), lastSeenMs })),
    entries: devices.length,
  });
  async function read(wanted: readonly number[], answers: readonly Answer[]) {
    const asked: number[] = [];
    const machines = ({ skip }: { skip: number }) => {
      asked.push(skip);
      return Promise.resolve(answers[asked.length - 1] ?? page());
    };
    const found = await lastSeenOf({ machines }, new Set(wanted.map(device)), new AbortController().signal);
    return { asked, found: 'unread' in found ? found.unread : Object.fromEntries(found.lastSeenMs) };
  }
  const notFound: Answer = {
    kind: 'error',
    http: 404,
    code: 'ResourceNotFound',
    correlation: undefined,
    claims: undefined,
  };

  it('the list of devices is read until all are found', async () => {
    const { asked, found } = await read([1, 3], [page([1, 5], [2, 6]), page([3, 7], [4, 8]), page([5, 9])]);
    expect({ asked, found }).toEqual({ asked: [0, 2], found: { [device(1)]: 5, [device(3)]: 7 } });
  });

  it.each<[string, Answer[], number[]]>([
    ['a page is empty', [page([1, 5])], [0, 1]],
    ['Defender knows no more', [page([1, 5]), notFound], [0, 1]],
    ['a page is the same again', [page([1, 5], [2, 6]), page([1, 5], [2, 6])], [0, 2]],
  ])('the list of devices ends where %s', async (_, answers, skips) => {
    expect(await read([1, 9], answers)).toEqual({ asked: skips, found: { [device(1)]: 5 } });
  });

  it('a device that is shown without a time is not known, and one that is shown twice has its latest', async () => {
    const { found } = await read([1, 2], [page([1, undefined], [2, 5], [2, 4])]);
    expect(found).toEqual({ [device(2)]: 5 });
  });

  it('the list of devices that is refused says why', async () => {
    expect((await read([1], [{ ...notFound, http: 403, code: 'Forbidden' } as Answer])).found).toBe(
      'HTTP 403 Forbidden',
    );
    expect((await read([1], [{ kind: 'lost', error: 'timeout', http: undefined }])).found).toBe('timeout');
  });
});

describe('a session', () => {
  const three = () => {
    const wire = wireWith([]);
    for (const n of [1, 2, 3]) {
      wire.store.add({ id: id(n), machineId: device(n) });
      wire.devices.tell(device(n), { lastSeenMs: Date.now() - n * 86_400_000 });
    }
    wire.devices.tell(device(3), { lastSeenMs: Date.now() });
    return wire;
  };
  const screened = async (order: 'last-seen' | 'newest', wire = three(), screen: 'auto' | 'never' = 'auto') => {
    const run = await makeRun({ ids: ids(3), wire, job: { order, screen, concurrency: 1 } });
    await run.ledger.screen(
      ids(3).map((each, n) => ({
        ...{ id: each, status: 'Pending', type: 'Isolate', machineId: device(n + 1), computer: null },
        ...{ requestor: null, created: new Date(NOW).toISOString() },
      })),
    );
    return run;
  };

  it('a session calls the devices that were seen last first, and its calls for them are counted and recorded', async () => {
    const run = await screened('last-seen');
    const order = await run.wait(time(), chooseOrder(run.parts));
    await run.cancel(time(), { order });
    const cancels = run.wire.calls.filter(({ route }) => route === 'cancel').flatMap((call) => call.ids);
    expect(cancels).toEqual([id(3), id(1), id(2)]);
    expect(run.ledger.state.calls.machines).toBe(1);
    expect(run.wire.calls[0]?.path).toBe('/api/machines?$top=10000');
    expect(run.taken.total).toBe(run.wire.calls.length);
  });

  it('a session lists no devices where it does not go by them, and says that without lookups it cannot', async () => {
    for (const [order, screen] of [
      ['newest', 'auto'],
      ['newest', 'never'],
      ['last-seen', 'never'],
    ] as const) {
      const run = await screened(order, three(), screen);
      const chosen = await run.wait(time(), chooseOrder(run.parts));
      expect(chosen.by).toBe(screen === 'never' ? 'source' : order);
      expect(orderTrouble(chosen) ?? '').toMatch(screen === 'never' ? /--screen never.*source order/ : /^$/);
      expect(run.wire.count('machines')).toBe(0);
    }
  });

  it('a session goes by the source where it may not list devices', async () => {
    const wire = three();
    wire.access.readsDevices = false;
    const run = await screened('last-seen', wire);
    const order = await run.wait(time(), chooseOrder(run.parts));
    expect([order.by, wire.count('machines')]).toEqual(['source', 1]);
    expect(orderTrouble(order)).toContain('HTTP 403 Forbidden');
  });

  it.each([
    ['answers 5xx', { kind: 'status', status: 503 }],
    ['breaks the connection', { kind: 'reset' }],
    ['is a page of somebody else', { kind: 'html', status: 200 }],
  ] as const)('a session goes by the source where the list of devices %s five times', async (_, fault) => {
    const wire = three();
    wire.fault = ({ route }) => (route === 'machines' ? fault : undefined);
    const run = await screened('last-seen', wire);
    const order = await run.wait(time(), chooseOrder(run.parts));
    expect([order.by, wire.count('machines')]).toEqual(['source', 5]);
  });

  it('a session waits out a 429 to its list of devices', async () => {
    const wire = three();
    wire.fault = ({ route, n }) => (route === 'machines' && n < 4 ? { kind: 'too-many', seconds: 5 } : undefined);
    const run = await screened('last-seen', wire);
    const order = await run.wait(time(), chooseOrder(run.parts));
    expect([order.by, wire.count('machines')]).toEqual(['last-seen', 4]);
  });
});
