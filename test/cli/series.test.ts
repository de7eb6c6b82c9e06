import { mkdir, readdir, rename, utimes } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { encodeLine } from '../../src/ledger/line.ts';
import type { CommandEnd } from '../support/command.ts';
import { type Harness, openHarness } from '../support/harness.ts';

const DAY_MS = 86_400_000;
const PENDING = { statuses: { Pending: 1 }, types: { RunAntiVirusScan: 1 } };
const JOB = `name: nightly
source:
  query:
    type: RunAntiVirusScan
comment: test
confirmFor: "0"
`;

async function place(count: number, job = JOB): Promise<Harness> {
  const harness = await openHarness({ windows: 'documented', actions: { count, mix: PENDING } });
  await harness.file('nightly.yaml', job);
  await mkdir(harness.path('ledgers'), { recursive: true });
  return harness;
}

/** The newest ledger becomes one of that moment, by name and by the file's time; its records keep theirs. */
async function backdate(harness: Harness, stamp: string, daysOld: number): Promise<string> {
  const newest = (await harness.ledgers()).at(-1) ?? '';
  const name = `ledgers/nightly-${stamp}.jsonl`;
  await rename(harness.path(`ledgers/${newest}`), harness.path(name));
  await setAge(harness, name, daysOld);
  return name;
}

async function setAge(harness: Harness, name: string, days: number): Promise<void> {
  const then = new Date(Date.now() - days * DAY_MS);
  await utimes(harness.path(name), then, then);
}

function runJob(harness: Harness, ...args: string[]): Promise<CommandEnd> {
  return harness.run(['run', 'nightly.yaml', '--yes', ...args]);
}

/** A run of the job that was terminated after its first cancel. */
async function interrupted(harness: Harness): Promise<void> {
  const before = harness.sandbox.log.entries.length;
  await using running = harness.start(['run', 'nightly.yaml', '--yes', '--quota', '3/1h']);
  await harness.sandbox.log.until((log) => log.entries.slice(before).some(({ route }) => route === 'cancel'));
  running.kill('SIGTERM');
  expect((await running.ended).code).toBe(143);
}

describe('a job with a query', () => {
  test('a job with a query goes on with its newest unfinished ledger, begun the day before, and then begins a new one', async () => {
    await using harness = await place(4);
    await interrupted(harness);
    const yesterday = await backdate(harness, '20251122T235950Z', 1);
    const resumed = await runJob(harness, '--quota', '100/1m');
    expect(resumed.stderr).toContain('going on with the newest unfinished ledger');
    expect(await harness.ledgers()).toEqual([yesterday.replace('ledgers/', '')]);
    expect(await harness.read(yesterday)).toMatch(/"session":2,[^\n]*\n(?:.*\n)*.*"kind":"close","reason":"finished"/);
    const cancels = harness.sandbox.log.entries.filter(({ route }) => route === 'cancel');
    expect(new Set(cancels.map(({ ids }) => ids[0])).size).toBe(4);

    const next = await runJob(harness);
    expect(next.code).toBe(0);
    expect(await harness.ledgers()).toHaveLength(2);
  });

  test('a job with a query prefers the newest of two unfinished, and leaves other jobs and plans alone', async () => {
    await using harness = await place(6);
    await interrupted(harness);
    const older = await backdate(harness, '20251101T000000Z', 22);
    const other = older.replace('nightly', 'nightly-extra');
    await harness.file(other, await harness.read(older));
    await harness.file(older.replace('.jsonl', '.plan.jsonl'), await harness.read(older));
    await harness.file('ledgers/nightly-20251102T000000Z.jsonl', await harness.read(older));
    const [before, otherBefore] = [await harness.read(older), await harness.read(other)];
    await runJob(harness, '--quota', '100/1m');
    expect(await harness.read('ledgers/nightly-20251102T000000Z.jsonl')).toContain('"reason":"finished"');
    expect(await harness.read(older)).toBe(before);
    expect(await harness.read(other)).toBe(otherBefore);
  });
});

test('a job with a file that was interrupted keeps the moment that the age in its guard meant', async () => {
  await using harness = await place(4);
  const ids = [...harness.sandbox.store.all()].map(({ id }) => id);
  await harness.file('ids.txt', `${ids.join('\n')}\n`);
  const job = 'name: nightly\nsource:\n  file: ids.txt\ncomment: test\nconfirmFor: "0"\nguards:\n  createdAfter: 30d\n';
  await harness.file('nightly.yaml', job);
  await interrupted(harness);
  await runJob(harness, '--quota', '100/1m');
  const opened = (await harness.read('ledgers/nightly.jsonl'))
    .split('\n')
    .filter((line) => line.includes('"kind":"open"'))
    .map((line) => JSON.parse(line).job.guards.createdAfter);
  expect(opened).toHaveLength(2);
  expect(opened[1]).toBe(opened[0]);
});

describe('a damaged ledger of the series', () => {
  test('a damaged ledger of the series is told and passed over where its run was finished, and stops the job where it may hold work', async () => {
    await using harness = await place(2);
    await runJob(harness);
    const damaged = await backdate(harness, '20251122T020000Z', 1);
    const text = await harness.read(damaged);
    await harness.file(damaged, text.replace('"line":1', '"line":7'));
    const told = await runJob(harness);
    expect(told.stderr).toContain(`${harness.path(damaged)} is damaged`);
    expect(told.code).toBe(0);

    await harness.file(damaged, text.replace('"line":1', '"line":7').replace(/[^\n]*\n$/, ''));
    const stopped = await runJob(harness);
    expect(stopped.stderr).toMatch(/is damaged .* may hold work left, so nothing was sent/);
    expect(stopped.code).toBe(12);
  });
});

describe('keepLedgers', () => {
  test('keepLedgers removes a finished ledger of the series with its release list when a new run begins, and says so', async () => {
    await using harness = await place(2, `${JOB}keepLedgers: 90d\n`);
    await runJob(harness);
    const old = await backdate(harness, '20250103T000000Z', 91);
    await harness.file(old, redated(await harness.read(old), 91));
    await setAge(harness, old, 91);
    await harness.file(`${old}.needs-release.csv`, 'id\n');
    const { stderr } = await runJob(harness);
    expect(stderr).toContain(`removed the finished ledger ${harness.path(old)}`);
    expect(await readdir(harness.path('ledgers'))).toEqual([expect.stringMatching(/^nightly-20(?!250103).*\.jsonl$/)]);
  });
});

/** The same ledger, begun and ended so many days earlier. */
function redated(text: string, days: number): string {
  let chain = '';
  const lines = text.trimEnd().split('\n');
  return lines
    .map((line) => {
      const { seq, at, kind, chain: _chain, ...fields } = JSON.parse(line);
      const then = new Date(Date.parse(at) - days * DAY_MS).toISOString();
      const encoded = encodeLine(chain, seq, then, kind, fields);
      chain = encoded.chain;
      return encoded.line;
    })
    .join('');
}
