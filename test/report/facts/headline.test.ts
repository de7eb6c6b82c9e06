import { describe, expect, test } from 'vitest';
import { describeDuration } from '../../../src/duration.ts';
import { resolveJob } from '../../../src/job/resolve-job.ts';
import type { CloseReason } from '../../../src/ledger/record.ts';
import { exitMeaning, headlineOf, type Tone, verdictOf } from '../../../src/report/facts/headline.ts';
import { nextSteps } from '../../../src/report/facts/next-steps.ts';
import type { ForecastFacts } from '../../../src/report/facts/plan-summary.ts';
import { summarise } from '../../../src/report/facts/summary.ts';
import { formatTime } from '../../../src/report/format.ts';
import { htmlPage } from '../../../src/report/html/page.ts';
import { summaryText } from '../../../src/report/text.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';
import { RUN, T0 } from '../records.ts';
import { type Fate, planStory, runStory } from '../stories.ts';
import { viewOf } from '../views.ts';

const HOLDER = { pid: 7, host: 'host-1', since: '2026-03-02T22:00:00.000Z' };
const nowMs = T0 + 86_400_000;
const cancelled: Fate = { outcome: 'cancelled', ended: 'Cancelled', http: 200 };
const open: Fate = { outcome: undefined };
const clean = (fates: readonly Fate[], close: CloseReason | undefined) =>
  summarise([viewOf(runStory({ fates, close }).filter(({ kind }) => kind !== 'reject'))], { nowMs });

describe('the headline', () => {
  test.each<[CloseReason | undefined, Tone, string]>([
    ['finished', 'good', 'Done. Nothing needs attention'],
    ['interrupted', 'open', 'Interrupted with work left'],
    ['halted', 'bad', 'Stopped by a guard'],
    ['deadline', 'open', 'Out of time with work left'],
    ['refused', 'bad', 'Credentials or permissions were refused'],
    ['unreachable', 'bad', 'Defender or sign-in was out of reach'],
    ['disk', 'bad', 'The ledger could not be written'],
    [undefined, 'open', 'Not over yet'],
  ])('the headline of a run that ended %s is %s', (reason, tone, headline) => {
    expect(headlineOf(clean([cancelled], reason))).toMatchObject({ tone, title: headline });
  });

  test('the headline of a damaged ledger says so first', () => {
    const view = { ...viewOf(runStory({ fates: [cancelled] })), intact: false };
    expect(headlineOf(summarise([view], { nowMs }))).toMatchObject({ tone: 'bad', title: 'The ledger is damaged' });
  });

  test('the headline tells apart what is accepted, in doubt, to be tried again and not called', () => {
    const summary = clean([cancelled, cancelled, open], 'interrupted');
    const openBy = { accepted: 64, inDoubt: 8, again: 1, notCalled: 1300 };
    expect(headlineOf({ ...summary, openBy, counts: { ...summary.counts, 'ended-otherwise': 2 } }).sentence).toBe(
      '2 of 3 actions were cancelled, 2 ended Failed or TimeOut after the cancel, 64 are accepted and not seen to end yet, ' +
        '8 are in doubt, 1 is to be tried again and 1,300 are not called yet.',
    );
  });

  test.each([
    [
      'nobody has looked',
      undefined,
      'Not over yet',
      'If resumed now: over at ',
      'If it is no longer running, resume it',
    ],
    [
      'nobody works on it',
      null,
      'Interrupted, and nobody works on it',
      'If resumed now: over at ',
      'Nobody works on it: resume it',
    ],
    [
      'somebody works on it',
      HOLDER,
      'Running',
      'Process 7 on host-1 works on it since 2026-03-02 22:00:00 UTC. Over at ',
      undefined,
    ],
  ] as const)('the headline of a run without an end says what was seen: %s', (_what, holder, title, timing, step) => {
    const view = viewOf(runStory({ fates: [cancelled, open], close: undefined }));
    const holders = holder === undefined ? undefined : new Map([[view.path, holder]]);
    const forecast = {
      ...planStory([cancelled]).facts.forecast,
      calls: 1230,
      endsAtMs: nowMs + 90_000,
    } as ForecastFacts;
    const summary = summarise([view], { nowMs, holders, forecast });
    const headline = headlineOf(summary);
    expect(headline.title).toBe(title);
    expect(headline.timing).toContain(`${timing}${formatTime(nowMs + 90_000)}, in 1 min 30 s, 1,230 calls.`);
    expect(nextSteps(summary).find(({ command }) => command?.includes('resume'))?.text).toBe(step);
  });

  test('the headline of a plan over --max-actions refuses, and does not offer to start it', () => {
    const { records, facts } = planStory([cancelled, cancelled]);
    const limited = records.map((record) =>
      record.kind === 'open'
        ? { ...record, job: { ...FROZEN_JOB, guards: { ...FROZEN_JOB.guards, maxActions: 1 } } }
        : record,
    );
    const summary = summarise([viewOf(limited)], { nowMs, plan: facts });
    expect(headlineOf(summary)).toEqual({
      tone: 'bad',
      title: 'More actions than the job allows',
      sentence:
        'The source names 2 actions, and --max-actions allows 1: a run would not start, and nothing would be cancelled.',
      timing: 'Nothing was cancelled.',
    });
    expect(nextSteps(summary).every(({ command }) => command === undefined)).toBe(true);
    expect(exitMeaning(summary)).toBe('Exit code 5: stopped by a guard');
  });

  test('an end by a signal is told with its exit code where that is known, and with all three where the ledger is all there is', () => {
    const view = viewOf(runStory({ close: 'interrupted' }));
    expect(exitMeaning(summarise([view], { nowMs, signal: 'SIGHUP' }))).toMatch(/^Exit code 129: /);
    expect(exitMeaning(summarise([view], { nowMs }))).toBe(
      'Interrupted by a signal: exit code 129 after SIGHUP, 130 after SIGINT, 143 after SIGTERM; the ledger does not say which',
    );
  });
});

