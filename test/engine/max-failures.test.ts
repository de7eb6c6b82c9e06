import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';

const time = useVirtualTime();

describe('--max-failures', () => {
  const refuse = (wire: ReturnType<typeof wireWith>, some: readonly string[]) => {
    for (const each of some) wire.store.behave(each, { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } });
  };

  it('--max-failures halts at one more than the percentage, from the twentieth outcome on', async () => {
    const all = ids(100);
    const wire = wireWith(all);
    refuse(wire, all.slice(20, 60));
    const run = await makeRun({ ids: all, wire, job: { concurrency: 1 } });
    const error = await run.cancel(time());
    expect(error).toMatchObject({ exitCode: 5 });
    // 20 accepted, then failures: the third is 3 of 23.
    expect(run.counts()['failed']).toBe(3);
    expect(wire.count('cancel')).toBe(23);
  });

  it('--max-failures lets as many fail as the percentage says', async () => {
    const all = ids(40);
    const wire = wireWith(all);
    refuse(wire, all.slice(36));
    const run = await makeRun({ ids: all, wire, job: { concurrency: 1 } });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 36, failed: 4 });
  });

  it('--max-failures counts from the first where it is a number', async () => {
    const all = ids(10);
    const wire = wireWith(all);
    refuse(wire, all);
    const run = await makeRun({ ids: all, wire, job: { concurrency: 1, guards: { maxFailures: { count: 2 } } } });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 5 });
    expect(run.counts()).toEqual({ failed: 3 });
  });

  it('--max-failures lets what is in flight end, and leaves it to the next session to confirm', async () => {
    const all = ids(60);
    const wire = wireWith(all);
    refuse(wire, [id(1)]);
    const disk = new MemoryDisk(() => Date.now());
    const run = await makeRun({ ids: all, wire, disk, job: { guards: { maxFailures: { count: 0 } } } });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 5 });
    expect(wire.inFlight).toBe(0);
    const sent = wire.count('cancel');
    await run.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true });
    expect(await second.cancel(time())).toBeUndefined();
    expect(second.counts()).toEqual({ failed: 1, cancelled: 59 });
    expect(wire.count('cancel')).toBe(60);
    expect(sent).toBeLessThan(60);
  });

  it('--max-failures is no reason to stop for the refusals (403) of the last ones, after which nothing is left to call', async () => {
    const all = ids(30);
    const wire = wireWith(all);
    wire.fault = ({ route, ids: [first = ''] }) =>
      route === 'cancel' && all.indexOf(first) >= 26 ? { kind: 'forbidden' } : undefined;
    const run = await makeRun({ ids: all, wire, job: { concurrency: 1 } });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 26, forbidden: 4 });
  });

  it('--max-failures counts what failed in earlier sessions, and stops a session that begins with too many at its next failure', async () => {
    const all = ids(40);
    const wire = wireWith(all);
    refuse(wire, all.slice(20));
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: all, wire, disk, job: { concurrency: 1 } });
    expect(await first.cancel(time())).toMatchObject({ exitCode: 5 });
    expect(first.counts()['failed']).toBe(3);
    await first.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true, job: { concurrency: 1 } });
    expect(await second.cancel(time())).toMatchObject({ exitCode: 5, message: expect.stringContaining('4 of 24') });
    expect(second.counts()['failed']).toBe(4);
  });

  it('--max-failures counts an action that is tried again by its last outcome until it has another', async () => {
    const all = ids(30);
    const wire = wireWith(all);
    refuse(wire, all.slice(20));
    const disk = new MemoryDisk(() => Date.now());
    const allowed = { guards: { maxFailures: { percent: 100 } } };
    const first = await makeRun({ ids: all, wire, disk, job: allowed });
    expect(await first.cancel(time())).toBeUndefined();
    await first.ledger[Symbol.asyncDispose]();
    const second = await makeRun({ wire, disk, resume: true, job: { concurrency: 1 } });
    const error = await second.cancel(time(), { retry: new Set(all.slice(20)) });
    expect(error).toMatchObject({ exitCode: 5, message: expect.stringContaining('10 of 30') });
  });
});
