import { describe, expect, test } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { type ActionBehaviour, drawBehaviour } from '../../src/sandbox/behaviours.ts';
import { serviceTime } from '../../src/sandbox/sandbox-action.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { type Api, api, entities, idOf } from './client.ts';

interface Harness {
  clock: ManualClock;
  sandbox: Sandbox;
  call: Api;
  status: () => Promise<unknown>;
  [Symbol.asyncDispose](): Promise<void>;
}

const id = idOf(1);

/** A sandbox with one pending action that behaves like this, on a clock that stands still. */
async function openHarness(
  behaviour: ActionBehaviour,
  secondCancel: 'refused' | 'accepted' = 'refused',
): Promise<Harness> {
  const clock = new ManualClock();
  const sandbox = await startSandbox({
    actions: [{ id }],
    behaviours: { byId: { [id]: behaviour } },
    clock,
    secondCancel,
  });
  const call = api(sandbox, sandboxToken({ nowMs: clock.wallMs() }));
  const status = async () => (await call.get(id)).body['status'];
  return { clock, sandbox, call, status, [Symbol.asyncDispose]: () => sandbox.close() };
}

describe('a cancel that is accepted', () => {
  test.each(['Cancelled', 'Succeeded', 'Failed', 'TimeOut', 'SomethingNew'])(
    'a cancel that is accepted shows Pending and becomes %s after a time',
    async (becomes) => {
      await using on = await openHarness({ onCancel: { kind: 'later', becomes, afterMs: 5_000 } });
      const answer = await on.call.cancel(id, 'why');
      expect(answer).toMatchObject({ status: 200, body: { status: 'Pending', cancellationComment: 'why' } });
      await on.clock.advance(4_999);
      expect(await on.status()).toBe('Pending');
      await on.clock.advance(1);
      expect(await on.status()).toBe(becomes);
      expect(on.sandbox.store.get(id)?.lastUpdateDateTimeUtc).toBe(serviceTime(on.clock.wallMs()));
      expect(on.sandbox.log.effects(id)).toBe(1);
    },
  );

  test('a cancel that is accepted becomes Cancelled after so many lookups have shown the old status, by ID or in a list', async () => {
    await using on = await openHarness({ onCancel: { kind: 'later', becomes: 'Cancelled', afterLookups: 2 } });
    await on.status();
    await on.call.cancel(id);
    expect(await on.status()).toBe('Pending');
    expect(entities(await on.call.list({ $filter: `id in ('${id}')` }))[0]?.['status']).toBe('Pending');
    expect(await on.status()).toBe('Cancelled');
  });

  test('a cancel that is accepted stays Pending for ever when nothing says otherwise, and cannot be cancelled twice', async () => {
    await using on = await openHarness({ onCancel: { kind: 'later', becomes: 'Cancelled' } });
    await on.call.cancel(id);
    await on.clock.advance(80_000_000);
    expect(await on.status()).toBe('Pending');
    expect((await on.call.cancel(id)).status).toBe(400);
    expect(on.sandbox.log.effects(id)).toBe(1);
  });

  test('a cancel that is accepted may be accepted a second time without effect', async () => {
    await using on = await openHarness(
      { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 9_000 } },
      'accepted',
    );
    await on.call.cancel(id, 'first');
    const second = await on.call.cancel(id, 'second');
    expect(second).toMatchObject({ status: 200, body: { status: 'Pending', cancellationComment: 'first' } });
    expect(on.sandbox.log.of(id).map((entry) => entry.effect)).toEqual([true, false]);
  });

  test('a cancel that is accepted may carry the stamp only once it is Cancelled', async () => {
    await using on = await openHarness({
      onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 1_000, stamped: false },
    });
    expect((await on.call.cancel(id, 'why')).body['cancellationComment']).toBeNull();
    await on.clock.advance(1_000);
    expect((await on.call.get(id)).body).toMatchObject({ status: 'Cancelled', cancellationComment: 'why' });
  });

  test.each([
    { kind: 'at-once', completedCommand: true },
    { kind: 'later', becomes: 'Cancelled', afterMs: 0, completedCommand: true },
  ] as const)('a cancel that is accepted is Cancelled with a completed command: $kind', async (onCancel) => {
    await using on = await openHarness({ onCancel });
    await on.call.cancel(id);
    const { body } = await on.call.get(id);
    expect(body).toMatchObject({ status: 'Cancelled', commands: [{ commandStatus: 'Completed' }] });
    expect(body).toHaveProperty('commands.0.endTime', serviceTime(on.clock.wallMs()));
  });
});

