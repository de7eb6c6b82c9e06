import { describe, expect, test } from 'vitest';
import { asBegun } from '../../src/cli/as-begun.ts';
import type { Job } from '../../src/job/job.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import type { Book } from '../../src/ledger/book.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';
import type { CloseReason } from '../../src/ledger/record.ts';
import { type Bench, begin, bench, OPEN, PATH } from '../ledger/ledgers.ts';

const HOUR = 3_600_000;
const AGE = { 'created-after': '2d' };

function jobOf(flags: Record<string, unknown> = AGE, jobText?: string): (nowMs: number) => Job {
  const env = { AZURE_TENANT_ID: OPEN.tenant, AZURE_CLIENT_ID: OPEN.client };
  const sourceArg = jobText === undefined ? 'incident.csv' : 'job.yaml';
  return (nowMs) => resolveJob({ sourceArg, jobText, flags, env, cwd: '/', nowMs });
}

/** One session of the job as it was read a second before; returns what was frozen. */
async function session(setting: Bench, job: (nowMs: number) => Job, end: CloseReason, started = true): Promise<Job> {
  const frozen = job(setting.clock.wallMs());
  setting.clock.stand(1000);
  const ledger = await setting.open({ open: { ...OPEN, job: JSON.parse(JSON.stringify(frozen)) } });
  if (started) await begin(ledger, 3);
  await ledger.close(end);
  await ledger[Symbol.asyncDispose]();
  return frozen;
}

async function bookOf(setting: Bench): Promise<Book> {
  return (await readLedger({ path: PATH, disk: setting.disk })).book;
}

async function goneOnWith(setting: Bench, job: (nowMs: number) => Job): Promise<Job> {
  return asBegun(job(setting.clock.wallMs()), await bookOf(setting), job);
}

describe('the ages of a run that is gone on with', () => {
  test('are the moments at which it was begun, however often it was interrupted', async () => {
    const setting = bench();
    const first = await session(setting, jobOf(), 'interrupted');
    for (let i = 0; i < 2; i++) {
      setting.clock.stand(10 * HOUR);
      const { guards } = await goneOnWith(setting, jobOf());
      expect(guards.createdAfter).toBe(first.guards.createdAfter);
      await session(setting, jobOf(), 'unreachable');
    }
  });

  test('that were changed meanwhile are counted from then too, and a date is a date', async () => {
    const setting = bench();
    const first = await session(setting, jobOf(), 'interrupted');
    setting.clock.stand(10 * HOUR);
    const longer = await goneOnWith(setting, jobOf({ 'created-after': '3d' }));
    const begunMs = Date.parse(first.guards.createdAfter ?? '') + 48 * HOUR;
    expect(Date.parse(longer.guards.createdAfter ?? '')).toBe(begunMs + 1000 - 72 * HOUR);
    const dated = await goneOnWith(setting, jobOf({ 'created-after': '2026-01-02T03:04:05Z' }));
    expect(dated.guards.createdAfter).toBe('2026-01-02T03:04:05.000Z');
    expect((await goneOnWith(setting, jobOf({}))).guards.createdAfter).toBeUndefined();
  });

  test('of a query are kept as well', async () => {
    const query = jobOf({}, 'source:\n  query:\n    createdBefore: 7d\n');
    const setting = bench();
    const first = await session(setting, query, 'interrupted');
    setting.clock.stand(10 * HOUR);
    const { source } = await goneOnWith(setting, query);
    const [before, kept] = [first.source, source].map((each) =>
      Date.parse((each.kind === 'query' && each.query.createdBefore) || ''),
    );
    expect((kept ?? 0) - (before ?? 0)).toBe(1000);
  });

  test.each<[string, CloseReason, boolean]>([
    ['was finished', 'finished', true],
    ['was never started', 'interrupted', false],
  ])('are counted from today where it %s', async (_, end, started) => {
    const setting = bench();
    await session(setting, jobOf(), end, started);
    setting.clock.stand(10 * HOUR);
    const today = jobOf()(setting.clock.wallMs());
    expect((await goneOnWith(setting, jobOf())).guards).toEqual(today.guards);
  });

  test('are those of the last beginning where an earlier one was finished', async () => {
    const setting = bench();
    await session(setting, jobOf(), 'finished');
    setting.clock.stand(24 * HOUR);
    const second = await session(setting, jobOf(), 'interrupted');
    setting.clock.stand(10 * HOUR);
    expect((await goneOnWith(setting, jobOf())).guards.createdAfter).toBe(second.guards.createdAfter);
  });
});
