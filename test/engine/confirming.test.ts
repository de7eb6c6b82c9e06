import { describe, expect, it } from 'vitest';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';

const time = useVirtualTime();
const NEVER = { onCancel: { kind: 'later', becomes: 'Cancelled' } } as const;

/** A run over actions that are called unscreened, so that every lookup is one of confirming. */
async function confirming(count: number, confirmForMs = 120_000) {
  const all = ids(count);
  const wire = wireWith(all);
  const run = await makeRun({ ids: all, wire, job: { screen: 'never', confirmForMs } });
  const looks = () => wire.calls.filter(({ route }) => route !== 'cancel');
  const answered = () =>
    wire.calls.filter(({ route }) => route === 'cancel').map(({ answeredAtMs }) => answeredAtMs ?? 0);
  return { run, wire, all, looks, answered };
}

describe('confirming', () => {
  it('confirming looks five seconds after the answer at the earliest', async () => {
    const { run, all, looks, answered } = await confirming(3);
    await run.cancel(time());
    expect(looks()[0]?.sentAtMs).toBeGreaterThanOrEqual((answered()[0] ?? 0) + 5000);
    expect(looks()).toHaveLength(1);
    expect(all.map(run.outcome)).toEqual(['cancelled', 'cancelled', 'cancelled']);
  });

  it('confirming looks at growing intervals, and once more when the time has passed', async () => {
    const { run, wire, looks, answered } = await confirming(1);
    wire.store.behave(id(1), NEVER);
    await run.cancel(time());
    const from = answered()[0] ?? 0;
    const moments = looks().map(({ sentAtMs }) => Math.round((sentAtMs - from) / 1000));
    expect(moments.at(-1)).toBe(120);
    const gaps = moments.slice(1, -1).map((moment, index) => moment - (moments[index] ?? 0));
    expect(gaps.toSorted((a, b) => a - b)).toEqual(gaps);
    expect(moments.length).toBeLessThanOrEqual(8);
    expect(run.counts()).toEqual({ unconfirmed: 1 });
  });

  it('confirming takes in the last look what turned out only then', async () => {
    const { run, wire } = await confirming(1);
    wire.store.behave(id(1), { onCancel: { kind: 'later', becomes: 'Succeeded', afterMs: 119_000 } });
    await run.cancel(time());
    expect(run.counts()).toEqual({ 'ran-anyway': 1 });
  });

  it('confirming counts its time from the last accepted answer', async () => {
    const { run, wire, looks, answered } = await confirming(2);
    for (const each of ids(2)) wire.store.behave(each, NEVER);
    wire.fault = (call, nth) =>
      call.ids[0] === id(2) && call.route === 'cancel' && nth === 1
        ? { kind: 'status', status: 503, retryAfter: 100 }
        : undefined;
    await run.cancel(time());
    const last = Math.max(...answered());
    expect(Math.round(((looks().at(-1)?.sentAtMs ?? 0) - last) / 1000)).toBe(120);
  });

  it('confirming takes no look at all for 0', async () => {
    const { run, looks } = await confirming(5, 0);
    await run.cancel(time());
    expect(looks()).toEqual([]);
    expect(run.counts()).toEqual({ unconfirmed: 5 });
  });

  it('confirming takes at least one look for anything else', async () => {
    const { run, looks } = await confirming(5, 1);
    await run.cancel(time());
    expect(looks()).toHaveLength(1);
    expect(run.counts()).toEqual({ cancelled: 5 });
  });

  it('confirming gathers a hundred a call', async () => {
    const { run, looks } = await confirming(1000);
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 1000 });
    expect(looks().length).toBeLessThanOrEqual(12);
  });

  it('confirming ends early when everything is settled', async () => {
    const { run, answered } = await confirming(20, 3_600_000);
    await run.cancel(time());
    expect(performance.now() - Math.max(...answered())).toBeLessThan(30_000);
  });

  it('confirming does not let actions that show no end take the quota of those that wait', async () => {
    const { run, wire, looks } = await confirming(300, 30_000);
    for (const each of ids(100)) wire.store.behave(each, NEVER);
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 200, unconfirmed: 100 });
    expect(looks().length).toBeLessThanOrEqual(20);
  });
});

describe('an action in doubt', () => {
  it('an action in doubt is looked up five seconds after its send at the earliest, together with others', async () => {
    const { run, wire, looks } = await confirming(10);
    wire.fault = ({ route }, nth) => (route === 'cancel' && nth === 1 ? { kind: 'reset' } : undefined);
    await run.cancel(time());
    const [first] = looks();
    expect(first?.ids.length).toBe(10);
    for (const each of ids(10)) {
      expect((first?.sentAtMs ?? 0) - (wire.of(each, 'cancel')[0]?.sentAtMs ?? 0)).toBeGreaterThanOrEqual(5000);
    }
    expect(run.counts()).toEqual({ cancelled: 10 });
  });

  it('an action in doubt that was applied long after our timeout is told by the stamp at its next 400', async () => {
    const { run, wire } = await confirming(1);
    wire.fault = ({ route }, nth) => (route === 'cancel' && nth === 1 ? { kind: 'late', afterMs: 36_000 } : undefined);
    await run.cancel(time());
    expect(run.counts()).toEqual({ cancelled: 1 });
    expect(wire.effects(id(1))).toBeLessThanOrEqual(1);
  });
});
