import { describe, expect, it } from 'vitest';
import { screenAll } from '../../src/engine/screen-all.ts';
import { GuardError, UsageError } from '../../src/errors.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';

const time = useVirtualTime();
const MINUTE = 60_000;

describe('screening', () => {
  it('screening looks a hundred up just ahead of their calls and calls nothing that is over, unknown or kept out', async () => {
    const wire = wireWith(ids(4), (n) => ['Pending', 'Succeeded', 'Failed', 'InProgress'][n] ?? '');
    const run = await makeRun({ ids: ids(5), wire });
    await run.cancel(time());
    expect(ids(5).map(run.outcome)).toEqual(['cancelled', 'already-final', 'already-final', 'cancelled', 'not-found']);
    expect(wire.calls[0]?.route).toBe('list');
    expect(wire.count('cancel')).toBe(2);
  });

  it('screening looks again at what became too old while others were called, and leaves none of them out', async () => {
    const all = ids(1000);
    const wire = wireWith(all);
    const run = await makeRun({ ids: all, wire, windows: [{ calls: 100, perMs: MINUTE }] });
    await run.wait(time(), screenAll(run.parts, { anew: false }));
    wire.store.update(id(990), { status: 'Succeeded' });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 999, 'already-final': 1 });
    expect(wire.of(id(990), 'cancel')).toHaveLength(0);
  });

  it('screening tells of what changed since, by its type too where only that did', async () => {
    const wire = wireWith(ids(3));
    const run = await makeRun({ ids: ids(3), wire });
    await run.wait(time(), screenAll(run.parts, { anew: false }));
    wire.store.update(id(1), { type: 'Unisolate' });
    wire.store.update(id(2), { status: 'InProgress' });
    const { changes } = await run.wait(time(), screenAll(run.parts, { anew: true }));
    expect(changes.map(({ computer: _, ...change }) => change)).toEqual([
      { id: id(1), was: 'Pending (Isolate)', now: 'Pending (Unisolate)' },
      { id: id(2), was: 'Pending', now: 'InProgress' },
    ]);
  });

  it('screening screens again what waited for its slot for longer than five minutes, and never calls it on old knowledge', async () => {
    const all = ids(40);
    const wire = wireWith(all);
    const run = await makeRun({ ids: all, wire, windows: [{ calls: 20, perMs: 60 * MINUTE }] });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 40 });
    for (const call of wire.calls.filter(({ route }) => route === 'cancel')) {
      const known = wire.of(call.ids[0] ?? '', 'list').filter(({ sentAtMs }) => sentAtMs < call.sentAtMs);
      expect(call.sentAtMs - (known.at(-1)?.answeredAtMs ?? 0)).toBeLessThanOrEqual(5 * MINUTE);
    }
    expect(all.every((each) => wire.of(each, 'cancel').length === 1)).toBe(true);
  });

  it('screening comes to an end where slots are further apart than what is known stays fresh', async () => {
    const run = await makeRun({ ids: ids(3), wire: wireWith(ids(3)), windows: [{ calls: 1, perMs: 10 * MINUTE }] });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 3 });
    expect(run.wire.count()).toBeLessThanOrEqual(12);
  });

  it('screening does not call on old knowledge after a pause of the gate either', async () => {
    const all = ids(60);
    const wire = wireWith(all);
    wire.fault = (call, nth) =>
      call.route === 'cancel' && call.ids[0] === id(3) && nth === 1
        ? { kind: 'too-many', seconds: 1200, tell: 'header' }
        : undefined;
    const run = await makeRun({ ids: all, wire });
    const began = performance.now();
    const cancelling = run.cancel(time());
    await cancelling;
    expect(run.counts()).toEqual({ cancelled: 60 });
    const looks = wire.calls.filter(({ route }) => route !== 'cancel');
    for (const call of wire.calls.filter(({ route, sentAtMs }) => route === 'cancel' && sentAtMs - began > MINUTE)) {
      // One that is left over is looked up by itself, the others in lists.
      const known = looks.filter(({ ids, sentAtMs }) => ids.includes(call.ids[0] ?? '') && sentAtMs < call.sentAtMs);
      expect(call.sentAtMs - (known.at(-1)?.answeredAtMs ?? 0)).toBeLessThanOrEqual(5 * MINUTE);
    }
  });

  it('screening stops the run when the first twenty are all unknown, before anything is called', async () => {
    const run = await makeRun({ ids: ids(21) });
    const error = await run.cancel(time());
    expect(error).toBeInstanceOf(GuardError);
    expect(String(error)).toMatch(/forty hex digits/);
    expect(run.wire.count('cancel')).toBe(0);
    expect(run.counts()).toEqual({});
  });

  it('screening goes on when exactly twenty were admitted, all unknown', async () => {
    const run = await makeRun({ ids: ids(20) });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ 'not-found': 20 });
  });

  it('screening goes on when one of the first twenty is known', async () => {
    const run = await makeRun({ ids: ids(30), wire: wireWith([id(20)]) });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ 'not-found': 29, cancelled: 1 });
  });

  it('screening is left out by --screen never: every action costs its call and nothing else before it', async () => {
    const wire = wireWith(ids(3), (n) => (n === 1 ? 'Succeeded' : 'Pending'));
    const run = await makeRun({ ids: ids(3), wire, job: { screen: 'never' } });
    await run.cancel(time());
    expect(wire.calls.slice(0, 3).map(({ route }) => route)).toEqual(['cancel', 'cancel', 'cancel']);
    expect(ids(3).map(run.outcome)).toEqual(['cancelled', 'already-final', 'cancelled']);
  });

  it('screening refuses guards that --screen never would leave blind', async () => {
    const run = await makeRun({
      ids: ids(1),
      wire: wireWith(ids(1)),
      job: { screen: 'never', guards: { onlyType: ['LiveResponse'] } },
    });
    expect(await run.cancel(time())).toBeInstanceOf(UsageError);
    expect(run.wire.count()).toBe(0);
  });

  it('screening calls unscreened under auto where lookups are answered by somebody else', async () => {
    const wire = wireWith(ids(3));
    wire.fault = ({ route, n }) => (route !== 'cancel' && n < 20 ? { kind: 'html', status: 200 } : undefined);
    const run = await makeRun({ ids: ids(3), wire });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 3 });
  });

  it.each<[string, 'always' | 'auto', string[]]>([
    ['under --screen always', 'always', []],
    ['where a guard needs it', 'auto', ['Isolate']],
  ])(
    'screening leaves actions open (exit 6) %s when lookups are answered by somebody else',
    async (_, screen, onlyType) => {
      const wire = wireWith(ids(3));
      wire.fault = ({ route }) => (route === 'cancel' ? undefined : { kind: 'html', status: 200 });
      const run = await makeRun({ ids: ids(3), wire, job: { screen, guards: { onlyType } } });
      expect(await run.cancel(time())).toMatchObject({ exitCode: 6 });
      expect(wire.count('cancel')).toBe(0);
      expect(run.ledger.state.leftCount).toBe(3);
    },
  );

  it('screening goes page by page when Defender cuts a lookup, and takes no action for forgotten', async () => {
    const all = ids(60);
    const wire = wireWith(all.slice(15));
    wire.list.pageSize = 7;
    const run = await makeRun({ ids: all, wire, job: { guards: { onlyType: ['Isolate'] } } });
    wire.store.update(id(17), { type: 'LiveResponse' });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 44, excluded: 1, 'not-found': 15 });
    expect(wire.of(id(17), 'cancel')).toHaveLength(0);
  });

  it('screening never follows a next link to another host', async () => {
    const all = ids(30);
    const wire = wireWith(all);
    wire.list.pageSize = 7;
    wire.list.nextLinkOrigin = 'http://elsewhere.test';
    const run = await makeRun({ ids: all, wire });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 30 });
    expect(wire.calls.every(({ path }) => path.startsWith('/api/machineactions'))).toBe(true);
  });

  it('screening keeps pending releases out, however their type is spelt, unless they are named', async () => {
    const types = [
      'Unisolate',
      'UNISOLATE',
      'Un Isolate',
      'Unrestrict Code Execution',
      'unrestrictcodeexecution',
      'Isolate',
    ];
    const wire = wireWith(ids(types.length));
    for (const [n, type] of types.entries()) wire.store.update(id(n + 1), { type });
    const run = await makeRun({ ids: ids(types.length), wire });
    await run.cancel(time());
    expect(run.counts()).toEqual({ excluded: 5, cancelled: 1 });
    expect(wire.count('cancel')).toBe(1);
    const named = await makeRun({
      ids: ids(1),
      wire: wireWith(ids(1)),
      job: { guards: { onlyType: ['un-isolate'] } },
    });
    named.wire.store.update(id(1), { type: 'Unisolate' });
    await named.cancel(time());
    expect(named.counts()).toEqual({ cancelled: 1 });
  });

  it('screening sends no second cancel for a release that is seen only after the answer to the first was lost', async () => {
    const wire = wireWith(ids(2));
    wire.store.update(id(1), { type: 'Unisolate' });
    wire.fault = ({ route }, nth) => (route === 'cancel' && nth === 1 ? { kind: 'reset' } : undefined);
    const run = await makeRun({ ids: ids(2), wire, job: { screen: 'never' } });
    await run.cancel(time());
    expect(ids(2).map(run.outcome)).toEqual(['unknown', 'cancelled']);
    expect(run.detail(id(1))).toMatch(/undo: .*a cancel was sent before that was seen/);
    expect(wire.of(id(1), 'cancel')).toHaveLength(1);
    expect(wire.effects(id(1))).toBe(0);
  });

  it.each([{ type: null }, { status: null, type: 7 }, { commands: 'x' }, { requestor: {}, computerDnsName: 5 }])(
    'screening finds all of a page in which one entity has %j, without lookups of single actions',
    async (fields) => {
      const wire = wireWith(ids(30));
      wire.fault = ({ n }) => (n === 1 ? { kind: 'odd-entity', fields, extra: [null, 5, {}] } : undefined);
      const run = await makeRun({ ids: ids(30), wire });
      expect(await run.cancel(time())).toBeUndefined();
      expect(run.counts()).toEqual({ cancelled: 30 });
      expect(wire.count('get')).toBe(0);
      expect(wire.count('list')).toBeLessThanOrEqual(3);
    },
  );

  it('screening keeps out by a guard what a lookup shows no type of, and nothing else', async () => {
    const wire = wireWith(ids(5));
    wire.fault = ({ route }) => (route === 'list' ? { kind: 'odd-entity', fields: { type: null } } : undefined);
    const run = await makeRun({ ids: ids(5), wire, job: { guards: { onlyType: ['Isolate'] } } });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 4, excluded: 1 });
  });

  it('screening takes Canceled for over and InProgress in any spelling for open', async () => {
    const wire = wireWith(ids(4), (n) => ['Canceled', 'in progress', 'TIMEOUT', 'pending'][n] ?? '');
    wire.fault = () => ({ kind: 'respelled', words: { Cancelled: 'canceled', Isolate: 'ISO LATE' } });
    const run = await makeRun({ ids: ids(4), wire });
    await run.cancel(time());
    expect(ids(4).map(run.outcome)).toEqual(['already-final', 'cancelled', 'already-final', 'cancelled']);
  });
});
