import { describe, expect, test } from 'vitest';
import type { Job } from '../../src/job/job.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';
import type { CloseReason } from '../../src/ledger/record.ts';
import type { RunState } from '../../src/ledger/state/run-state.ts';
import { pinRelativeDates } from '../../src/run/resume-rules.ts';
import { begin, type Harness, makeHarness, OPEN, PATH } from '../store/folder/harness.ts';
import { fromText } from '../support/job-file-of.ts';

const HOUR = 3_600_000;
const AGE = { 'created-after': '2d' };

function jobOf(flags: Record<string, unknown> = AGE, jobText?: string): (nowMs: number) => Job {
  const env = { AZURE_TENANT_ID: OPEN.tenant, AZURE_CLIENT_ID: OPEN.client };
  const sourceArg = jobText === undefined ? 'incident.csv' : 'job.yaml';
  return (nowMs) => resolveJob(fromText({ sourceArg, jobText, flags, env, cwd: '/', nowMs }));
}

/** One session of the job as it was read a second before; returns what was frozen. */
async function session(harness: Harness, job: (nowMs: number) => Job, end: CloseReason, started = true): Promise<Job> {
  const frozen = job(harness.clock.wallMs());
  harness.clock.stand(1000);
  const ledger = await harness.open({ open: { ...OPEN, job: JSON.parse(JSON.stringify(frozen)) } });
  if (started) await begin(ledger, 3);
  await ledger.close(end);
  await ledger[Symbol.asyncDispose]();
  return frozen;
}

async function bookOf(harness: Harness): Promise<RunState> {
  return (await readLedger(PATH, harness.disk)).state;
}

async function goneOnWith(harness: Harness, job: (nowMs: number) => Job): Promise<Job> {
  return pinRelativeDates(job(harness.clock.wallMs()), await bookOf(harness), job);
}

describe('the ages of a run that is gone on with', () => {
  test('the ages of a run that is gone on with are the moments at which it was begun, however often it was interrupted', async () => {
    const harness = makeHarness();
    const first = await session(harness, jobOf(), 'interrupted');
    for (let i = 0; i < 2; i++) {
      harness.clock.stand(10 * HOUR);
      const { guards } = await goneOnWith(harness, jobOf());
      expect(guards.createdAfter).toBe(first.guards.createdAfter);
      await session(harness, jobOf(), 'unreachable');
    }
  });

  test('ages that were changed meanwhile are counted from the beginning too, and a date is a date', async () => {
    const harness = makeHarness();
    const first = await session(harness, jobOf(), 'interrupted');
    harness.clock.stand(10 * HOUR);
    const longer = await goneOnWith(harness, jobOf({ 'created-after': '3d' }));
    const begunMs = Date.parse(first.guards.createdAfter ?? '') + 48 * HOUR;
    expect(Date.parse(longer.guards.createdAfter ?? '')).toBe(begunMs + 1000 - 72 * HOUR);
    const dated = await goneOnWith(harness, jobOf({ 'created-after': '2026-01-02T03:04:05Z' }));
    expect(dated.guards.createdAfter).toBe('2026-01-02T03:04:05.000Z');
    expect((await goneOnWith(harness, jobOf({}))).guards.createdAfter).toBeUndefined();
  });

  test('the ages of a query are kept as well when its run is gone on with', async () => {
    const query = jobOf({}, 'source:\n  query:\n    createdBefore: 7d\n');
    const harness = makeHarness();
    const first = await session(harness, query, 'interrupted');
    harness.clock.stand(10 * HOUR);
    const { source } = await goneOnWith(harness, query);
    const [before, kept] = [first.source, source].map((each) =>
      Date.parse((each.kind === 'query' && each.query.createdBefore) || ''),
    );
    expect((kept ?? 0) - (before ?? 0)).toBe(1000);
  });

  test.each<[string, CloseReason, boolean]>([
    ['was finished', 'finished', true],
    ['was never started', 'interrupted', false],
  ])('the ages of a run that is gone on with are counted from today where it %s', async (_, end, started) => {
    const harness = makeHarness();
    await session(harness, jobOf(), end, started);
    harness.clock.stand(10 * HOUR);
    const today = jobOf()(harness.clock.wallMs());
    expect((await goneOnWith(harness, jobOf())).guards).toEqual(today.guards);
  });

  test('the ages of a run that is gone on with are those of the last beginning where an earlier one was finished', async () => {
    const harness = makeHarness();
    await session(harness, jobOf(), 'finished');
    harness.clock.stand(24 * HOUR);
    const second = await session(harness, jobOf(), 'interrupted');
    harness.clock.stand(10 * HOUR);
    expect((await goneOnWith(harness, jobOf())).guards.createdAfter).toBe(second.guards.createdAfter);
  });
});
