import { describe, expect, it } from 'vitest';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';

const time = useVirtualTime();

describe('--first', () => {
  it('--first cancels and confirms so many, shows what became of them, then goes on', async () => {
    const all = ids(50);
    const wire = wireWith(all, (n) => (n < 10 ? 'Succeeded' : 'Pending'));
    const run = await makeRun({ ids: all, wire, job: { guards: { first: 5 } } });
    const shown: string[] = [];
    await run.cancel(time(), {
      goOn: (first) => {
        shown.push(...first.map(({ id: each, outcome }) => `${each} ${outcome?.outcome}`));
        expect(wire.count('cancel')).toBe(5);
        return Promise.resolve(true);
      },
    });
    expect(shown).toEqual(ids(5, 11).map((each) => `${each} cancelled`));
    expect(run.counts()).toEqual({ cancelled: 40, 'already-final': 10 });
  });

  it('--first halts (exit 5) with the rest open when the answer is no', async () => {
    const run = await makeRun({ ids: ids(20), wire: wireWith(ids(20)), job: { guards: { first: 3 } } });
    expect(await run.cancel(time(), { goOn: () => Promise.resolve(false) })).toMatchObject({ exitCode: 5 });
    expect(run.counts()).toEqual({ cancelled: 3 });
    expect(run.wire.count('cancel')).toBe(3);
  });

  it('--first does not ask when there is nothing after them', async () => {
    const run = await makeRun({ ids: ids(3), wire: wireWith(ids(3)), job: { guards: { first: 3 } } });
    const goOn = () => Promise.reject(new Error('asked'));
    expect(await run.cancel(time(), { goOn })).toBeUndefined();
  });

  it('--first settles what an interrupted session left of them before it shows them', async () => {
    const all = ids(20);
    const wire = wireWith(all);
    const disk = new MemoryDisk(() => Date.now());
    const first = await makeRun({ ids: all, wire, disk, job: { guards: { first: 4 } } });
    const stopped = first.cancel(time());
    wire.fault = (call) => {
      if (call.route === 'cancel' && call.ids[0] === id(4))
        first.parts.stop.request({ close: 'interrupted', signal: 'SIGINT' });
      return call.route === 'cancel' ? { kind: 'reset', applied: true } : undefined;
    };
    expect(await stopped).toBe(first.parts.stop.signal.reason);
    await first.ledger[Symbol.asyncDispose]();
    wire.fault = () => undefined;
    const second = await makeRun({ wire, disk, resume: true, job: { guards: { first: 4 } } });
    let shown: unknown[] = [];
    await second.cancel(time(), {
      goOn: (called) => {
        shown = called.map(({ outcome }) => outcome?.outcome);
        return Promise.resolve(true);
      },
    });
    expect(shown).toEqual(['cancelled', 'cancelled', 'cancelled', 'cancelled']);
    expect(all.every((each) => wire.effects(each) === 1)).toBe(true);
  });
});
