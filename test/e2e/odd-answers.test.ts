import { stat } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import type { Fault } from '../../src/sandbox/faults.ts';
import { COMMENT, id, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';

const rowsOf = (stdout: string) => stdout.trimEnd().split('\n').slice(1);

describe('countermand list', () => {
  it('countermand list shows all of a list that is cut without next links', async () => {
    await using harness = await openHarness({ actions: open(3000), list: { pageSize: 1000 } });
    const { code, stdout, stderr } = await harness.run(['list']);
    expect(code, stderr).toBe(0);
    expect(new Set(rowsOf(stdout)).size).toBe(3000);
    expect(harness.sandbox.log.count('list')).toBe(3);
  });

  it.each<[string, Fault]>([
    ['names its own page', { kind: 'next-link', link: 'own' }],
    ['is empty', { kind: 'next-link', link: 'empty' }],
    ['is relative', { kind: 'next-link', link: 'relative' }],
    ['leads to another host', { kind: 'next-link', link: 'foreign' }],
    ['is no text', { kind: 'next-link', link: { value: { a: 1 } } }],
  ])('countermand list ends, with every row once, where the next link %s', async (_, fault) => {
    await using harness = await openHarness({
      actions: open(25),
      list: { pageSize: 10, nextLink: 'when-cut' },
      faults: ({ route }) => (route === 'list' ? fault : undefined),
    });
    const { code, stdout, stderr } = await harness.run(['list']);
    expect(code, stderr).toBe(0);
    expect(rowsOf(stdout)).toHaveLength(25);
    expect(harness.sandbox.log.count('list')).toBeLessThanOrEqual(5);
  });

  it('countermand list shows nothing and exits 6 where the list may not be whole', async () => {
    const extra = open(3).map((action) => ({ ...action, type: 'Isolate', status: 'Pending' }));
    await using harness = await openHarness({
      faults: ({ route }) => (route === 'list' ? { kind: 'odd-entity', extra } : undefined),
    });
    const { code, stdout, stderr } = await harness.run(['list']);
    expect([code, stdout]).toEqual([6, '']);
    expect(stderr).toMatch(/may not be complete/);
  });

  it('countermand list reads gzip that was not asked for, and leaves out with a word what has no ID', async () => {
    await using harness = await openHarness({ actions: open(5) });
    harness.sandbox.faults.next({ kind: 'encoded', coding: 'gzip' });
    expect(rowsOf((await harness.run(['list'])).stdout)).toHaveLength(5);
    harness.sandbox.faults.next({ kind: 'odd-entity', fields: { id: null } });
    const { code, stdout, stderr } = await harness.run(['list']);
    expect([code, rowsOf(stdout).length]).toEqual([0, 4]);
    expect(stderr).toMatch(/left out: 1 entries? of Defender's list/);
  });
});

describe('countermand run', () => {
  it.each<[string, Fault, number, RegExp]>([
    ['401 without a body', { kind: 'empty', status: 401 }, 4, /Defender refused the token/],
    ['401 with a page', { kind: 'html', status: 401 }, 4, /Defender refused the token/],
    ['403 without a body', { kind: 'empty', status: 403 }, 4, /Machine\.Read\.All/],
    ['403 with a page', { kind: 'html', status: 403 }, 4, /Machine\.Read\.All/],
  ])('countermand run says what a %s to every call is, at once', async (_, fault, exit, message) => {
    await using harness = await openHarness({ actions: open(3), faults: () => fault });
    await harness.file('ids.txt', ids(3));
    const { code, stderr } = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes']);
    expect(code, stderr).toBe(exit);
    expect(stderr).toMatch(message);
    expect(harness.sandbox.log.count()).toBeLessThanOrEqual(2);
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });

  it('countermand run sends each cancel once where every answer is gzip that nobody asked for', async () => {
    await using harness = await openHarness({ actions: open(40), faults: () => ({ kind: 'encoded', coding: 'gzip' }) });
    await harness.file('ids.txt', ids(40));
    const { code, stderr } = await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--confirm-for', '6s']);
    expect(code, stderr).toBe(0);
    expect(harness.sandbox.log.count('cancel')).toBe(40);
  });

  it('countermand run of a query finds what it asked for where Defender spells it in its own way', async () => {
    await using harness = await openHarness({
      actions: [{ id: id(1), type: 'LiveResponse' }, { id: id(2) }],
      faults: () => ({ kind: 'respelled', words: { LiveResponse: 'Live Response', Cancelled: 'Canceled' } }),
    });
    await harness.file('job.yaml', ['name: live', 'comment: over', 'source: { query: { type: [live_response] } }']);
    const { code, stderr } = await harness.run([
      'run',
      'job.yaml',
      '--yes',
      '--ledger',
      'l.jsonl',
      '--confirm-for',
      '6s',
    ]);
    expect(code, stderr).toBe(0);
    expect(outcomesOf(await harness.records('l.jsonl'))).toEqual(new Map([[id(1), 'cancelled']]));
  });

  it('countermand run refuses several IDs in one row, and a file that is none, with few records and no call', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('row.csv', [ids(3).join(', ')]);
    for (const more of [[], ['--column', '1']]) {
      const { code, stderr } = await harness.run(['run', 'row.csv', ...COMMENT, '--yes', ...more]);
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/3 IDs in its first row/);
    }
    await harness.file(
      'wrong.log',
      Array.from({ length: 100_000 }, (_, n) => `line ${n} of some log`),
    );
    const wrong = await harness.run(['plan', 'wrong.log', '--ledger', 'wrong.jsonl']);
    expect(wrong.code, wrong.stderr).toBe(2);
    expect(only(await harness.records('wrong.jsonl'), 'reject')).toHaveLength(10_000);
    expect((await stat(harness.path('wrong.jsonl'))).size).toBeLessThan(4_000_000);
    expect(harness.sandbox.log.entries).toEqual([]);
  });
});
