import { describe, expect, it } from 'vitest';
import { RefusedError } from '../../src/errors.ts';
import type { CloseReason } from '../../src/ledger/record.ts';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { ids, makeRun, Tokens } from './run.ts';

const time = useVirtualTime();

describe('refusals in a row (403)', () => {
  const forbid = (from: number, to: number) => (call: { route: string; ids: readonly string[] }) => {
    const n = Number.parseInt(call.ids[0]?.slice(-12) ?? '', 16);
    return call.route === 'cancel' && n >= from && n <= to ? ({ kind: 'forbidden' } as const) : undefined;
  };

  it('refusals in a row (403) are outcomes when a cancel in between is taken', async () => {
    const wire = wireWith(ids(30));
    wire.fault = forbid(3, 6);
    const run = await makeRun({
      ids: ids(30),
      wire,
      job: { concurrency: 1, guards: { maxFailures: { percent: 100 } } },
    });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 26, forbidden: 4 });
    expect(run.tokens.renewals).toBe(0);
  });

  it('refusals in a row (403) renew the token from the fifth on, and are outcomes when the token still permits', async () => {
    const wire = wireWith(ids(30));
    wire.fault = forbid(3, 12);
    const run = await makeRun({ ids: ids(30), wire, job: { guards: { maxFailures: { percent: 100 } } } });
    expect(await run.cancel(time())).toBeUndefined();
    expect(run.counts()).toEqual({ cancelled: 20, forbidden: 10 });
    expect(run.tokens.renewals).toBe(1);
  });

  it('refusals in a row (403) end the session (exit 4) when the renewed token permits no cancel, however many are refused meanwhile', async () => {
    const wire = wireWith(ids(100));
    wire.fault = forbid(1, 100);
    const tokens = new Tokens();
    tokens.next = async () => {
      await new Promise((resolve) => setTimeout(resolve, 20_000));
      return sandboxToken({ roles: ['Machine.Read.All'] });
    };
    const run = await makeRun({ ids: ids(100), wire, tokens });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 4 });
    expect(run.parts.stop.reason?.close).toBe<CloseReason>('refused');
    expect(run.ledger.state.leftCount).toBe(100);
    expect(wire.count('cancel')).toBeLessThanOrEqual(20);
  });

  it('refusals in a row (403) halt the run (exit 5) at twenty-five, and their actions stay open', async () => {
    const wire = wireWith(ids(100));
    wire.fault = forbid(11, 100);
    const run = await makeRun({ ids: ids(100), wire });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 5 });
    expect(run.counts()['forbidden']).toBeUndefined();
    expect(wire.count('cancel')).toBeLessThanOrEqual(10 + 25 + 16);
  });

  it('refusals in a row (403) halt at twenty-five with a ready token, which is not renewed', async () => {
    const wire = wireWith(ids(100));
    wire.fault = forbid(1, 100);
    const tokens = new Tokens();
    tokens.kind = 'token';
    tokens.next = () => Promise.reject(new RefusedError('Defender refused the token'));
    const run = await makeRun({ ids: ids(100), wire, tokens });
    expect(await run.cancel(time())).toMatchObject({ exitCode: 5 });
    expect(tokens.renewals).toBe(0);
  });

  it.each([1, 19, 20, 24])(
    'refusals in a row (403) of each of %i actions are their outcomes, with any body',
    async (count) => {
      const bodies = [
        { kind: 'forbidden' },
        { kind: 'empty', status: 403 },
        { kind: 'html', status: 403 },
        { kind: 'status', status: 403, code: 'DisallowedOperation' },
      ] as const;
      const wire = wireWith(ids(count));
      wire.fault = ({ route, n }) => (route === 'cancel' ? bodies[n % bodies.length] : undefined);
      const run = await makeRun({ ids: ids(count), wire });
      expect(await run.cancel(time())).toBeUndefined();
      expect(run.counts()).toEqual({ forbidden: count });
      expect(wire.count('cancel')).toBe(count);
    },
  );

  it('refusals in a row (403) are asked for anew by the next session', async () => {
    const disk = new MemoryDisk(() => Date.now());
    const wire = wireWith(ids(40));
    wire.fault = forbid(1, 40);
    const first = await makeRun({ ids: ids(40), wire, disk });
    await first.cancel(time());
    await first.ledger[Symbol.asyncDispose]();
    wire.fault = () => undefined;
    const second = await makeRun({ wire, disk, resume: true });
    expect(await second.cancel(time())).toBeUndefined();
    expect(second.counts()).toEqual({ cancelled: 40 });
  });
});
