import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, test } from 'vitest';
import { SETTING_NAMES, SETTINGS } from '../../src/job/settings.ts';
import { checkLedger } from '../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { redactedCopy } from '../../src/ledger/redacted-copy.ts';
import type { LedgerSource } from '../../src/ledger/scan-ledger.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import { readView } from '../../src/run/read-view.ts';
import { RUN, Script } from '../report/records.ts';
import { planStory, runStory } from '../report/stories.ts';
import { ledgerText } from '../report/views.ts';
import { namesIn, shownIn } from '../support/names-in-ledger.ts';

const FORMAT_2 = fileURLToPath(new URL('fixtures/format-2.jsonl', import.meta.url));

function sourceOf(text: string): LedgerSource {
  return {
    async *read(_name, offset = 0) {
      yield Buffer.from(text).subarray(offset);
    },
  };
}

async function copyOf(text: string): Promise<string> {
  let copy = '';
  for await (const piece of redactedCopy('a.jsonl', sourceOf(text))) copy += piece;
  return copy;
}

const linesOf = (text: string) => text.trimEnd().split('\n');
const recordsOf = (text: string) => linesOf(text).map((line) => JSON.parse(line) as LedgerRecord);

/** What a report counts. */
async function numbersOf(text: string) {
  const summary = summarise([await readView(sourceOf(text), 'a.jsonl')], { nowMs: 0 });
  const { counts, admitted, rejected, calls, needsLook, needsRelease, reason, kind, answers, minutes } = summary;
  return {
    counts,
    admitted,
    rejected,
    calls,
    needsLook,
    needsRelease,
    reason,
    kind,
    minutes,
    n: answers.map(({ n }) => n),
  };
}

/** Every setting that can hold a text, with one of its own. */
function fullJobLedger(): string {
  const script = new Script();
  const job = {
    name: 'Zürich-wave',
    tenant: 'zurich.example',
    clientId: '66666666-7777-8888-9999-000000000000',
    auth: { kind: 'managed-identity' },
    api: {
      cloud: 'gcc-high',
      region: 'eu',
      url: 'https://mde.zurich.example:8443/api',
      authorityUrl: 'https://login.zurich.example',
      allowHosts: ['mde.zurich.example', 'login.zurich.example'],
    },
    source: {
      kind: 'query',
      query: {
        type: ['Isolate', 'ZurichSpecial'],
        status: ['Pending', 'OnHoldInZurich'],
        requestor: ['anna@zurich.example'],
        machine: ['DC01.zurich.example'],
        createdAfter: '2026-01-02T03:04:05.000Z',
        createdBefore: '2026-01-03T03:04:05.000Z',
        commentContains: 'ticket of Anna',
      },
    },
    comment: 'ZRH-1: Anna\'s "wave"',
    ledger: '/home/anna/ledgers/zürich.jsonl',
    quota: { windows: [{ calls: 100, perMs: 60_000 }], share: 1, routes: 'separate' },
    concurrency: 16,
    guards: {
      onlyType: ['Isolate', 'ZurichSpecial'],
      onlyRequestor: ['Anna@Zurich.example'],
      onlyMachine: ['dc01.zurich.example', 'ab'.repeat(20)],
      createdAfter: '2026-01-02T03:04:05.000Z',
      createdBefore: '2026-01-03T03:04:05.000Z',
      maxActions: 5,
      maxFailures: { percent: 10 },
      first: 1,
      maxDurationMs: 60_000,
    },
    patienceMs: 3_600_000,
    screen: 'always',
    order: 'last-seen',
    confirmForMs: 120_000,
    strictInput: false,
    planMaxAgeMs: 86_400_000,
    keepLedgersMs: 86_400_000,
    metricsFile: '/home/anna/metrics.prom',
  };
  for (const name of SETTING_NAMES) {
    const { frozen } = SETTINGS[name] as { frozen?: { at: string } };
    if (frozen === undefined) continue;
    const [section = '', key] = frozen.at.split('.');
    const part = (job as Record<string, unknown>)[section];
    expect(key === undefined ? part : (part as Record<string, unknown>)[key], `a sample of ${name}`).toBeDefined();
  }
  script.open(1, { tenant: job.tenant, api: job.api.url, job });
  script.add('admit', { id: RUN, line: 1, comment: 'of Anna, for DC01' });
  script.add('reject', { line: 2, reason: 'duplicate', text: RUN.toUpperCase() });
  script.add('reject', { line: 3, reason: 'bad-row', text: '"anna@zurich.example' });
  script.add('intake', { admitted: 1, rejected: 2, bytes: 9, sha256: 'ab'.repeat(32) });
  script.add('screen', {
    id: RUN,
    status: 'OnHoldInZurich',
    type: 'ZurichSpecial',
    machineId: 'ab'.repeat(20),
    computer: 'DC01.Zurich.example',
    requestor: 'ANNA@zurich.example',
    created: 'yesterday in Zürich',
  });
  script.add('start', { by: 'yes', count: 1 });
  script.cancel(RUN, { http: 400, code: 'AnnaIsBusy', correlation: 'zurich-42' });
  script.cancel(RUN, { error: 'anna.zurich.example' }, { attempt: 2 });
  script.add('outcome', { id: RUN, outcome: 'failed', attempts: 2, detail: 'requestor anna is not bob' });
  return ledgerText(script.records);
}

