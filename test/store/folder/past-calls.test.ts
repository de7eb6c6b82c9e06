import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { skewOf } from '../../../src/defender/read-answer.ts';
import { silentLog } from '../../../src/log.ts';
import { findPastCalls } from '../../../src/store/folder/past-calls.ts';
import { type Harness, machine, makeHarness, OPEN, PATH } from './harness.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WINDOWS = [{ calls: 40, perMs: MINUTE }];
const { tenant, client, api } = OPEN;
let pid = 100;

/** A session of `count` answered calls; `close` leaves it as a plan that can be replaced. */
async function session(harness: Harness, count: number, path = PATH, skewMs?: number): Promise<void> {
  const ledger = await harness.open({ path, processes: machine(++pid, new Map()) });
  for (let n = 0; n < count; n++) {
    const call = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200, ...(skewMs === undefined ? {} : { skewMs }) });
  }
  await ledger.close('planned');
  await ledger[Symbol.asyncDispose]();
}

/** What the next session remembers within the last minute, and how often it asked Defender for its clock. */
async function remembered(harness: Harness, skewMs: number | undefined, replacesPlan = false, path = PATH) {
  const { disk, clock } = harness;
  const opened = await harness.opened({ path, replacesPlan, processes: machine(++pid, new Map()) });
  await using _ledger = opened.ledger;
  let asked = 0;
  const measureSkew = async () => {
    asked++;
    return skewMs;
  };
  const seeds = await findPastCalls(
    { windows: WINDOWS, path, opened, sender: { tenant, client, api }, disk, measureSkew },
    { clock, log: silentLog },
  );
  return { asked, counted: seeds.filter(({ ageMs }) => ageMs < MINUTE).length };
}

/** The `Date` header that such an answer has, read as the program reads it. */
const skewShown = (harness: Harness, date: string | undefined) =>
  skewOf({ http: 200, headers: date === undefined ? {} : { date }, body: '' }, harness.clock.wallMs());

describe('what was called in the last minute counts at the next start', () => {
  it.each<[string, (trueMs: number) => string | undefined]>([
    ['two hours ahead', (trueMs) => new Date(trueMs + 2 * HOUR).toUTCString()],
    ['two hours behind', (trueMs) => new Date(trueMs - 2 * HOUR).toUTCString()],
    ['right', (trueMs) => new Date(trueMs).toUTCString()],
    ['absent', () => undefined],
    ['no date', () => 'soon'],
    ['in the year 9999', () => 'Fri, 31 Dec 9999 23:59:59 GMT'],
    ['in 1970', () => 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ])(
    'what was called in the last minute counts at the next start where the Date of Defender is %s',
    async (_, date) => {
      const harness = makeHarness();
      await session(harness, 40);
      harness.clock.stand(10_000);
      const skewMs = skewShown(harness, date(harness.clock.wallMs()));
      expect(await remembered(harness, skewMs)).toEqual({ asked: 1, counted: 40 });
    },
  );

  it('what was called in the last minute counts at the next start where it was called by a plan that is replaced, the wall clock was set ahead, and no other ledger is there', async () => {
    const harness = makeHarness();
    await session(harness, 30);
    harness.clock.moveWall(50 * MINUTE);
    expect(await remembered(harness, -50 * MINUTE, true)).toEqual({ asked: 1, counted: 30 });
  });

  it('what was called in the last minute counts at the next start where it was called from a ledger beside it, whatever that is called', async () => {
    const harness = makeHarness();
    await session(harness, 30, '/ledgers/old-copy.bak');
    harness.clock.moveWall(50 * MINUTE);
    expect(await remembered(harness, -50 * MINUTE)).toEqual({ asked: 1, counted: 30 });
  });

  it('what was called in the last minute counts at the next start where the clock that wrote was slow, no answer showed it, and only the file tells', async () => {
    const harness = makeHarness();
    await session(harness, 30);
    const file = harness.disk.files.get(PATH);
    if (file === undefined) throw new Error('no ledger');
    // The file server's clock was right then, as all clocks are now.
    harness.clock.moveWall(2 * HOUR);
    file.modifiedMs = harness.clock.wallMs();
    expect(await remembered(harness, undefined)).toEqual({ asked: 1, counted: 30 });
  });
});

it('Defender is not asked for its clock where nothing was ever called', async () => {
  expect(await remembered(makeHarness(), 0)).toEqual({ asked: 0, counted: 0 });
});

it('what is over by every clock does not count', async () => {
  const harness = makeHarness();
  await session(harness, 30);
  harness.clock.stand(2 * MINUTE);
  expect(await remembered(harness, 0)).toEqual({ asked: 1, counted: 0 });
});

it('never less is remembered than can still count, for any sessions, and any one clock that lies at the restart', async () => {
  const lie = fc.constantFrom(0, 2 * HOUR, -2 * HOUR, 50 * MINUTE, -50 * MINUTE);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ calls: fc.nat(4), thenMs: fc.nat(40_000), beside: fc.boolean() }), {
        minLength: 1,
        maxLength: 4,
      }),
      fc.oneof(
        // The wall clock is set and Defender tells the truth, or the other way round.
        fc.record({ wallSetMs: lie, skewOf: fc.constant((wallSetMs: number): number | undefined => -wallSetMs) }),
        fc.record({
          wallSetMs: fc.constant(0),
          skewOf: lie.chain((ms) =>
            fc.constantFrom(
              (): number | undefined => ms,
              () => undefined,
            ),
          ),
        }),
      ),
      async (sessions, { wallSetMs, skewOf: lying }) => {
        const harness = makeHarness();
        const madeAtMs: number[] = [];
        const { clock } = harness;
        for (const { calls, thenMs, beside } of sessions) {
          await session(harness, calls, beside ? '/ledgers/b.jsonl' : PATH);
          for (let n = 0; n < calls; n++) madeAtMs.push(clock.monotonicMs());
          clock.stand(thenMs);
        }
        const due = madeAtMs.filter((atMs) => clock.monotonicMs() - atMs < MINUTE).length;
        clock.moveWall(wallSetMs);
        const { counted } = await remembered(harness, lying(wallSetMs));
        expect(counted).toBeGreaterThanOrEqual(due);
      },
    ),
    { numRuns: 60 },
  );
});
