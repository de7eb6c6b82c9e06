import { describe, expect, it } from 'vitest';
import { screenAll } from '../../src/engine/screen-all.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { ids, makeRun, SinkDisk } from './run.ts';

const time = useVirtualTime();
const MINUTE = 60_000;

describe('how many calls a run takes', () => {
  it('the number of calls that a run takes is at most 1.06 for each action that can be cancelled, for 10,000 IDs of which 60 % are over', async () => {
    const all = ids(10_000);
    const wire = wireWith(all, (n) => (n % 5 < 3 ? 'Succeeded' : 'Pending'));
    const run = await makeRun({ ids: all, wire, windows: DOCUMENTED_WINDOWS, disk: new SinkDisk() });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 4000, 'already-final': 6000 });
    expect(wire.count() / 4000).toBeLessThanOrEqual(1.06);
    expect(run.taken.open).toBe(0);
  });

  it('the number of calls that a run takes stays so when the whole list was looked up before the question', async () => {
    const all = ids(3000);
    const wire = wireWith(all, (n) => (n % 5 < 3 ? 'Succeeded' : 'Pending'));
    const run = await makeRun({ ids: all, wire, windows: DOCUMENTED_WINDOWS, disk: new SinkDisk() });
    await run.wait(time(), screenAll(run.parts, { anew: false }));
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 1200, 'already-final': 1800 });
    expect(wire.count() / 1200).toBeLessThanOrEqual(1.06);
  });

  it('the number of calls that a run takes keeps to the end of the quota: nothing waits while slots are free', async () => {
    const all = ids(1000);
    const wire = wireWith(all);
    const run = await makeRun({ ids: all, wire, windows: DOCUMENTED_WINDOWS, disk: new SinkDisk() });
    const began = performance.now();
    await run.cancel(time());
    const optimum = Math.floor((wire.count() - 1) / 100) * MINUTE;
    expect(performance.now() - began).toBeLessThanOrEqual(optimum + 20_000);
  });

  it('the number of calls that a run takes is some 60 when Defender has forgotten nearly all of 5,000 IDs', async () => {
    const all = ids(5000);
    const wire = wireWith(all.slice(0, 1));
    const run = await makeRun({ ids: all, wire, disk: new SinkDisk() });
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 1, 'not-found': 4999 });
    // Ten of the forgotten, and the one accepted action, which is confirmed alone.
    expect(wire.count('get')).toBe(11);
    expect(wire.count()).toBeLessThanOrEqual(62);
  });
});
