import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun, STAMP } from './run.ts';

const time = useVirtualTime();

describe('a next session', () => {
  it('a next session looks up what is in doubt before anything is sent for it again', async () => {
    const all = ids(6);
    const wire = wireWith(all);
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: all, wire, disk, job: { screen: 'never' } });
    // The process ends between the intents and the answers.
    for (const each of all) await first.ledger.intent({ route: 'cancel', id: each, attempt: 2 });
    for (const each of all.slice(0, 3)) wire.store.cancel(each, { comment: `${STAMP}x`, requestor: 'us' });
    await first.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true, job: { screen: 'never' } });
    expect(await second.cancel(time())).toBeUndefined();
    expect(second.counts()).toEqual({ cancelled: 6 });
    expect(wire.calls[0]?.route).toBe('list');
    expect(wire.count('cancel')).toBe(3);
    expect(second.ledger.state.actions.get(id(5))?.last?.attempt).toBe(2);
  });

  it('a next session believes nothing of what an earlier one is said to have seen, however fresh, before it calls', async () => {
    const all = ids(4);
    const wire = wireWith(all);
    // Releases, of which the ledger says that they isolate; the second one was answered and is to be tried again.
    for (const each of [id(1), id(2)]) wire.store.update(each, { type: 'Unisolate' });
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: all, wire, disk });
    const seen = {
      status: 'Pending',
      type: 'Isolate',
      machineId: null,
      computer: null,
      requestor: null,
      created: null,
    };
    await first.ledger.screen(all.map((each) => ({ id: each, ...seen })));
    const call = await first.ledger.intent({ route: 'cancel', id: id(2), attempt: 1 });
    await first.ledger.reply({ call, id: id(2), attempt: 1, ms: 1, http: 429 });
    await first.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true });
    expect(await second.cancel(time())).toBeUndefined();
    expect(all.map(second.outcome)).toEqual(['excluded', 'excluded', 'cancelled', 'cancelled']);
    expect(wire.count('cancel')).toBe(2);
  });

  it('a next session acts on a recorded answer as if it had just come', async () => {
    const wire = wireWith(ids(6));
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: ids(6), wire, disk });
    const answers = [
      { http: 200 },
      { http: 400, code: 'BadRequest' },
      { http: 404 },
      { http: 503 },
      { http: 429 },
      { http: 409 },
    ];
    for (const [index, answer] of answers.entries()) {
      const call = await first.ledger.intent({ route: 'cancel', id: id(index + 1), attempt: 1 });
      await first.ledger.reply({ call, id: id(index + 1), attempt: 1, ms: 1, ...answer });
    }
    wire.store.cancel(id(1), { comment: `${STAMP}x`, requestor: 'us' });
    wire.store.update(id(2), { status: 'Succeeded' });
    await first.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true });
    await second.cancel(time());
    expect(ids(6).map(second.outcome)).toEqual([
      'cancelled',
      'already-final',
      'not-found',
      'cancelled',
      'cancelled',
      'failed',
    ]);
    expect(ids(6).map((each) => wire.of(each, 'cancel').length)).toEqual([0, 0, 0, 1, 1, 0]);
    expect(second.ledger.state.actions.get(id(4))?.last?.attempt).toBe(2);
  });

  it('a next session takes up an unconfirmed action with a lookup alone', async () => {
    const wire = wireWith(ids(1));
    wire.store.behave(id(1), { onCancel: { kind: 'later', becomes: 'Cancelled', afterMs: 600_000 } });
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: ids(1), wire, disk });
    await first.cancel(time());
    expect(first.counts()).toEqual({ unconfirmed: 1 });
    await first.ledger[Symbol.asyncDispose]();
    await time().pass(600_000);
    const second = await makeRun({ wire, disk, resume: true });
    await second.cancel(time());
    expect(second.counts()).toEqual({ cancelled: 1 });
    expect(wire.count('cancel')).toBe(1);
  });

  it('a next session tries again what --retry names, after a lookup', async () => {
    const wire = wireWith(ids(3));
    for (const each of ids(3)) wire.store.behave(each, { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } });
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: ids(3), wire, disk, job: { guards: { maxFailures: { percent: 100 } } } });
    await first.cancel(time());
    expect(first.counts()).toEqual({ failed: 3 });
    await first.ledger[Symbol.asyncDispose]();
    wire.store.behave(id(1), {});
    wire.store.update(id(2), { status: 'TimeOut' });
    wire.clear();
    const second = await makeRun({ wire, disk, resume: true });
    await second.cancel(time(), { retry: new Set([id(1), id(2)]) });
    expect(ids(3).map(second.outcome)).toEqual(['cancelled', 'already-final', 'failed']);
    expect(wire.calls[0]?.route).toBe('list');
    expect(wire.count('cancel')).toBe(1);
  });
});
