import { mkdir, readdir } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { practiceTenant } from '../../src/sandbox/access.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { samplesOf } from '../support/metrics.ts';

const OPEN = { statuses: { Pending: 1 }, types: { RunAntiVirusScan: 1 } };
const RUN_ALONE = ['run', 'ids.csv', '--yes', '--comment', 'test'];
const RUN = [...RUN_ALONE, '--metrics-file', 'm/countermand.prom'];

async function prepare(harness: Harness): Promise<void> {
  await mkdir(harness.path('m'));
  await harness.file('ids.csv', `id\n${[...harness.sandbox.store.all()].map(({ id }) => `${id}\n`).join('')}`);
}

async function metrics(harness: Harness): Promise<(name: string, labels?: string) => number | undefined> {
  const samples = samplesOf(await harness.read('m/countermand.prom'));
  return (name, labels = '') => samples.get(`countermand_${name}{job="ids",tenant="${practiceTenant}"${labels}}`);
}

describe('--metrics-file', () => {
  test('--metrics-file holds at the end what the server saw, as a whole file and no other beside it', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 5, mix: OPEN } });
    harness.sandbox.faults.next({ kind: 'status', status: 503 }, { route: 'cancel' });
    await prepare(harness);
    const { code } = await harness.run([...RUN, '--confirm-for', '0', '--concurrency', '1']);
    const of = await metrics(harness);
    const seen = (route: string) => harness.sandbox.log.entries.filter((entry) => entry.route === route).length;
    expect(of('calls_total', ',route="cancel"')).toBe(seen('cancel'));
    expect(of('calls_total', ',route="list"')).toBe(seen('list'));
    expect(of('retries_total')).toBe(1);
    expect(of('actions_admitted')).toBe(5);
    expect(of('last_exit_code')).toBe(code);
    expect(of('running')).toBe(0);
    expect(of('quota_calls_left', ',window="100/1m"')).toBe(100 - seen('cancel') - seen('list') - seen('get'));
    expect(await readdir(harness.path('m'))).toEqual(['countermand.prom']);
  });

  test('--metrics-file is there while the run goes on, and tells its end when it is terminated', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 3, mix: OPEN } });
    await prepare(harness);
    await using running = harness.start([...RUN, '--quota', '2/1h']);
    await harness.sandbox.log.until((log) => log.entries.filter(({ route }) => route === 'cancel').length === 1);
    const halfway = await metrics(harness);
    expect(halfway('running')).toBe(1);
    expect(halfway('last_exit_code')).toBeUndefined();
    running.kill('SIGTERM');
    expect((await running.ended).code).toBe(143);
    const ended = await metrics(harness);
    expect(ended('last_exit_code')).toBe(143);
    expect(ended('actions_left')).toBeGreaterThan(0);
  });

  test('--metrics-file tells the end of a run that was refused before it began', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 1, mix: OPEN } });
    await prepare(harness);
    const { code } = await harness.run(RUN, { env: { COUNTERMAND_TOKEN: undefined } });
    expect(code).toBe(2);
    const of = await metrics(harness);
    expect(of('last_exit_code')).toBe(2);
    expect(of('actions_admitted')).toBeUndefined();
  });

  test('--metrics-file of a run is left alone by another that finds the ledger held', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 3, mix: OPEN } });
    await prepare(harness);
    await using running = harness.start([...RUN, '--quota', '2/1h']);
    await harness.sandbox.log.until((log) => log.entries.some(({ route }) => route === 'cancel'));
    expect((await harness.run(RUN)).code).toBe(11);
    expect((await metrics(harness))('running')).toBe(1);
    running.kill('SIGKILL');
    await running.ended;
  });

  test('--metrics-file that cannot be written is one warning and changes nothing else', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 2, mix: OPEN } });
    await prepare(harness);
    const { code, stderr } = await harness.run([
      ...RUN_ALONE,
      '--confirm-for',
      '0',
      '--metrics-file',
      'no-such-folder/x.prom',
    ]);
    expect(code).toBe(3);
    expect(stderr.match(/the metrics cannot be written to .*no-such-folder\/x\.prom/g)).toHaveLength(1);
  });
});
