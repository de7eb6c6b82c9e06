import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { practiceOptions } from '../../src/sandbox/practice.ts';
import { type ActionSeed, isOver } from '../../src/sandbox/sandbox-action.ts';
import { documentOf, type Harness, id, only, openHarness } from '../support/harness.ts';

const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

describe.concurrent('a job of jobs/, planned against a sandbox', () => {
  it('stale-actions-nightly selects scans and package collections that were pending for a week, and nothing else', async () => {
    await using harness = await openHarness({
      actions: [
        aged(1, 8 * DAY_MS, { type: 'RunAntiVirusScan' }),
        aged(2, 30 * DAY_MS, { type: 'CollectInvestigationPackage' }),
        aged(3, 6 * DAY_MS, { type: 'RunAntiVirusScan' }),
        aged(4, 8 * DAY_MS, { type: 'RunAntiVirusScan', status: 'InProgress' }),
        aged(5, 8 * DAY_MS, { type: 'CollectInvestigationPackage', status: 'Succeeded' }),
        aged(6, 8 * DAY_MS, { type: 'Isolate' }),
        aged(7, 8 * DAY_MS, { type: 'LiveResponse' }),
      ],
    });
    const { document, cancels, admitted } = await plan(harness, 'stale-actions-nightly');
    expect(cancels).toBe(0);
    expect(admitted.sort()).toEqual([id(1), id(2)]);
    expect(document.decisions).toMatchObject({ cancel: 2, excluded: 0, 'already-final': 0 });
    // Two cancels, a look before them and one after; a report of the plan forecasts what the plan did.
    expect(document.forecast?.calls).toBe(4);
    const reported = await harness.run(['report', document.ledger, '--json']);
    expect(documentOf(reported.stdout).forecast?.calls).toBe(4);
    // What was shown by the query needs no second look.
    expect(harness.sandbox.log.count('list')).toBe(1);
    expect(harness.sandbox.log.entries.map(({ path }) => decodeURIComponent(path).replaceAll('+', ' ')).join()).toMatch(
      /status eq 'Pending'.*creationDateTimeUtc l[te] \d{4}-/,
    );
  });

  it('live-response-backlog selects sessions that have waited for an hour, and leaves those in progress alone', async () => {
    await using harness = await openHarness({
      actions: [
        aged(1, 2 * HOUR_MS, { type: 'LiveResponse' }),
        aged(2, 60 * HOUR_MS, { type: 'LiveResponse' }),
        aged(3, 10 * 60_000, { type: 'LiveResponse' }),
        aged(4, 2 * HOUR_MS, { type: 'LiveResponse', status: 'InProgress' }),
        aged(5, 2 * HOUR_MS, { type: 'RunAntiVirusScan' }),
      ],
    });
    const { document, cancels, admitted } = await plan(harness, 'live-response-backlog');
    expect(cancels).toBe(0);
    expect(admitted.sort()).toEqual([id(1), id(2)]);
    expect(document.decisions).toMatchObject({ cancel: 2 });

    const { admitted: sooner } = await plan(harness, 'live-response-backlog', { WAITING_FOR: '5m' });
    expect(sooner.sort()).toEqual([id(1), id(2), id(3)]);
  });

  it('mass-isolation-cleanup keeps out what is no isolation or older than the incident, and lists what took effect', async () => {
    const [first, second, other, old, done, ...rest] = await idsIn('sample-incident.csv');
    const named = [first, second, other, old, done] as [string, string, string, string, string];
    await using harness = await openHarness({
      actions: [
        { id: named[0], ...created(HOUR_MS) },
        { id: named[1], ...created(47 * HOUR_MS), status: 'InProgress' },
        { id: named[2], ...created(HOUR_MS), type: 'RunAntiVirusScan' },
        { id: named[3], ...created(3 * DAY_MS) },
        { id: named[4], ...created(HOUR_MS), status: 'Succeeded' },
      ],
    });
    const { document, cancels, admitted } = await plan(harness, 'mass-isolation-cleanup');
    expect(cancels).toBe(0);
    expect(admitted).toEqual([...named, ...rest]);
    expect(document.decisions).toEqual({
      cancel: 2,
      'already-final': 1,
      excluded: 2,
      'not-found': rest.length,
      unscreened: 0,
    });
    expect(document.needsRelease).toBe(1);
    // Each was looked up, as `screen: always` asks.
    for (const each of named) expect(harness.sandbox.log.of(each, 'list')).toHaveLength(1);

    const wider = await plan(harness, 'mass-isolation-cleanup', { INCIDENT_START: '7d' });
    expect(wider.document.decisions).toMatchObject({ cancel: 3, excluded: 1 });
  });

  it('demo names the actions of the practice sandbox, and would cancel those that are open', async () => {
    await using harness = await openHarness({ ...practiceOptions({ trouble: 0 }), windows: '30/1s,150/10s' });
    const { document, cancels, admitted } = await plan(harness, 'demo');
    expect(cancels).toBe(0);
    const { store } = harness.sandbox;
    expect(admitted.filter((each) => store.get(each) === undefined)).toHaveLength(3);
    const open = admitted.filter((each) => !isOver(store.get(each)?.status ?? 'Failed')).length;
    const undone = admitted.filter(
      (each) => /^Un/.test(store.get(each)?.type ?? '') && !isOver(store.get(each)?.status ?? ''),
    ).length;
    expect(open).toBeGreaterThan(100);
    expect(document.decisions).toMatchObject({ cancel: open - undone, excluded: undone, 'not-found': 3 });
    expect(document.rejected).toMatchObject({ duplicate: 1, 'not-an-id': 1 });
  });
});