describe('a run that is over', () => {
  test('a run that is over, of which something is not final, is not "Done"', () => {
    const summary = clean([cancelled, { outcome: 'unconfirmed', http: 200 }], 'finished');
    expect(headlineOf(summary)).toMatchObject({ tone: 'attention', title: 'Finished, and not all of it is final yet' });
    expect(verdictOf(summary)).toBe(
      'Finished, and not all of it is final yet: 1 of 2 actions cancelled and 1 to review.',
    );
  });

  test('a run that is over says what it comes down to in one sentence', () => {
    expect(verdictOf(clean([cancelled], 'finished'))).toBe('Done. Nothing needs attention: 1 of 1 action cancelled.');
    expect(verdictOf(clean([cancelled, open, open], 'interrupted'))).toBe(
      'Interrupted with work left: 1 of 3 actions cancelled and 2 left.',
    );
  });

  test('a run of several sessions says what all of them took, and the last one, which is what a program is told', () => {
    const summary = clean([cancelled, cancelled], 'finished');
    const last = summary.sessions.at(-1);
    expect(summary.durationMs).toBe((last?.endedAtMs ?? 0) - (last?.openedAtMs ?? 0));
    const { timing } = headlineOf(summary);
    expect(timing).toContain(` of work in 2 sessions, ${describeDuration(summary.durationMs)} of it in the last.`);
    expect(headlineOf(clean([cancelled], 'finished')).timing).toMatch(/ of work in 1 session\.$/);
  });

  test('a run that is over and matched nothing says so', () => {
    expect(headlineOf(clean([], 'finished'))).toMatchObject({ tone: 'good', title: 'Nothing to cancel' });
  });
});

describe('a plan with nothing to cancel', () => {
  const over: Fate = { outcome: 'already-final', ended: 'Succeeded' };

  test('a plan with nothing to cancel says so first and last, and shows no table of calls', () => {
    const { records, facts } = planStory([over, over]);
    const decisions = new Map([...(facts.decisions ?? [])].map(([id]) => [id, { kind: 'already-final' as const }]));
    const forecast = {
      calls: 0,
      startsAtMs: T0,
      endsAtMs: T0,
      quartersAtMs: [T0, T0, T0, T0],
      curve: [],
      order: { asked: 'source' as const, by: 'source' as const, firstMinute: 0, firstHour: 0, later: 0 },
    };
    const summary = summarise([viewOf(records)], { nowMs, plan: { ...facts, decisions, forecast } });
    expect(headlineOf(summary)).toMatchObject({ title: 'Nothing to cancel', timing: 'Nothing was cancelled.' });
    const text = summaryText(summary, { terminal: { columns: 80, plain: true } });
    expect(text).toMatch(/^Nothing to cancel\n/);
    expect(text.trimEnd().split('\n').at(-1)).toBe('Nothing to cancel: none of 2 actions.');
    expect(text).not.toContain('% of 0');
    expect(text).not.toContain('Calls made');
    expect(text).not.toContain('in the first minute');
  });
});

