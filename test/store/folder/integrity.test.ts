import fc from 'fast-check';
import { expect, test } from 'vitest';
import { byOurClock } from '../../../src/ledger/call-age.ts';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { type Scanned, Scanner } from '../../../src/ledger/scanner.ts';
import { Projection } from '../../../src/ledger/state/projection.ts';
import type { RunState } from '../../../src/ledger/state/run-state.ts';
import { begin, makeHarness, PATH } from './harness.ts';
import { play, script } from './scripts.ts';

/** Everything that a run's state says, but what only the process that read the source knows. */
function saidBy(state: RunState, nowMs: number): unknown {
  const actions = [...state.actions.values()].map(({ id, line, comment, screen, last, sent, outcome }) => ({
    ...{ id, line, comment, screen, last, sent, outcome },
  }));
  const { run, sessions, intakes, starts, pauses, rejected, calls, lastSeq, lastCall, firstAtMs, lastAtMs } = state;
  return {
    ...{ run, sessions, intakes, starts, pauses, rejected, calls, lastSeq, lastCall, firstAtMs, lastAtMs, actions },
    counts: state.counts(),
    left: [...state.left()].map(({ id }) => id),
    leftCount: state.leftCount,
    recent: state.recentCalls(byOurClock(nowMs), 60_000),
  };
}

function scan(bytes: Uint8Array, chunkBytes = bytes.length): { scanned: Scanned; torn: string; state: Projection } {
  const state = new Projection();
  const scanner = new Scanner(state);
  for (let at = 0; at < bytes.length; at += chunkBytes) scanner.push(bytes.subarray(at, at + chunkBytes));
  return { scanned: scanner.result, torn: scanner.torn, state };
}

/** The bytes of ledgers of all kinds, made once: the properties below change them ten thousand times. */
async function ledgers(count: number): Promise<Buffer[]> {
  return Promise.all(
    fc.sample(script, { numRuns: count, seed: 7 }).map(async (steps) => {
      const harness = makeHarness();
      await (await play(harness, steps)).head();
      return harness.disk.files.get(PATH)?.bytes ?? Buffer.alloc(0);
    }),
  );
}

test('what a ledger says is the same whether it was written or read', async () => {
  await fc.assert(
    fc.asyncProperty(script, async (steps) => {
      const harness = makeHarness();
      const ledger = await play(harness, steps);
      const head = await ledger.head();
      const read = await readLedger(PATH, harness.disk);
      expect({ fault: read.fault, head: read.head, torn: read.tornBytes }).toEqual({ fault: undefined, head, torn: 0 });
      const nowMs = harness.clock.wallMs();
      expect(saidBy(read.state, nowMs)).toEqual(saidBy(ledger.state, nowMs));
    }),
    { numRuns: 200 },
  );
});

test('any prefix of a valid ledger opens, read in chunks of any size', async () => {
  const all = await ledgers(50);
  const prefix = fc.record({
    bytes: fc.constantFrom(...all),
    part: fc.double({ min: 0, max: 1, noNaN: true }),
    chunk: fc.integer({ min: 1, max: 3000 }),
  });
  fc.assert(
    fc.property(prefix, ({ bytes, part, chunk }) => {
      const cut = bytes.subarray(0, Math.round(bytes.length * part));
      const { scanned, torn } = scan(cut, chunk);
      const whole = cut.lastIndexOf(10) + 1;
      expect(scanned).toMatchObject({ fault: undefined, bytes: whole, tornBytes: cut.length - whole });
      expect(scanned.records).toBe(cut.filter((byte) => byte === 10).length);
      expect(Buffer.byteLength(torn) > 0).toBe(cut.length > whole);
    }),
    { numRuns: 4000 },
  );
});