describe('a redacted copy', () => {
  it.each<[string, () => Promise<string> | string]>([
    ['a finished run with every outcome', () => ledgerText(runStory())],
    ['an interrupted run', () => ledgerText(runStory({ close: 'interrupted', sessions: 3 }))],
    ['a killed run', () => ledgerText(runStory({ close: undefined }))],
    ['a plan', () => ledgerText(planStory().records)],
    ['a run whose job sets everything', fullJobLedger],
    ['a ledger with every kind of record', () => readFile(FORMAT_2, 'utf8')],
  ])('a redacted copy of %s is intact, counts the same and shows none of its names', async (_what, make) => {
    const text = await make();
    const names = namesIn(recordsOf(text));
    expect(names.size).toBeGreaterThan(5);

    const copy = await copyOf(text);

    expect(shownIn(copy, names)).toEqual([]);
    expect(await checkLedger('a.jsonl', sourceOf(copy))).toMatchObject({ fault: undefined, tornBytes: 0 });
    expect(await numbersOf(copy)).toEqual(await numbersOf(text));
    expect(recordsOf(copy)[0]).toMatchObject({ kind: 'open', redacted: true });
  });

  it('a redacted copy calls the same thing by the same token, whatever its case and wherever it stands', async () => {
    const records = recordsOf(await copyOf(fullJobLedger()));
    const [opened] = records;
    const screen = records.find(({ kind }) => kind === 'screen') as LedgerRecord & { kind: 'screen' };
    const { guards, source, api } = (opened as { job: Record<string, Record<string, unknown>> }).job as {
      guards: { onlyMachine: string[]; onlyRequestor: string[] };
      source: { query: { machine: string[]; requestor: string[] } };
      api: { url: string; allowHosts: string[] };
    };
    expect(guards.onlyMachine).toEqual([screen.computer, screen.machineId]);
    expect(source.query.machine).toEqual([screen.computer]);
    expect([guards.onlyRequestor, source.query.requestor]).toEqual([[screen.requestor], [screen.requestor]]);
    expect(api.url).toBe(`https://${api.allowHosts[0]}`);
    const ofAction = records.flatMap((record) => ('id' in record ? [record.id] : []));
    expect(new Set(ofAction).size).toBe(1);
    expect(records.find(({ kind }) => kind === 'reject')).toMatchObject({ text: ofAction[0] });
  });

  it('a redacted copy keeps what a maintainer needs: moments, numbers, and words of closed lists', async () => {
    const records = recordsOf(ledgerText(runStory()));
    const copied = recordsOf(await copyOf(ledgerText(runStory())));
    const shape = ({ seq, at, kind }: LedgerRecord) => ({ seq, at, kind });
    expect(copied.map(shape)).toEqual(records.map(shape));
    const replies = (all: readonly LedgerRecord[]) =>
      all.flatMap((each) => (each.kind === 'reply' ? [[each.call, each.http, each.code, each.error, each.ms]] : []));
    expect(replies(copied)).toEqual(replies(records));
  });

  it('a redacted copy leaves out kinds and fields that nobody here knows, and keeps the number of every line', async () => {
    const text = await readFile(FORMAT_2, 'utf8');
    const copy = await copyOf(text);
    expect(linesOf(copy).length).toBe(linesOf(text).length);
    const strange = recordsOf(text).findIndex(({ kind }) => !recordsOf(copy).some((each) => each.kind === kind));
    expect(strange).toBeGreaterThan(0);
    expect(Object.keys(recordsOf(copy)[strange] ?? {})).toEqual(['seq', 'at', 'kind', 'why', 'chain']);
  });

  it('a redacted copy ends before the line that does not fit', async () => {
    const lines = linesOf(ledgerText(runStory()));
    const damaged = [...lines.slice(0, 9), (lines[9] ?? '').replace('"line"', '"lime"'), ...lines.slice(10)];
    const copy = await copyOf(`${damaged.join('\n')}\n`);
    expect(linesOf(copy).length).toBe(9);
  });

  it('redacted copies of two runs are two runs, and two of one are one', async () => {
    const runOf = async (run: string) => recordsOf(await copyOf(ledgerText(runStory({ run }))))[0] as { run: string };
    const [one, other] = [await runOf(RUN), await runOf(`9${RUN.slice(1)}`)];
    expect(await runOf(RUN)).toEqual(one);
    expect(other.run).not.toBe(one.run);
  });
});

test('a redacted copy of a redacted copy says the same', async () => {
  const copy = await copyOf(ledgerText(runStory()));
  expect(await numbersOf(await copyOf(copy))).toEqual(await numbersOf(copy));
});