describe('a plan that was stopped', () => {
  const { records } = planStory([cancelled, cancelled]);
  const stopped = records.map((record) =>
    record.kind === 'close' ? { ...record, reason: 'halted' as const } : record,
  );
  const nothing = { decisions: undefined, forecast: undefined };
  const summary = summarise([viewOf(stopped)], { nowMs, plan: nothing });

  test('a plan that was stopped does not say what would be cancelled, and is not offered to be started', () => {
    expect(headlineOf(summary)).toEqual({
      tone: 'bad',
      title: 'Stopped by a guard',
      sentence:
        '2 actions were admitted, and the plan did not come to its end: it does not say what would be cancelled.',
      timing: 'Nothing was cancelled.',
    });
    expect(nextSteps(summary)[0]).toEqual({ text: 'See what stopped it, and plan again.' });
    expect(nextSteps(summary).every(({ command }) => command === undefined)).toBe(true);
  });

  test('a plan that was stopped and has no comment is gone on with by giving one: without, nothing could be started', () => {
    const bare = stopped.map((record) => {
      if (record.kind !== 'open') return record;
      const { comment: _comment, ...job } = record.job as { comment?: string };
      return { ...record, job };
    });
    const [{ command } = { command: undefined }] = nextSteps(summarise([viewOf(bare)], { nowMs }));
    expect(command).toMatch(/^countermand run \S+ --comment REASON$/);
  });

  test.each<[string, Parameters<typeof summarise>[1]['plan']]>([
    ['stopped', nothing],
    ['over --max-actions', planStory([cancelled, cancelled]).facts],
  ])('a plan that was stopped or refused shows no forecast, decisions or head to approve: %s', async (what, plan) => {
    const limited = records.map((record) =>
      record.kind === 'open'
        ? { ...record, job: { ...FROZEN_JOB, guards: { ...FROZEN_JOB.guards, maxActions: 1 } } }
        : record,
    );
    const views = [viewOf(what === 'stopped' ? stopped : limited)];
    const told = summarise(views, { nowMs, plan });
    const text = summaryText(told, { terminal: { columns: 100, plain: true } });
    const page = await htmlPage(told, views, { plan });
    for (const words of ['Forecast', 'Head to approve', 'What would be cancelled', 'will be', 'Start exactly']) {
      expect(page).not.toContain(words);
      expect(text).not.toContain(words);
    }
    expect(page).toContain('What to do');
  });
});

describe('what to do next', () => {
  test('what to do next is nothing after a clean run', () => {
    expect(nextSteps(clean([cancelled], 'finished'))).toEqual([]);
  });

  test.each<[CloseReason | undefined, readonly Fate[], string]>([
    ['interrupted', [open], 'countermand resume'],
    [undefined, [open], 'countermand resume'],
    ['finished', [{ outcome: 'unconfirmed', http: 200 }], 'countermand verify'],
    ['finished', [{ outcome: 'failed', http: 400 }], 'countermand resume'],
    ['planned', [], 'countermand run'],
  ])('what to do next says again what a ledger alone may not say: after %s', (close, fates, command) => {
    const flags = {
      tenant: '0f7c9d3e-1111-4222-8333-444455556666',
      'client-id': 'aaaabbbb-cccc-4ddd-8eee-ffff00001111',
      'api-url': 'https://d.example',
      'allow-host': ['d.example'],
      quota: ['9000/1h'],
    };
    const job = JSON.parse(JSON.stringify(resolveJob({ sourceArg: 'a.csv', env: {}, cwd: '/', nowMs: T0, flags })));
    const planned = planStory([cancelled]);
    const story = close === 'planned' ? planned.records : runStory({ fates, close });
    const told = story.map((record) => (record.kind === 'open' ? { ...record, job } : record));
    const options = close === 'planned' ? { nowMs, plan: planned.facts } : { nowMs };
    const commands = nextSteps(summarise([viewOf(told)], options)).flatMap((step) => step.command ?? []);
    const onLedgers = commands.filter((each) => !each.startsWith('countermand report'));
    expect(onLedgers.length).toBeGreaterThan(0);
    for (const each of onLedgers) {
      expect(each).toContain(command);
      expect(each).toContain(' --api-url https://d.example --allow-host d.example --quota 9000/1h');
    }
  });

  test.each([
    ['incident', 'incident'],
    ['a b', "'a b'"],
    ['-x', 'run:-x'],
    ['run:x', 'run:run:x'],
  ])('what to do next names the store, and the run that is called %s as one', (path, name) => {
    const storeWords = ['--store', 'postgres://me@127.0.0.1/db?sslmode=prefer'];
    const view = viewOf(runStory({ fates: [open, { outcome: 'failed', http: 400 }], close: 'interrupted' }), path);
    const commands = nextSteps(summarise([view], { nowMs, storeWords })).map(({ command }) => command);
    const store = "--store 'postgres://me@127.0.0.1/db?sslmode=prefer'";
    expect(commands).toContain(`countermand resume ${name} ${store}`);
    expect(commands).toContain(`countermand report ${name} --out report ${store}`);
  });

  test('what to do next is to go on with the ledgers that have work left, and only those', () => {
    const done = viewOf(runStory({ fates: [cancelled] }), 'done.jsonl');
    const half = viewOf(runStory({ fates: [open], from: 9, run: `9${RUN.slice(1)}`, close: 'deadline' }), 'half.jsonl');
    const commands = nextSteps(summarise([done, half], { nowMs })).map(({ command }) => command);
    expect(commands).toContain('countermand resume half.jsonl');
    expect(commands).not.toContain('countermand resume done.jsonl');
  });

  test('what to do next warns that a run without an end may still be running', () => {
    expect(nextSteps(clean([open], undefined))).toEqual([
      { text: 'If it is no longer running, resume it', command: 'countermand resume ledgers/nightly.jsonl' },
    ]);
  });
});
