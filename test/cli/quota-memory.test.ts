import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rememberCalls } from '../../src/cli/quota-memory.ts';
import { skewOf } from '../../src/defender/read-answer.ts';
import { silentLog } from '../../src/log.ts';
import { type Bench, bench, machine, OPEN, PATH } from '../ledger/ledgers.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const WINDOWS = [{ calls: 40, perMs: MINUTE }];
const { tenant, client, api } = OPEN;
let pid = 100;

/** A session of `count` answered calls; `close` leaves it as a plan that can be replaced. */
async function session(setting: Bench, count: number, path = PATH, skewMs?: number): Promise<void> {
  const ledger = await setting.open({ path, processes: machine(++pid, new Map()) });
  for (let n = 0; n < count; n++) {
    const call = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200, ...(skewMs === undefined ? {} : { skewMs }) });
  }
  await ledger.close('planned');
  await ledger[Symbol.asyncDispose]();
}

/** What the next session remembers within the last minute, and how often it asked Defender for its clock. */
async function remembered(setting: Bench, skewMs: number | undefined, existing: 'any' | 'plan' = 'any', path = PATH) {
  const { disk, clock } = setting;
  await using ledger = await setting.open({ path, existing, processes: machine(++pid, new Map()) });
  let asked = 0;
  const measureSkew = async () => {
    asked++;
    return skewMs;
  };
  const job = { ledger: path, clientId: client, quota: { windows: WINDOWS, share: 1, routes: 'shared' as const } };
  const seeds = await rememberCalls(
    { job, ledger, sender: { tenant, client, api }, disk, measureSkew },
    { clock, log: silentLog },
  );
  return { asked, counted: seeds.filter(({ ageMs }) => ageMs < MINUTE).length };
}

/** The `Date` header that such an answer has, read as the program reads it. */
const skewShown = (setting: Bench, date: string | undefined) =>
  skewOf({ http: 200, headers: date === undefined ? {} : { date }, body: '' }, setting.clock.wallMs());

describe('what was called in the last minute counts at the next start', () => {
  it.each<[string, (trueMs: number) => string | undefined]>([
    ['two hours ahead', (trueMs) => new Date(trueMs + 2 * HOUR).toUTCString()],
    ['two hours behind', (trueMs) => new Date(trueMs - 2 * HOUR).toUTCString()],
    ['right', (trueMs) => new Date(trueMs).toUTCString()],
    ['absent', () => undefined],
    ['no date', () => 'soon'],
    ['in the year 9999', () => 'Fri, 31 Dec 9999 23:59:59 GMT'],
    ['in 1970', () => 'Thu, 01 Jan 1970 00:00:00 GMT'],
  ])('where the Date of Defender is %s', async (_, date) => {
    const setting = bench();
    await session(setting, 40);
    setting.clock.stand(10_000);
    const skewMs = skewShown(setting, date(setting.clock.wallMs()));
    expect(await remembered(setting, skewMs)).toEqual({ asked: 1, counted: 40 });
  });

  it('where it was called by a plan that is replaced, the wall clock was set ahead, and no other ledger is there', async () => {
    const setting = bench();
    await session(setting, 30);
    setting.clock.suspend(50 * MINUTE);
    expect(await remembered(setting, -50 * MINUTE, 'plan')).toEqual({ asked: 1, counted: 30 });
  });

  it('where it was called from a ledger beside it, whatever that is called', async () => {
    const setting = bench();
    await session(setting, 30, '/ledgers/old-copy.bak');
    setting.clock.suspend(50 * MINUTE);
    expect(await remembered(setting, -50 * MINUTE)).toEqual({ asked: 1, counted: 30 });
  });

  it('where the clock that wrote was slow, no answer showed it, and only the file tells', async () => {
    const setting = bench();
    await session(setting, 30);
    const file = setting.disk.files.get(PATH);
    if (file === undefined) throw new Error('no ledger');
    // The file server's clock was right then, as all clocks are now.
    setting.clock.suspend(2 * HOUR);
    file.modifiedMs = setting.clock.wallMs();
    expect(await remembered(setting, undefined)).toEqual({ asked: 1, counted: 30 });
  });
});

it('Defender is not asked for its clock where nothing was ever called', async () => {
  expect(await remembered(bench(), 0)).toEqual({ asked: 0, counted: 0 });
});

it('what is over by every clock does not count', async () => {
  const setting = bench();
  await session(setting, 30);
  setting.clock.stand(2 * MINUTE);
  expect(await remembered(setting, 0)).toEqual({ asked: 1, counted: 0 });
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
        const setting = bench();
        const madeAtMs: number[] = [];
        const { clock } = setting;
        for (const { calls, thenMs, beside } of sessions) {
          await session(setting, calls, beside ? '/ledgers/b.jsonl' : PATH);
          for (let n = 0; n < calls; n++) madeAtMs.push(clock.monotonicMs());
          clock.stand(thenMs);
        }
        const due = madeAtMs.filter((atMs) => clock.monotonicMs() - atMs < MINUTE).length;
        clock.suspend(wallSetMs);
        const { counted } = await remembered(setting, lying(wallSetMs));
        expect(counted).toBeGreaterThanOrEqual(due);
      },
    ),
    { numRuns: 60 },
  );
});
