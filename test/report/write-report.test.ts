import { createHash } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writePrivate } from '../../src/cli/files/private-file.ts';
import { UsageError } from '../../src/errors.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import { REPORT_FILES, writeReport } from '../../src/report/write-report.ts';
import { readView } from '../../src/run/read-view.ts';
import { fileDisk } from '../../src/store/folder/file-disk.ts';
import { T0 } from './records.ts';
import { runStory } from './stories.ts';
import { ledgerText, viewOf } from './views.ts';

let folder: string;
let ledger: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-report-'));
  ledger = join(folder, 'nightly.jsonl');
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe('a report folder', () => {
  test('a report folder holds every format, each readable by its owner alone, and sums that fit', async () => {
    const outDir = join(folder, 'deep', 'out');
    const { files } = await writeReport({ views: [viewOf(runStory())], outDir, nowMs: T0, write: writePrivate });
    expect((await readdir(outDir)).sort()).toEqual(Object.values(REPORT_FILES).sort());
    expect((await stat(outDir)).mode & 0o777).toBe(0o700);
    for (const path of Object.values(files)) expect((await stat(path)).mode & 0o777).toBe(0o600);
    const sums = (await readFile(files.sums, 'utf8')).trimEnd().split('\n');
    expect(sums).toHaveLength(5);
    for (const line of sums) {
      const [sum, name = ''] = line.split('  ');
      const bytes = await readFile(join(outDir, name));
      expect(createHash('sha256').update(bytes).digest('hex')).toBe(sum);
    }
    expect(JSON.parse(await readFile(files.json, 'utf8'))).toMatchObject({ exitCode: 3, needsRelease: 2 });
  });

  test('a report folder is written again over an older one', async () => {
    const options = { outDir: folder, nowMs: T0, write: writePrivate };
    await writeReport({ ...options, views: [viewOf(runStory())] });
    await writeReport({ ...options, views: [viewOf(runStory({ fates: [{ outcome: 'cancelled' }] }))] });
    const text = await readFile(join(folder, REPORT_FILES.json), 'utf8');
    expect(JSON.parse(text)).toMatchObject({ counts: { cancelled: 1 } });
  });

  test('a report folder keeps the older file, and leaves no part behind, when what it writes breaks off', async () => {
    const path = join(folder, 'list.csv');
    await writeFile(path, 'whole');
    function* broken() {
      yield 'half';
      throw new Error('no more');
    }
    await expect(writePrivate(path, broken())).rejects.toThrow('no more');
    expect(await readFile(path, 'utf8')).toBe('whole');
    expect(await readdir(folder)).toEqual(['list.csv']);
  });
});

test('a page of very many failures lists the first of them, stays small, and says where all of them are', async () => {
  const fates = Array.from({ length: 2100 }, (_, i) => ({
    outcome: 'failed' as const,
    http: 503,
    detail: `attempt ${i} was answered by ${'x'.repeat(200)}`,
  }));
  const { files } = await writeReport({
    views: [viewOf(runStory({ fates }))],
    outDir: folder,
    nowMs: T0,
    write: writePrivate,
  });
  const page = await readFile(files.html, 'utf8');
  const [looks = '', all = ''] = page
    .split('id="all"')
    .map((part) => `${part.match(/<tr role="row" data-choice/g)?.length}`);
  expect([looks, all]).toEqual(['2000', '2100']);
  expect(page).toContain('The first 2,000 are listed here; all of them are in <code>failed.csv</code>');
  expect(Buffer.byteLength(page)).toBeLessThan(5_000_000);
  expect((await readFile(files.failed, 'utf8')).match(/\r\n/g)).toHaveLength(2101);
});

test('a page holds ten thousand actions, folded, and says where the others are', async () => {
  const fates = Array.from({ length: 10_050 }, () => ({ outcome: 'cancelled' as const }));
  const { files } = await writeReport({
    views: [viewOf(runStory({ fates }))],
    outDir: folder,
    nowMs: T0,
    write: writePrivate,
  });
  const page = await readFile(files.html, 'utf8');
  expect(page.match(/<tr role="row" data-choice/g)).toHaveLength(10_000);
  expect(page).toContain('<details><summary>10,050 actions: show the first 10,000 of 10,050</summary>');
  expect(page).toContain('outcomes.csv holds all of them.');
  expect(Buffer.byteLength(page)).toBeLessThan(10_000_000);
});

describe('reading a ledger for a report', () => {
  test('reading a ledger for a report gives the same summary as its records', async () => {
    await writeFile(ledger, ledgerText(runStory()));
    const read = await readView(fileDisk, ledger);
    const told = { ...viewOf(runStory(), ledger), head: read.head };
    expect(summarise([read], { nowMs: T0 })).toEqual({ ...summarise([told], { nowMs: T0 }) });
    expect(read).toMatchObject({ intact: true, integrityNote: undefined });
  });

  test('a report of a ledger that is being written shows it as it stands, without its torn line', async () => {
    const text = ledgerText(runStory());
    await writeFile(ledger, text.slice(0, -20));
    const read = await readView(fileDisk, ledger);
    expect(read.intact).toBe(true);
    expect(read.integrityNote).toMatch(/^the last line is torn/);
    expect(summarise([read], { nowMs: T0 }).exitCode).toBeUndefined();
  });

  test('reading a ledger for a report says where a damaged ledger is damaged, and reports what stands before it', async () => {
    const lines = ledgerText(runStory()).split('\n');
    lines[20] = (lines[20] ?? '').replace('"line":', '"line":1');
    lines[40] = (lines[40] ?? '').replace('Pending', 'Succeeded');
    await writeFile(ledger, lines.join('\n'));
    const read = await readView(fileDisk, ledger);
    expect(read.intact).toBe(false);
    expect(read.integrityNote).toMatch(/^line \d+ does not follow/);
    const summary = summarise([read], { nowMs: T0 });
    expect(summary.ledgers[0]).toMatchObject({ intact: false, records: read.state.lastSeq });
  });

  test.each([
    ['is not there', undefined, /There is no ledger/],
    ['is empty', '', /holds no ledger record/],
    ['is something else', 'id,comment\n1,2\n', /is not a ledger/],
  ])('reading a ledger for a report refuses a file that %s', async (_, content, message) => {
    if (content !== undefined) await writeFile(ledger, content);
    const reading = readView(fileDisk, ledger);
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(message);
  });

  test('reading a ledger for a report refuses a ledger that is damaged at its first line, of which nothing can be told', async () => {
    await writeFile(ledger, ledgerText(runStory()).replace('"session":1', '"session":2'));
    await expect(readView(fileDisk, ledger)).rejects.toMatchObject({ exitCode: 12 });
  });

  test('reading a ledger for a report refuses a ledger of another format, and names what wrote it', async () => {
    const records = runStory().map((record) =>
      record.kind === 'open' ? { ...record, format: 3, tool: 'countermand 9.0.0' } : record,
    );
    await writeFile(ledger, ledgerText(records));
    await expect(readView(fileDisk, ledger)).rejects.toThrow(/format 3.*countermand 9\.0\.0/);
  });
});