describe('a job file with mistakes', () => {
  it('a job file with mistakes names all five with line and column, suggests what was meant, exits 2 and sends nothing', async () => {
    await using harness = await openHarness();
    const file = await harness.file('nightly.yaml', [
      'name: nightly',
      'source:',
      '  file: ids.csv',
      'coment: a misspelt key',
      'concurrency: many',
      'guards:',
      '  maxFailures: 120%',
      '  onlyTypes: Isolate',
      'quota:',
      '  windows:',
      '    - 100 a minute',
    ]);
    for (const command of ['plan', 'run']) {
      const { code, stderr, stdout } = await harness.run([command, file, ...(command === 'run' ? ['--yes'] : [])]);
      expect(code, stderr).toBe(2);
      expect(stdout).toBe('');
      for (const place of ['4:1', '5:14', '7:16', '8:3', '11:7']) expect(stderr).toContain(`nightly.yaml:${place}`);
      expect(stderr).toContain('did you mean comment?');
      expect(stderr).toContain('did you mean guards.onlyType?');
      expect(stderr.match(/nightly\.yaml:\d+:\d+/g)).toHaveLength(5);
    }
    expect(harness.sandbox.log.count()).toBe(0);
  });
});

/** Plans a job as a person would, and says what was sent for it. */
async function plan(harness: Harness, name: string, env: Record<string, string> = {}) {
  const job = fileURLToPath(new URL(`../../jobs/${name}.yaml`, import.meta.url));
  const { code, stdout, stderr } = await harness.run(['plan', job, '--json'], { env });
  const document = documentOf(stdout === '' ? JSON.stringify({ stderr }) : stdout);
  expect([0, 3], stderr).toContain(code);
  const records = await harness.records(document.ledger.slice(harness.folder.length + 1));
  return {
    document,
    /** How many the server has seen. */
    cancels: harness.sandbox.log.count('cancel'),
    admitted: only(records, 'admit').map((record) => record.id),
  };
}

function aged(n: number, ageMs: number, fields: Partial<ActionSeed>): ActionSeed {
  return { id: id(n), ...created(ageMs), ...fields };
}

function created(ageMs: number): { creationDateTimeUtc: string } {
  return { creationDateTimeUtc: new Date(Date.now() - ageMs).toISOString() };
}

async function idsIn(csv: string): Promise<string[]> {
  const text = await readFile(new URL(`../../jobs/${csv}`, import.meta.url), 'utf8');
  return text
    .trim()
    .split(/\r?\n/)
    .slice(1)
    .map((line) => line.slice(0, 36));
}
