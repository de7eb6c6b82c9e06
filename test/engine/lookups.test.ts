import { describe, expect, it } from 'vitest';
import type { Found, Lookups } from '../../src/engine/lookups.ts';
import type { Fault } from '../../src/sandbox/faults.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun, type Run, Tokens } from './run.ts';
import type { Wire } from './wire.ts';

const time = useVirtualTime();

/** Lookups over a wire, outside any run. */
async function lookups(wire: Wire, options: { tokens?: Tokens; mayRead?: boolean | undefined } = {}) {
  const run = await makeRun({ wire, ...options });
  const many = (all: readonly string[]) => lookUp(run, all);
  return { run, many, lookups: run.parts.lookups };
}

function lookUp(run: Run, all: readonly string[]): ReturnType<Lookups['many']> {
  return run.wait(time(), run.parts.lookups.many(all, run.parts.stop.signal));
}

const kinds = (found: ReadonlyMap<string, Found>) => [...new Set([...found.values()].map(({ kind }) => kind))].sort();
/** How many IDs each call asked for, in order; a GET is written as 1. */
const sizes = (wire: Wire) => wire.calls.map((call) => (call.route === 'get' ? 1 : call.ids.length));

describe('a lookup of many', () => {
  it('a lookup of many asks for a hundred a call, with $top', async () => {
    const { run, many } = await lookups(wireWith(ids(250)));
    const found = await many(ids(250));
    expect([...found.keys()].toSorted()).toEqual(ids(250));
    expect(kinds(found)).toEqual(['found']);
    expect(sizes(run.wire)).toEqual([100, 100, 50]);
    expect(run.wire.calls.map(({ path }) => /\$top=(\d+)/.exec(path)?.[1])).toEqual(['100', '100', '50']);
  });

  it.each([400, 404, 413, 414] as const)(
    'a lookup of many is halved when it is answered %i, and the size is remembered',
    async (status) => {
      const wire = wireWith(ids(200));
      wire.list.maxIds = 30;
      wire.list.maxIdsStatus = status;
      const { many } = await lookups(wire);
      expect(kinds(await many(ids(200)))).toEqual(['found']);
      expect(sizes(wire)).toEqual([100, 50, 25, 25, 50, 25, 25, 25, 25, 25, 25]);
    },
  );

  it('a lookup of many is halved when it is not answered, and the size is not held against it', async () => {
    const wire = wireWith(ids(200));
    wire.fault = ({ n }) => (n === 1 ? { kind: 'reset' } : undefined);
    const { many } = await lookups(wire);
    expect(kinds(await many(ids(200)))).toEqual(['found']);
    expect(sizes(wire)).toEqual([100, 50, 50, 100]);
  });

  it('a lookup of many goes one by one when not even ten are taken', async () => {
    const wire = wireWith(ids(30));
    wire.list.maxIds = 5;
    const { many } = await lookups(wire);
    expect(kinds(await many(ids(30)))).toEqual(['found']);
    expect(wire.count('get')).toBe(30);
    expect(
      Math.min(...wire.calls.filter(({ route }) => route === 'list').map((call) => call.ids.length)),
    ).toBeGreaterThanOrEqual(10);
    wire.clear();
    expect(kinds(await many(ids(30)))).toEqual(['found']);
    expect(wire.count('list')).toBe(0);
  });

  it('a lookup of many is tried five times when Defender is unavailable, and then cannot tell', async () => {
    const wire = wireWith(ids(20));
    wire.fault = () => ({ kind: 'status', status: 503 });
    const { many } = await lookups(wire);
    expect(await many(ids(20))).toEqual(
      new Map(ids(20).map((each) => [each, { kind: 'unreadable', why: 'no-answer' }])),
    );
    expect(wire.count()).toBe(5);
  });

  it('a lookup of many stops asking one by one when the first of them has no answer', async () => {
    const wire = wireWith(ids(20));
    wire.fault = () => ({ kind: 'html', status: 200 });
    const { many } = await lookups(wire);
    expect(kinds(await many(ids(20)))).toEqual(['unreadable']);
    expect(sizes(wire)).toEqual([20, 10, 1, 1, 1, 1, 1, 10, 1, 1, 1, 1, 1]);
  });
});

describe('IDs that a list does not know', () => {
  it('IDs that a list does not know are asked for by GET, ten of them, and then the list is taken at its word', async () => {
    const wire = wireWith([id(300)]);
    const { many } = await lookups(wire);
    expect(kinds(await many(ids(250)))).toEqual(['unknown']);
    expect(wire.count('get')).toBe(10);
    wire.clear();
    expect(kinds(await many(ids(90, 301)))).toEqual(['unknown']);
    expect(wire.count('get')).toBe(0);
  });

  it('IDs that a list does not know are each asked for when one of the first ten is known to a GET', async () => {
    const wire = wireWith(ids(60));
    for (const each of ids(40)) wire.store.behave(each, { missingFromList: true });
    wire.store.remove(id(1));
    const { many } = await lookups(wire);
    const found = await many(ids(60));
    expect(found.get(id(1))).toEqual({ kind: 'unknown' });
    expect([...found.values()].filter(({ kind }) => kind === 'found')).toHaveLength(59);
    expect(wire.count('get')).toBe(40);
  });

  it('IDs that a list does not know are found although their page was cut after others had been unknown', async () => {
    const wire = wireWith(ids(60, 21));
    const { many } = await lookups(wire);
    await many(ids(20));
    wire.list.pageSize = 25;
    expect(kinds(await many(ids(60, 21)))).toEqual(['found']);
    expect(sizes(wire).slice(-3)).toEqual([60, 35, 10]);
  });
});