describe('a cancel that is refused', () => {
  test('a cancel that is refused because someone else was first is a 400, with their name on it', async () => {
    await using on = await openHarness({ onCancel: { kind: 'beaten', by: 'm.okafor@contoso.com', comment: 'mine' } });
    expect((await on.call.cancel(id)).status).toBe(400);
    expect((await on.call.get(id)).body).toMatchObject({
      status: 'Cancelled',
      cancellationRequestor: 'm.okafor@contoso.com',
      cancellationComment: 'mine',
    });
    expect(on.sandbox.log.effects(id)).toBe(0);
  });

  test('a cancel that is refused because the machine was first is a 400 without a stamp', async () => {
    await using on = await openHarness({ onCancel: { kind: 'beaten', status: 'Succeeded' } });
    expect((await on.call.cancel(id)).status).toBe(400);
    expect((await on.call.get(id)).body).toMatchObject({ status: 'Succeeded', cancellationComment: null });
  });

  test.each([
    [403, 'Forbidden'],
    [409, 'Conflict'],
    [400, 'OsPlatformNotSupported'],
  ])('a cancel is refused with %d %s for this action alone, which stays open', async (http, code) => {
    await using on = await openHarness({ onCancel: { kind: 'refused', http, code } });
    on.sandbox.store.add({ id: idOf(2) });
    expect(await on.call.cancel(id)).toMatchObject({ status: http, body: { error: { code } } });
    expect(await on.status()).toBe('Pending');
    expect((await on.call.cancel(idOf(2))).status).toBe(200);
  });
});

describe('what the service knows', () => {
  test('a young action is unknown to cancel, get and list until it is old enough', async () => {
    await using on = await openHarness({});
    on.sandbox.store.add(
      { id: idOf(2), creationDateTimeUtc: serviceTime(on.clock.wallMs()) },
      { unknownUntilAgeMs: 60_000 },
    );
    const seen = async () => [
      (await on.call.get(idOf(2))).status,
      (await on.call.ids(`id eq '${idOf(2)}'`)).length,
      (await on.call.ids("type eq 'Isolate'")).length,
    ];
    expect(await seen()).toEqual([404, 0, 1]);
    expect((await on.call.cancel(idOf(2))).status).toBe(404);
    await on.clock.advance(60_000);
    expect(await seen()).toEqual([200, 1, 2]);
    expect((await on.call.cancel(idOf(2))).status).toBe(200);
  });

  test('an action missing from lists is found by its ID and can be cancelled', async () => {
    await using on = await openHarness({ missingFromList: true });
    expect(await on.call.ids(`id in ('${id}')`)).toEqual([]);
    expect(await on.status()).toBe('Pending');
    expect((await on.call.cancel(id)).status).toBe(200);
  });
});

describe('changes that nobody asked for', () => {
  test('an offline machine comes back: Pending becomes Succeeded, in filters too', async () => {
    await using on = await openHarness({ becomes: { status: 'Succeeded', afterMs: 30_000 } });
    expect(await on.call.ids("status eq 'Pending'")).toEqual([id]);
    await on.clock.advance(30_000);
    expect(await on.call.ids("status eq 'Pending'")).toEqual([]);
    expect(await on.call.ids("status eq 'Succeeded'")).toEqual([id]);
    expect((await on.call.cancel(id)).status).toBe(400);
  });

  test('changes come too late for an action that was cancelled', async () => {
    await using on = await openHarness({ becomes: { status: 'Succeeded', afterMs: 30_000 } });
    await on.call.cancel(id);
    await on.clock.advance(30_000);
    expect(await on.status()).toBe('Cancelled');
  });

  test('the earliest of several changes wins', async () => {
    await using on = await openHarness({
      becomes: { status: 'Succeeded', afterMs: 1_000 },
      onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 5_000 },
    });
    await on.call.cancel(id);
    await on.clock.advance(60_000);
    expect(await on.status()).toBe('Succeeded');
  });
});

describe('switching at run time', () => {
  test('a behaviour can be given to an action while the sandbox runs', async () => {
    await using on = await openHarness({});
    on.sandbox.store.behave(id, { onCancel: { kind: 'refused', http: 403, code: 'Forbidden' } });
    expect((await on.call.cancel(id)).status).toBe(403);
    on.sandbox.store.behave(id, {});
    expect((await on.call.cancel(id)).status).toBe(200);
    expect(() => on.sandbox.store.behave(idOf(9), {})).toThrow(idOf(9));
  });

  test('an action that is opened again behind the API can be cancelled again', async () => {
    await using on = await openHarness({});
    await on.call.cancel(id);
    on.sandbox.store.update(id, { status: 'InProgress' });
    expect((await on.call.cancel(id)).status).toBe(200);
    expect(on.sandbox.log.effects(id)).toBe(2);
  });

  test('the store can be changed behind the API', async () => {
    await using on = await openHarness({});
    on.sandbox.store.update(id, { status: 'TimeOut', type: 'Offboard' });
    expect((await on.call.get(id)).body).toMatchObject({ status: 'TimeOut', type: 'Offboard' });
    expect([...on.sandbox.store.all()]).toHaveLength(on.sandbox.store.size);
    on.sandbox.store.remove(id);
    expect((await on.call.get(id)).status).toBe(404);
  });
});

test('a mix is drawn by seed and ID, about as often as its shares say', () => {
  const mix = [
    { share: 3, behaviour: {} },
    { share: 1, behaviour: { missingFromList: true } },
  ];
  const drawn = (seed: number) =>
    Array.from({ length: 1_000 }, (_, n) => drawBehaviour(mix, seed, idOf(n))?.missingFromList);
  expect(drawn(5)).toEqual(drawn(5));
  expect(drawn(5)).not.toEqual(drawn(6));
  const missing = drawn(5).filter((is) => is === true).length;
  expect(missing).toBeGreaterThan(200);
  expect(missing).toBeLessThan(300);
});
