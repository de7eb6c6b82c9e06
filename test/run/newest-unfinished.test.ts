import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { pino } from '../../src/log.ts';
import { makeHolding } from '../../src/run/holding.ts';
import type { Interrupts } from '../../src/run/machine.ts';
import { holdNewestUnfinished } from '../../src/run/newest-unfinished.ts';
import { begin, type Harness, makeHarness } from '../store/folder/harness.ts';

const NEW = '/ledgers/nightly-20260304T020000Z.jsonl';
const nameOf = (day: number) => `/ledgers/nightly-2026030${day}T020000Z.jsonl`;

async function night(harness: Harness, day: number, end: 'finished' | 'interrupted' | 'killed'): Promise<string> {
  const path = nameOf(day);
  const ledger = await harness.open({ path });
  await begin(ledger, 3);
  if (end !== 'killed') await ledger.close(end);
  await ledger[Symbol.asyncDispose]();
  return path;
}

function damage({ disk }: Harness, path: string, change: (text: string) => string): void {
  const file = disk.files.get(path);
  if (file === undefined) throw new Error(`no ${path}`);
  file.bytes = Buffer.from(change(file.bytes.toString()));
}

const middle = (text: string) => text.replace('"line":2', '"line":9');

function find({ store, clock }: Harness): { found: Promise<string | undefined>; said: string[] } {
  const said: string[] = [];
  const log = pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) });
  const interrupts: Interrupts = {
    signal: new AbortController().signal,
    first: undefined,
    hold: () => ({ [Symbol.dispose]: () => {} }),
  };
  const look = async () => {
    await using holding = makeHolding({ store, clock, log, interrupts, uuid: randomUUID, say: () => {} });
    return (await holdNewestUnfinished(NEW, holding, { store, log }))?.name;
  };
  return { found: look(), said };
}

describe('the newest unfinished ledger of a job', () => {
  test('the newest unfinished ledger of a job is found beside finished ones, and is none where all are finished', async () => {
    const harness = makeHarness();
    await night(harness, 3, 'finished');
    expect(await find(harness).found).toBeUndefined();
    const killed = await night(harness, 2, 'killed');
    await night(harness, 1, 'interrupted');
    expect(await find(harness).found).toBe(killed);
  });

  test('the newest unfinished ledger of a job is not hidden by a damaged older one, which nobody looks at', async () => {
    const harness = makeHarness();
    const open = await night(harness, 2, 'interrupted');
    damage(harness, await night(harness, 1, 'interrupted'), middle);
    const { found, said } = find(harness);
    expect(await found).toBe(open);
    expect(said).toEqual([]);
  });

  test('the newest unfinished ledger of a job is looked for beyond a damaged one that was finished, which is told by its name', async () => {
    const harness = makeHarness();
    const damaged = await night(harness, 3, 'finished');
    damage(harness, damaged, middle);
    const open = await night(harness, 1, 'interrupted');
    const { found, said } = find(harness);
    expect(await found).toBe(open);
    expect(said).toEqual([expect.stringMatching(/nightly-20260303T020000Z\.jsonl is damaged \(line 3 /)]);
  });

  test.each<[string, 'finished' | 'interrupted' | 'killed', (text: string) => string]>([
    ['was interrupted', 'interrupted', middle],
    ['was killed', 'killed', middle],
    ['lost its last line', 'finished', (text) => middle(text).replace(/[^\n]*\n$/, '')],
    ['was written to after its end', 'finished', (text) => `${middle(text)}{"seq":9,"at":"2026`],
    ['has an end that cannot be read', 'finished', (text) => `${middle(text).slice(0, -3)}\n`],
  ])(
    'the newest unfinished ledger of a job may be a damaged one that %s: nothing is begun without it',
    async (_, end, change) => {
      const harness = makeHarness();
      damage(harness, await night(harness, 3, end), change);
      const { found } = find(harness);
      await expect(found).rejects.toMatchObject({ exitCode: 12 });
      await expect(found).rejects.toThrow(/nightly-20260303T020000Z\.jsonl is damaged .* move it to another folder/);
    },
  );

  test('the newest unfinished ledger of a job may be a damaged one that is taken away while its end is looked at: that is told in a sentence', async () => {
    const harness = makeHarness();
    const path = await night(harness, 3, 'finished');
    damage(harness, path, middle);
    const { disk } = harness;
    const { read } = disk;
    disk.read = async function* (...args) {
      try {
        yield* read.apply(disk, args);
      } finally {
        disk.files.delete(path);
      }
    };
    const { found } = find(harness);
    await expect(found).rejects.toMatchObject({ exitCode: 2 });
    await expect(found).rejects.toThrow(`There is no ledger ${path}`);
  });

  test('the newest unfinished ledger of a job may be a file of its name that is no ledger any more', async () => {
    const harness = makeHarness();
    damage(harness, await night(harness, 3, 'killed'), (text) => '\0'.repeat(text.length));
    const { found } = find(harness);
    await expect(found).rejects.toMatchObject({ exitCode: 2 });
    await expect(found).rejects.toThrow('move it to another folder');
  });
});