test('any single edit inside is found, at its line or the next', async () => {
  const all = await ledgers(50);
  const edit = fc.record({
    bytes: fc.constantFrom(...all),
    at: fc.nat(),
    kind: fc.constantFrom(
      'change',
      'change-end',
      'remove',
      'insert',
      'remove-line',
      'swap-lines',
      'repeat-line',
      'cut-middle',
      'paste',
    ),
    byte: fc.integer({ min: 0, max: 255 }),
    other: fc.constantFrom(...all),
  });
  const seen = { shortened: 0, torn: 0, damaged: 0 };
  fc.assert(
    fc.property(edit, ({ bytes, at, kind, byte, other }) => {
      const { text, line } = edited(bytes, at, kind, byte, other);
      if (text.equals(bytes)) return;
      const { scanned } = scan(text);
      // Removing the end, or cutting the last newline off, is not damage: only `head` can tell.
      if (bytes.subarray(0, text.length).equals(text)) {
        expect(scanned.fault).toBeUndefined();
        seen.shortened += 1;
        return;
      }
      if (scanned.tornBytes > 0 && scanned.fault === undefined) {
        // The last newline was changed: what stood before it is a torn line now, and the lines before it are as they were.
        expect(bytes.subarray(0, scanned.bytes).equals(text.subarray(0, scanned.bytes))).toBe(true);
        expect(line).toBeGreaterThanOrEqual(scanned.records + 1);
        seen.torn += 1;
        return;
      }
      expect(scanned.fault?.line).toBeGreaterThanOrEqual(line);
      expect(scanned.fault?.line).toBeLessThanOrEqual(line + 1);
      seen.damaged += 1;
    }),
    { numRuns: 6000 },
  );
  // Each way through is met: a generator that drifts would leave one empty without a word.
  expect(seen.damaged).toBeGreaterThan(3000);
  expect(seen.shortened).toBeGreaterThan(100);
  expect(seen.torn).toBeGreaterThan(100);
});

test('every byte of plain admit lines is watched, the framing of the chain included', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  await begin(ledger, 4);
  await ledger.head();
  const bytes = disk.files.get(PATH)?.bytes ?? Buffer.alloc(0);
  for (let at = 0; at < bytes.length; at++) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    const { scanned } = scan(changed);
    const isLastNewline = at === bytes.length - 1;
    if ((scanned.fault === undefined) !== isLastNewline) throw new Error(`byte ${at} may be changed`);
  }
  expect(bytes.toString().match(/"kind":"admit"/g)).toHaveLength(4);
});

/** An edit of a ledger, and the first line it touches. */
function edited(bytes: Buffer, at: number, kind: string, byte: number, other: Buffer): { text: Buffer; line: number } {
  const lines = bytes.toString('latin1').split(/(?<=\n)/);
  const index = at % lines.length;
  const place = at % bytes.length;
  const lineAt = bytes.subarray(0, place).filter((each) => each === 10).length + 1;
  const join = (parts: (string | undefined)[]) => Buffer.from(parts.join(''), 'latin1');
  switch (kind) {
    case 'change':
      return {
        text: Buffer.concat([bytes.subarray(0, place), Buffer.from([byte]), bytes.subarray(place + 1)]),
        line: lineAt,
      };
    case 'change-end':
      return { text: Buffer.concat([bytes.subarray(0, -1), Buffer.from([byte])]), line: lines.length };
    case 'remove':
      return { text: Buffer.concat([bytes.subarray(0, place), bytes.subarray(place + 1)]), line: lineAt };
    case 'insert':
      return {
        text: Buffer.concat([bytes.subarray(0, place), Buffer.from([byte]), bytes.subarray(place)]),
        line: lineAt,
      };
    case 'remove-line':
      return { text: join(lines.toSpliced(index, 1)), line: index + 1 };
    case 'swap-lines': {
      const next = (index + 1) % lines.length;
      const [low, high] = [Math.min(index, next), Math.max(index, next)];
      return { text: join(lines.with(low, lines[high] ?? '').with(high, lines[low] ?? '')), line: low + 1 };
    }
    case 'repeat-line':
      return { text: join(lines.toSpliced(index, 0, lines[index] ?? '')), line: index + 2 };
    case 'cut-middle': {
      const end = Math.min(bytes.length, place + 1 + byte * 3);
      return { text: Buffer.concat([bytes.subarray(0, place), bytes.subarray(end)]), line: lineAt };
    }
    default:
      return { text: Buffer.concat([bytes, other]), line: lines.length + 1 };
  }
}
