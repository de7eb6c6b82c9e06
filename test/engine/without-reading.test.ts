import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun, Tokens } from './run.ts';

const time = useVirtualTime();

describe('without permission to read', () => {
  const cannotRead = () => new Tokens(['Machine.Isolate']);

  it('a run without permission to read refuses guards that need a lookup, naming Machine.Read.All', async () => {
    const run = await makeRun({
      ids: ids(2),
      wire: wireWith(ids(2)),
      mayRead: false,
      tokens: cannotRead(),
      job: { guards: { onlyMachine: ['srv'] } },
    });
    const error = await run.cancel(time());
    expect(error).toBeInstanceOf(RefusedError);
    expect(String(error)).toContain('Machine.Read.All');
    expect(run.wire.count()).toBe(0);
  });

  it('a run without permission to read takes an answer that says Cancelled for cancelled, and any other for unconfirmed', async () => {
    const wire = wireWith(ids(3));
    wire.store.behave(id(2), { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 10 } });
    wire.store.update(id(3), { status: 'Succeeded' });
    const run = await makeRun({ ids: ids(3), wire, mayRead: false, tokens: cannotRead(), job: { screen: 'never' } });
    await run.cancel(time());
    expect(ids(3).map(run.outcome)).toEqual(['cancelled', 'unconfirmed', 'failed']);
    expect(run.detail(id(1))).toBe('by its answer');
    expect(run.detail(id(3))).toMatch(/may be over/);
    expect(wire.count('list') + wire.count('get')).toBe(0);
  });

  it('a run without permission to read settles a 400 as soon as it is answered: no lookup comes that a wait would be for', async () => {
    const wire = wireWith(ids(20), () => 'Succeeded');
    const job = { screen: 'never', concurrency: 1, confirmForMs: 0 } as const;
    const run = await makeRun({ ids: ids(20), wire, mayRead: false, tokens: cannotRead(), job });
    const beganMs = performance.now();
    await run.cancel(time());
    expect(performance.now() - beganMs).toBeLessThan(20_000);
    expect(run.counts()).toEqual({ failed: 20 });
  });

  it('a run without permission to read sends a cancel whose answer was lost once more, then says unknown', async () => {
    const wire = wireWith(ids(2));
    wire.fault = ({ ids: [each] }) => (each === id(2) ? { kind: 'reset' } : undefined);
    const run = await makeRun({ ids: ids(2), wire, mayRead: false, tokens: cannotRead(), job: { screen: 'never' } });
    await run.cancel(time());
    expect(ids(2).map(run.outcome)).toEqual(['cancelled', 'unknown']);
    expect(wire.of(id(2), 'cancel')).toHaveLength(2);
  });

  it('a run without permission to read refuses to cancel what it cannot see, naming Machine.Read.All and --screen never', async () => {
    const run = await makeRun({ ids: ids(2), wire: wireWith(ids(2)), mayRead: false, tokens: cannotRead() });
    const error = await run.cancel(time());
    expect(error).toBeInstanceOf(RefusedError);
    expect(String(error)).toMatch(/Machine\.Read\.All.*--screen never/);
    expect(run.wire.count()).toBe(0);
  });

  it.each([1, 3, 250])(
    'a run without permission to read refuses %i actions when the first lookup of an opaque token is refused',
    async (count) => {
      const run = await makeRun({
        ids: ids(count),
        wire: wireWith(ids(count)),
        mayRead: undefined,
        tokens: cannotRead(),
      });
      const error = await run.cancel(time());
      expect(error).toBeInstanceOf(RefusedError);
      expect(String(error)).toMatch(/Machine\.Read\.All.*--screen never/);
      expect(run.wire.count('cancel')).toBe(0);
      expect(run.ledger.state.leftCount).toBe(count);
    },
  );

  it.each([
    ['without a body', { kind: 'empty', status: 403 }],
    ['with a page', { kind: 'html', status: 403 }],
  ] as const)('a run without permission to read takes a 403 %s to a lookup for a refusal', async (_, fault) => {
    const wire = wireWith(ids(3));
    wire.fault = ({ route }) => (route === 'cancel' ? undefined : fault);
    const run = await makeRun({ ids: ids(3), wire, mayRead: undefined });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 4 });
    expect(wire.count('cancel')).toBe(0);
  });

  it('a run without permission to read goes on where only one action of several may not be read', async () => {
    const wire = wireWith(ids(12).slice(1));
    wire.store.add({ id: id(1) }, { missingFromList: true });
    wire.fault = ({ route, ids: [each] }) => (route === 'get' && each === id(1) ? { kind: 'forbidden' } : undefined);
    const run = await makeRun({ ids: ids(12), wire, mayRead: undefined });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 11, unconfirmed: 1 });
  });

  it('a run without permission to read stops when reading is refused in the middle of a run, before anything more is called unseen', async () => {
    const all = ids(300);
    const wire = wireWith(all);
    wire.fault = ({ route, n }) => (route === 'list' && n > 1 ? { kind: 'forbidden' } : undefined);
    const run = await makeRun({ ids: all, wire });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 4 });
    const seen = new Set(wire.calls[0]?.ids);
    expect(wire.calls.filter(({ route, ids: [each = ''] }) => route === 'cancel' && !seen.has(each))).toEqual([]);
  });
});