describe('permission to read', () => {
  const noRead = () => new Tokens(['Machine.Isolate']);
  it('permission to read that is known to lack costs no call', async () => {
    const { run, many } = await lookups(wireWith(ids(3)), { mayRead: false, tokens: noRead() });
    expect(await many(ids(2))).toEqual(
      new Map(ids(2).map((each) => [each, { kind: 'unreadable', why: 'no-permission' }])),
    );
    expect(run.wire.count()).toBe(0);
  });
  it('permission to read that turns out to lack is not asked for again', async () => {
    const made = await lookups(wireWith(ids(300)), { mayRead: undefined, tokens: noRead() });
    expect(made.lookups.canRead).toBe(true);
    expect(kinds(await made.many(ids(300)))).toEqual(['unreadable']);
    expect(made.lookups.canRead).toBe(false);
    expect(made.run.wire.count()).toBe(1);
  });

  it("permission to read is not lost by one 403 without Defender's body after something was read, but by two", async () => {
    const wire = wireWith(ids(20));
    const made = await lookups(wire);
    await made.many(ids(5));
    const until = (last: number) => () => {
      wire.fault = ({ n }) => (n <= last ? { kind: 'html', status: 403 } : undefined);
    };
    until(wire.calls.length + 1)();
    expect(kinds(await made.many(ids(20)))).toEqual(['found']);
    expect(made.lookups.canRead).toBe(true);
    until(wire.calls.length + 2)();
    expect(kinds(await made.many(ids(20)))).toEqual(['unreadable']);
    expect(made.lookups.canRead).toBe(false);
  });

  it('permission to read is lost at once by a 403 of Defender itself', async () => {
    const wire = wireWith(ids(20));
    const made = await lookups(wire);
    await made.many(ids(5));
    wire.fault = () => ({ kind: 'forbidden' });
    await made.many(ids(20));
    expect([made.lookups.canRead, wire.count()]).toEqual([false, 2]);
  });
});

describe('a lookup that is cut without a word', () => {
  it.each(['when-asked', 'never'] as const)(
    'a lookup that is cut without a word is asked for again for what it left out (count %s)',
    async (count) => {
      const all = ids(100);
      const wire = wireWith(all);
      wire.list.pageSize = 30;
      wire.list.count = count;
      const { many } = await lookups(wire);
      expect(kinds(await many(all))).toEqual(['found']);
      expect([wire.count('list'), wire.count('get')]).toEqual([4, 0]);
    },
  );

  it('a lookup that is cut without a word costs no further list where the count says that the rest is unknown', async () => {
    const wire = wireWith(ids(60));
    const { many } = await lookups(wire);
    const found = await many(ids(100));
    expect([...found.values()].filter(({ kind }) => kind === 'unknown')).toHaveLength(40);
    expect([wire.count('list'), wire.count('get')]).toEqual([1, 10]);
  });
});

describe('Defender out of reach', () => {
  it('Defender out of reach burns no attempt: once ten different calls in a row have failed, one probe goes at a time', async () => {
    const all = ids(30);
    const wire = wireWith(all);
    const outageMs = 20 * 60_000;
    const began = performance.now();
    const fault: Fault = { kind: 'status', status: 503 };
    wire.fault = ({ route }) => (route === 'cancel' && performance.now() - began < outageMs ? fault : undefined);
    const run = await makeRun({ ids: all, wire, job: { screen: 'never' } });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 30 });
    const probes = wire.calls.filter(({ sentAtMs }) => sentAtMs > began + 5000 && sentAtMs < began + outageMs);
    expect(probes.length).toBeLessThanOrEqual(5 + 20);
    const attempts = all.map((each) => run.ledger.state.actions.get(each)?.last?.attempt ?? 0);
    expect(Math.max(...attempts)).toBeLessThanOrEqual(2);
  });

  it('Defender out of reach costs one call a wait while it answers 429 for forty minutes, and no attempt', async () => {
    const all = ids(30);
    const wire = wireWith(all);
    const began = performance.now();
    wire.fault = ({ route }) =>
      route === 'cancel' && performance.now() - began < 40 * 60_000 ? { kind: 'too-many', tell: 'nothing' } : undefined;
    const run = await makeRun({ ids: all, wire, job: { screen: 'never' } });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 30 });
    // All sixteen in flight, then 61, 121, 241 and 301 s each.
    expect(wire.calls.filter(({ sentAtMs }) => sentAtMs - began < 40 * 60_000).length).toBeLessThanOrEqual(16 + 11);
    expect(all.every((each) => run.ledger.state.actions.get(each)?.last?.attempt === 1)).toBe(true);
  });
});
