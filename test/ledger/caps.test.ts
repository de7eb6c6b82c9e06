import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { MAX_LINE_BYTES, MAX_RECORD } from '../../src/ledger/field.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { cut } from '../../src/ledger/line.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';
import { begin, id, makeHarness, OPEN, PATH } from '../store/folder/harness.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

const MEGABYTE = 1 << 20;
const ENDLESS = 'x'.repeat(30 * MEGABYTE);

async function started(): Promise<{ ledger: Ledger; setting: ReturnType<typeof makeHarness> }> {
  const harness = makeHarness();
  const ledger = await harness.open();
  await begin(ledger, 1);
  return { ledger, setting: harness };
}

describe('what Defender sends', () => {
  test('what Defender sends is cut before it is written, so that 30 MB of a name damage nothing, and the state says what the file says', async () => {
    const { ledger, setting: harness } = await started();
    const { disk } = harness;
    const before = disk.files.get(PATH)?.bytes.length ?? 0;
    await ledger.screen([
      {
        ...{ id: id(1), status: ENDLESS, type: ENDLESS, machineId: ENDLESS, computer: ENDLESS },
        ...{ requestor: ENDLESS, created: ENDLESS },
      },
    ]);
    const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 400, code: ENDLESS, correlation: ENDLESS, error: ENDLESS });
    await ledger.outcome({ id: id(1), outcome: 'failed', attempts: 1, status: ENDLESS, detail: ENDLESS });
    await ledger.reject({ line: 1, reason: 'bad-row', text: ENDLESS });
    await ledger.head();
    expect((disk.files.get(PATH)?.bytes.length ?? 0) - before).toBeLessThan(10_000);
    const read = await readLedger(PATH, disk);
    expect(read.fault).toBeUndefined();
    const action = ledger.state.actions.get(id(1));
    expect(read.state.actions.get(id(1))?.screen).toEqual(action?.screen);
    expect(action?.screen?.computer).toBe('x'.repeat(256));
    expect(action?.outcome?.detail).toBe('x'.repeat(1024));
  });

  test('what Defender sends leaves no more in memory than its beginning', async () => {
    const { ledger } = await started();
    const kept: (string | null)[] = [];
    const before = process.memoryUsage();
    for (let n = 0; n < 40; n++) {
      const computer = `${n}${'y'.repeat(10 * MEGABYTE)}`;
      await ledger.screen([
        { id: id(1), status: 'Pending', type: 'Isolate', machineId: null, computer, requestor: null, created: null },
      ]);
      kept.push(ledger.state.actions.get(id(1))?.screen?.computer ?? null);
    }
    expect(new Set(kept).size).toBe(40);
    const after = process.memoryUsage();
    // 400 MB were shown; what the collector has not got to yet is a few of them.
    expect(after.heapUsed + after.external - before.heapUsed - before.external).toBeLessThan(150 * MEGABYTE);
  });

  test('what Defender sends is made to fit whatever numbers an answer leads to: its reply is never lost', async () => {
    const number = fc.oneof(fc.double(), fc.integer(), fc.constantFrom(1e300, -1e300, -0, 0.4, -0.4, 8.64e15 + 1));
    const textOrNone = fc.option(fc.string({ unit: 'binary', maxLength: 400 }), { nil: undefined });
    const answer = fc.record({
      ms: number,
      retryAfterMs: number,
      skewMs: number,
      code: textOrNone,
      error: fc.string(),
    });
    await fc.assert(
      fc.asyncProperty(answer, async ({ code, ...numbers }) => {
        const { ledger, setting: harness } = await started();
        const call = await ledger.intent({ route: 'list', ids: 1, attempt: 1 });
        await ledger.reply({ call, ...numbers, ...(code === undefined ? {} : { code }) });
        await ledger.pause({ until: `+${call}12345-01-01T00:00:00.000Z`, reason: 'throttled' });
        await ledger.head();
        const { fault, records } = await readLedger(PATH, harness.disk);
        expect({ fault, records }).toEqual({ fault: undefined, records: 7 });
      }),
      { numRuns: 200 },
    );
  });

  test('what Defender sends is cut between whole characters, however long and odd', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.integer({ min: 0, max: 20 }), (text, most) => {
        const left = cut(text, most);
        expect(left.length).toBeLessThanOrEqual(most);
        expect(/\p{Cs}/u.test(left)).toBe(false);
        const whole = text.replace(/\p{Cs}/gu, '\ufffd');
        expect(whole.startsWith(left)).toBe(true);
        expect(whole.length - left.length).toBeLessThanOrEqual(Math.max(0, whole.length - most) + 1);
      }),
    );
    expect(cut('ab🚒', 3)).toBe('ab');
    expect(cut('ab🚒', 4)).toBe('ab🚒');
    expect(cut('a\ud83d', 2)).toBe('a\ufffd');
  });
});

describe('a job', () => {
  test('a job that could not be read back is refused before anything is written', async () => {
    for (const job of [
      {},
      null,
      { ...FROZEN_JOB, name: 'x'.repeat(201) },
      { ...FROZEN_JOB, name: 'a/b' },
      { ...FROZEN_JOB, ledger: 'half a character: \ud800' },
      { ...FROZEN_JOB, guards: { ...FROZEN_JOB.guards, onlyMachine: ['x'.repeat(MAX_RECORD)] } },
    ]) {
      const harness = makeHarness();
      await expect(harness.open({ open: { ...OPEN, job } })).rejects.toThrow(UsageError);
      expect(harness.disk.files.get(PATH)?.bytes.length ?? 0).toBe(0);
    }
  });

  test('a job as long as may be is far below the longest line that is read', async () => {
    const harness = makeHarness();
    // Three bytes each: the most that a character of one unit takes.
    const job = { ...FROZEN_JOB, guards: { ...FROZEN_JOB.guards, onlyMachine: ['€'.repeat(MAX_RECORD - 4000)] } };
    const ledger = await harness.open({ open: { ...OPEN, job } });
    await ledger[Symbol.asyncDispose]();
    expect(harness.disk.files.get(PATH)?.bytes.length).toBeLessThan(MAX_LINE_BYTES / 2);
    expect((await readLedger(PATH, harness.disk)).fault).toBeUndefined();
  });
});
