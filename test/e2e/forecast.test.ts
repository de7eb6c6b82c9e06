import { describe, expect, it } from 'vitest';
import { JSON_DOCUMENTS } from '../../src/report/json-schema.ts';
import { COMMENT, documentOf, type Harness, ids, only, open, openHarness } from '../support/harness.ts';

const ALL = 80;
const LEDGER = 'ledgers/ids.jsonl';
/** Scaled from Defender's, so that both windows are full at once time and again. */
const WINDOWS = '10/2s,30/8s';
const PATIENT = { timeoutMs: 110_000 };

/** A run that was interrupted once so many cancels were sent: what it showed, and when it ended. */
async function interruptedAt(calls: number, harness: Harness) {
  await harness.file('ids.txt', ids(ALL));
  const command = harness.start(['run', 'ids.txt', ...COMMENT, '--yes'], PATIENT);
  await harness.sandbox.log.until((log) => log.count('cancel') === calls);
  command.kill('SIGINT');
  const { code, stdout, stderr } = await command.ended;
  expect(code, stderr).toBe(130);
  return { screen: stdout.replaceAll(/\s+/g, ' '), endedAtMs: endOf(await harness.records(LEDGER)) };
}

function endOf(records: Awaited<ReturnType<Harness['records']>>): number {
  return Date.parse(only(records, 'close').at(-1)?.at ?? '');
}

/** The number before these words, 0 where they are not said. */
function said(screen: string, words: RegExp): number {
  return Number(new RegExp(`([\\d,]+) (?:${words.source})`).exec(screen)?.[1]?.replaceAll(',', '') ?? 0);
}

async function statusOf(harness: Harness) {
  const { stdout } = await harness.run(['status', LEDGER, '--json']);
  const [run] = JSON_DOCUMENTS.status.parse(JSON.parse(stdout)).runs;
  if (run === undefined) throw new Error('no run');
  return run;
}

/** Seconds of doubt, of a moment between two looks and of a screen without milliseconds. */
const ABOUT_MS = 6000;

describe.concurrent('a run that was interrupted', () => {
  it.each([
    [10, 8],
    [50, 40],
    [90, 72],
  ])(
    'after %i %% says everywhere the same of what is left and when that is over, and the resume needs about as long',
    async (_percent, calls) => {
      await using harness = await openHarness({ actions: open(ALL), windows: WINDOWS });
      const { screen, endedAtMs } = await interruptedAt(calls, harness);

      const sent = harness.sandbox.log.count('cancel');
      const cancelled = said(screen, /of 80 actions (?:was|were) cancelled/);
      const accepted = said(screen, /(?:is|are) accepted and not seen to end yet/);
      const notCalled = said(screen, /(?:is|are) not called yet/);
      expect({ sent, notCalled }).toEqual({ sent: cancelled + accepted, notCalled: ALL - sent });
      expect(harness.sandbox.log.effective()).toHaveLength(sent);

      const report = await harness.run(['report', LEDGER, '--json']);
      const document = documentOf(report.stdout);
      const status = await statusOf(harness);
      const left = { accepted, inDoubt: 0, again: 0, notCalled };
      expect(document).toMatchObject({ admitted: ALL, left, counts: cancelled === 0 ? {} : { cancelled } });
      expect(status).toMatchObject({ state: 'interrupted', admitted: ALL, left, counts: document.counts });

      const told = Date.parse(
        /If resumed now: over at ([\d-]+ [\d:]+) UTC/.exec(screen)?.[1]?.replace(' ', 'T').concat('Z') ?? '',
      );
      const [reported, shown] = [document.forecast?.endsAt, status.forecast?.endsAt].map((at) => Date.parse(at ?? ''));
      expect(Math.abs((reported ?? 0) - told), 'report').toBeLessThan(ABOUT_MS);
      expect(Math.abs((shown ?? 0) - told), 'status').toBeLessThan(ABOUT_MS);

      const resumed = await harness.run(['resume', LEDGER, '--json'], PATIENT);
      expect(resumed.code, resumed.stderr).toBe(0);
      expect(documentOf(resumed.stdout)).toMatchObject({ counts: { cancelled: ALL }, forecast: null });
      const records = await harness.records(LEDGER);
      const overAtMs = endOf(records);
      const openedAtMs = Date.parse(only(records, 'open').at(-1)?.at ?? '');
      // What lies between the two sessions may count or not.
      const saidMs = told - endedAtMs;
      const figures = `said ${saidMs} ms, needed ${overAtMs - openedAtMs} ms, ${openedAtMs - endedAtMs} ms after the end`;
      expect(saidMs, figures).toBeLessThan(1.5 * (overAtMs - endedAtMs));
      expect(saidMs, figures).toBeGreaterThan((overAtMs - openedAtMs) / 1.5);
    },
    240_000,
  );
});

it('a token that ends before the run does is told of by plan, by the question and by check', async () => {
  await using harness = await openHarness({ actions: open(6), windows: '3/10m', token: { expiresInMs: 60_000 } });
  await harness.file('ids.txt', ids(6));
  const plan = await harness.run(['plan', 'ids.txt']);
  expect([plan.code, plan.stderr]).toEqual([
    0,
    expect.stringMatching(/warning: the token ends at .*, before the run does/),
  ]);
  const check = await harness.run(['check']);
  expect(check.stdout).toMatch(/warning +token +valid for \d minutes?, until .*; it cannot be renewed/);
  const run = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
  await run.says('before the run does');
  run.kill('SIGINT');
  await run.ended;
});
