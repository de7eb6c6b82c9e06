import { describe, expect, test } from 'vitest';
import type { CloseReason } from '../../src/ledger/record.ts';
import { summarise } from '../../src/report/summary.ts';
import { exitMeaning, nextSteps, type Tone, verdictOf } from '../../src/report/verdict.ts';
import { viewOf } from './books.ts';
import { RUN, T0 } from './records.ts';
import { type Fate, planStory, runStory } from './stories.ts';

const nowMs = T0 + 86_400_000;
const cancelled: Fate = { outcome: 'cancelled', ended: 'Cancelled', http: 200 };
const open: Fate = { outcome: undefined };
const clean = (fates: readonly Fate[], close: CloseReason | undefined) =>
  summarise([viewOf(runStory({ fates, close }).filter(({ kind }) => kind !== 'reject'))], { nowMs });

describe('the verdict', () => {
  test.each<[CloseReason | undefined, Tone, string]>([
    ['finished', 'good', 'Done, and nothing needs you'],
    ['interrupted', 'open', 'Interrupted with work left'],
    ['halted', 'bad', 'Stopped by a guard'],
    ['deadline', 'open', 'Out of time with work left'],
    ['refused', 'bad', 'Credentials or permissions were refused'],
    ['unreachable', 'bad', 'Defender or sign-in was out of reach'],
    ['disk', 'bad', 'The ledger could not be written'],
    [undefined, 'open', 'Not over yet'],
  ])('of a run that ended %s is %s', (reason, tone, headline) => {
    expect(verdictOf(clean([cancelled], reason))).toMatchObject({ tone, headline });
  });

  test('of a damaged ledger says so first', () => {
    const view = { ...viewOf(runStory({ fates: [cancelled] })), intact: false };
    expect(verdictOf(summarise([view], { nowMs }))).toMatchObject({ tone: 'bad', headline: 'The ledger is damaged' });
  });

  test('says how long what is left takes at least under the quota', () => {
    const summary = clean(Array<Fate>(1600).fill(open), 'interrupted');
    expect(verdictOf(summary).timing).toMatch(/What is left takes at least 1 h more under the quota\.$/);
  });

  test('of a plan over --max-actions refuses, and does not offer to start it', () => {
    const { records, facts } = planStory([cancelled, cancelled]);
    const limited = records.map((record) =>
      record.kind === 'open' ? { ...record, job: { name: 'x', guards: { maxActions: 1 } } } : record,
    );
    const summary = summarise([viewOf(limited)], { nowMs, plan: facts });
    expect(verdictOf(summary)).toMatchObject({ tone: 'bad', headline: 'More actions than the job allows' });
    expect(nextSteps(summary).every(({ command }) => command === undefined)).toBe(true);
    expect(exitMeaning(summary)).toBe('Exit code 5: stopped by a guard');
  });
});

describe('what to do next', () => {
  test('is nothing after a clean run', () => {
    expect(nextSteps(clean([cancelled], 'finished'))).toEqual([]);
  });

  test('is to go on with the ledgers that have work left, and only those', () => {
    const done = viewOf(runStory({ fates: [cancelled] }), 'done.jsonl');
    const half = viewOf(runStory({ fates: [open], from: 9, run: `9${RUN.slice(1)}`, close: 'deadline' }), 'half.jsonl');
    const commands = nextSteps(summarise([done, half], { nowMs })).map(({ command }) => command);
    expect(commands).toContain('countermand resume half.jsonl');
    expect(commands).not.toContain('countermand resume done.jsonl');
  });

  test('warns that a run without an end may still be running', () => {
    expect(nextSteps(clean([open], undefined))).toEqual([
      { text: 'Unless it still runs, go on with it', command: 'countermand resume ledgers/nightly.jsonl' },
    ]);
  });
});
