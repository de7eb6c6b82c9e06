import { describe, expect, test } from 'vitest';
import type { CloseReason } from '../../src/ledger/record.ts';
import { pino } from '../../src/log.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { type KeepingJob, keptForMs, removeOldLedgers } from '../../src/run/prune.ts';
import { begin, type Harness, makeHarness, OPEN } from '../store/folder/harness.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const NOW = '/ledgers/nightly-20260301T120000Z.jsonl';

const job: KeepingJob = {
  name: 'nightly',
  tenant: OPEN.tenant,
  ledger: NOW,
  keepLedgersMs: 90 * DAY_MS,
  quota: { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' },
};

interface Made {
  stamp?: string;
  close?: CloseReason | undefined;
  name?: string;
  tenant?: string;
}

/** A ledger of the series, closed as said; undefined leaves it as a kill would. */
async function make({ open, disk }: Harness, made: Made): Promise<string> {
  const { stamp = '20251101T020000Z', name = 'nightly', tenant = OPEN.tenant } = made;
  const path = `/ledgers/${name}-${stamp}.jsonl`;
  const ledger = await open({ path, open: { ...OPEN, tenant, job: { ...FROZEN_JOB, name } } });
  await begin(ledger, 1);
  const close = 'close' in made ? made.close : 'finished';
  if (close !== undefined) await ledger.close(close);
  await ledger[Symbol.asyncDispose]();
  await disk.createExclusive(`${path}.needs-release.csv`, 'id\n');
  return path;
}

async function remove({ store, clock }: Harness, given: Partial<KeepingJob> = {}): Promise<string[]> {
  const lines: string[] = [];
  const log = pino({ level: 'debug' }, { write: (line: string) => lines.push(JSON.parse(line).msg) });
  await removeOldLedgers({ ...job, ...given }, { store, clock, log });
  return lines;
}

describe('removeOldLedgers', () => {
  test('removeOldLedgers removes a finished ledger and its release list once it is older than asked for', async () => {
    const harness = makeHarness();
    const path = await make(harness, {});
    harness.clock.stand(90 * DAY_MS);
    expect(await remove(harness)).toEqual([]);
    expect(harness.disk.files.has(path)).toBe(true);
    harness.clock.stand(1);
    expect(await remove(harness)).toEqual([
      `removed the finished ledger ${path}, which is older than --keep-ledgers 90 d`,
    ]);
    expect([...harness.disk.files.keys()]).toEqual([]);
  });

  test('removeOldLedgers removes nothing when nothing was asked for', async () => {
    const harness = makeHarness();
    const path = await make(harness, {});
    harness.clock.stand(400 * DAY_MS);
    expect(await remove(harness, { keepLedgersMs: undefined })).toEqual([]);
    expect(harness.disk.files.has(path)).toBe(true);
  });

  test.each<[string, Made]>([
    ['was killed', { close: undefined }],
    ['was interrupted', { close: 'interrupted' }],
    ['was halted', { close: 'halted' }],
    ['ran out of time', { close: 'deadline' }],
    ['is a plan still', { close: 'planned' }],
    ['belongs to another tenant', { tenant: '99999999-1111-4111-8111-111111111111' }],
    ['belongs to another job', { name: 'nightly-extra' }],
    ['has a name of its own', { stamp: 'march' }],
    ['is the current one', { stamp: '20260301T120000Z' }],
  ])('removeOldLedgers keeps a ledger that %s', async (_why, made) => {
    const harness = makeHarness();
    const path = await make(harness, made);
    harness.clock.stand(400 * DAY_MS);
    await remove(harness);
    expect(harness.disk.files.has(path)).toBe(true);
    expect(harness.disk.files.has(`${path}.needs-release.csv`)).toBe(true);
  });

  test('removeOldLedgers keeps one that cannot be read, says so, and goes on with the others', async () => {
    const harness = makeHarness();
    const damaged = await make(harness, { stamp: '20251102T020000Z' });
    const fine = await make(harness, { stamp: '20251101T020000Z' });
    const file = harness.disk.files.get(damaged);
    if (file !== undefined) file.bytes[file.bytes.indexOf('"kind":"start"') + 9] = 0x53;
    harness.clock.stand(400 * DAY_MS);
    expect(await remove(harness)).toEqual([
      expect.stringMatching(/^the old ledger .*20251102T020000Z\.jsonl is kept: .*damaged/),
      expect.stringContaining(`removed the finished ledger ${fine}`),
    ]);
    expect(harness.disk.files.has(damaged)).toBe(true);
  });

  test('removeOldLedgers keeps one that a run holds', async () => {
    const harness = makeHarness();
    const path = await make(harness, {});
    harness.clock.stand(400 * DAY_MS);
    const holder = { nonce: 'n', host: 'elsewhere', pid: 7, ledger: path, since: 'today', renewedAt: 'today' };
    await harness.disk.createExclusive(`${path}.lock`, JSON.stringify(holder));
    expect(await remove(harness)).toEqual([expect.stringContaining('is held by process 7 on elsewhere')]);
    expect(harness.disk.files.has(path)).toBe(true);
  });

  test('removeOldLedgers keeps one whose calls may still count against the quota, whatever was asked for', async () => {
    const harness = makeHarness();
    const path = await make(harness, {});
    harness.clock.stand(HOUR_MS + 60_000);
    await remove(harness, { keepLedgersMs: 1000 });
    expect(harness.disk.files.has(path)).toBe(true);
    expect(keptForMs(1000, DOCUMENTED_WINDOWS)).toBeGreaterThan(HOUR_MS + 65_000);
    expect(keptForMs(DAY_MS, DOCUMENTED_WINDOWS)).toBe(DAY_MS);
  });
});
