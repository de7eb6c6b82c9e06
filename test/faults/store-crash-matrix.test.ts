import { expect, test } from 'vitest';
import {
  CANCEL_INTENT,
  endLease,
  expectOrderlyStoreEnd,
  expectWhole,
  goOnInStore,
  openOwnStoreWork,
  outcomeOf,
} from './store-work.ts';

/**
 * A run that dies, or whose connection breaks, at every kind of question that it asks the database: before the database has heard of it, and after it has
 * committed but before the answer is seen. The moments are found from outside, by a proxy that sees the questions as they come.
 */
const MOMENTS: readonly { what: string; text: string | RegExp }[] = [
  { what: 'the run is asked for', text: 'run_hold' },
  { what: 'the session is begun', text: '"kind":"open"' },
  { what: 'the intake is ended', text: '"kind":"intake"' },
  { what: 'the run is started', text: '"kind":"start"' },
  { what: 'slots are asked for', text: 'quota_take' },
  { what: 'a cancel is about to be sent', text: CANCEL_INTENT },
  { what: 'a cancel was answered', text: /"kind":"reply".*"route":"cancel"|"kind":"outcome"/ },
  { what: 'slots are settled', text: 'quota_settle' },
  { what: 'the session is ended', text: '"kind":"close"' },
  { what: 'the run is given back', text: 'run_release' },
];
const EDGES = ['before', 'after'] as const;
const CASES = MOMENTS.flatMap((moment) => EDGES.map((edge) => ({ ...moment, edge })));

const workOf = () => openOwnStoreWork({ count: 12 });

test.concurrent.for(CASES)(
  'a run killed when $what, $edge the database has done it, is gone on with, and nothing is done twice',
  async ({ text, edge }) => {
    await using work = await workOf();
    await using killed = work.start(await goOnInStore(work), { timeoutMs: 60_000 });
    work.proxy.meet(text, edge, () => killed.kill('SIGKILL'));
    expect((await killed.ended).signal).toBe('SIGKILL');
    await endLease(work);
    await expectOrderlyStoreEnd(work, { verify: 'here' });
  },
);

test.concurrent.for(MOMENTS)(
  'a run whose connection breaks when $what, after the database has done it, loses nothing, does nothing twice and goes on',
  async ({ text }) => {
    await using work = await workOf();
    work.proxy.cut(text, 'after');
    const end = await work.run(await goOnInStore(work), { timeoutMs: 60_000 });
    expect(work.proxy.cuts).toBe(1);
    // A run that is not held yet is asked for once; all else is asked again.
    expect(outcomeOf(end), end.stderr).toEqual({ code: text === 'run_hold' ? 6 : 0, signal: null });
    await endLease(work);
    if (end.code === 0) await expectWhole(work, { verify: 'here' });
    else await expectOrderlyStoreEnd(work, { verify: 'here' });
  },
);
