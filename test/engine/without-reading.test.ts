import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import { id, ids, makeRun, Tokens } from './run.ts';
import { useVirtualTime, wireWith } from './scene.ts';

const time = useVirtualTime();

describe('without permission to read', () => {
  const cannotRead = () => new Tokens(['Machine.Isolate']);

  it('refuses guards that need a lookup, naming Machine.Read.All', async () => {
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

  it('takes an answer that says Cancelled for cancelled, and any other for unconfirmed', async () => {
    const wire = wireWith(ids(3));
    wire.store.behave(id(2), { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 10 } });
    wire.store.update(id(3), { status: 'Succeeded' });
    const run = await makeRun({ ids: ids(3), wire, mayRead: false, tokens: cannotRead() });
    await run.cancel(time());
    expect(ids(3).map(run.outcome)).toEqual(['cancelled', 'unconfirmed', 'failed']);
    expect(run.detail(id(1))).toBe('by its answer');
    expect(run.detail(id(3))).toMatch(/may be over/);
    expect(wire.count('list') + wire.count('get')).toBe(0);
  });

  it('sends a cancel whose answer was lost once more, then says unknown', async () => {
    const wire = wireWith(ids(2));
    wire.fault = ({ ids: [each] }) => (each === id(2) ? { kind: 'reset' } : undefined);
    const run = await makeRun({ ids: ids(2), wire, mayRead: false, tokens: cannotRead() });
    await run.cancel(time());
    expect(ids(2).map(run.outcome)).toEqual(['cancelled', 'unknown']);
    expect(wire.of(id(2), 'cancel')).toHaveLength(2);
  });

  it('notices on the first lookup that an opaque token may not read, and calls unscreened', async () => {
    const run = await makeRun({ ids: ids(3), wire: wireWith(ids(3)), mayRead: undefined, tokens: cannotRead() });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 3 });
    expect(run.wire.count('list')).toBe(1);
  });
});
