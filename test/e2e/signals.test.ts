import { describe, expect, it } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { COMMENT, type Harness, ids, only, open, openHarness, outcomesOf } from '../support/harness.ts';

const RUN = ['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never'];

/** How it ended, and how long after the signal (ms). */
async function end(command: RunningCommand, signal: NodeJS.Signals) {
  const sentAtMs = performance.now();
  command.kill(signal);
  const { code, stderr, stdout } = await command.ended;
  return { code, stderr, stdout, afterMs: performance.now() - sentAtMs };
}

async function expectClosed(harness: Harness): Promise<void> {
  const records = await harness.records('ledgers/ids.jsonl');
  expect(only(records, 'close').at(-1)?.reason).toBe('interrupted');
  // Every call that went out has its answer in the ledger.
  expect(
    only(records, 'reply')
      .map(({ call }) => call)
      .sort(),
  ).toEqual(
    only(records, 'intent')
      .map(({ call }) => call)
      .sort(),
  );
}

/** Far more than an end takes, and far less than what would have been waited for. */
const SOON_MS = 8000;

describe.concurrent('a signal ends a run in order', () => {
  for (const [signal, code] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGHUP', 129],
  ] as const) {
    it(`${signal} while calls are in flight lets them be answered first, then ends the run with ${code}`, async () => {
      await using harness = await openHarness({ actions: open(40), latencyMs: 1500 });
      await harness.file('ids.txt', ids(40));
      const command = harness.start([...RUN, '--concurrency', '4']);
      await harness.sandbox.log.until((log) => log.count('cancel') === 4);

      const { code: ended, stderr, stdout } = await end(command, signal);

      expect(ended, stderr).toBe(code);
      expect(harness.sandbox.log.count('cancel')).toBe(4);
      await expectClosed(harness);
      expect(`${stdout}${stderr}`).toContain(`countermand resume ${harness.path('ledgers/ids.jsonl')}`);

      harness.sandbox.latencyMs = 0;
      const resumed = await harness.run(['resume', 'ledgers/ids.jsonl', '--confirm-for', '0']);
      expect(resumed.code, resumed.stderr).toBe(3);
      expect(harness.sandbox.log.effective().sort()).toEqual(ids(40));
    });
  }

  it('a signal in a wait for the quota ends the run at once', async () => {
    await using harness = await openHarness({ actions: open(40), windows: '10/10m' });
    await harness.file('ids.txt', ids(40));
    const command = harness.start(RUN);
    await harness.sandbox.log.until((log) => log.entries.filter(({ done }) => done).length === 10);

    const { code, stderr, afterMs } = await end(command, 'SIGTERM');

    expect(code, stderr).toBe(143);
    expect(afterMs).toBeLessThan(SOON_MS);
    await expectClosed(harness);
  });

  it('a signal in a pause that Defender asked for ends the run at once', async () => {
    await using harness = await openHarness({
      actions: open(10),
      faults: (_request, n) => (n > 3 ? { kind: 'too-many', seconds: 600 } : undefined),
    });
    await harness.file('ids.txt', ids(10));
    const command = harness.start([...RUN, '--concurrency', '2']);
    await command.says('all calls pause');

    const { code, stderr, afterMs } = await end(command, 'SIGINT');

    expect(code, stderr).toBe(130);
    expect(afterMs).toBeLessThan(SOON_MS);
    await expectClosed(harness);
    const [pause] = only(await harness.records('ledgers/ids.jsonl'), 'pause');
    expect(pause?.reason).toBe('throttled');
  });

  it('a signal while accepted cancels are confirmed ends the run at once', async () => {
    await using harness = await openHarness({
      actions: open(3),
      behaviours: { default: { onCancel: { kind: 'later', becomes: 'Cancelled' } } },
    });
    await harness.file('ids.txt', ids(3));
    const command = harness.start([...RUN, '--confirm-for', '10m']);
    await harness.sandbox.log.until((log) => log.count('list') === 1);

    const { code, afterMs } = await end(command, 'SIGINT');

    expect(code).toBe(130);
    expect(afterMs).toBeLessThan(SOON_MS);
    await expectClosed(harness);
  });

  it('a second signal gives up what is in flight, and a resume looks that up before it sends again', async () => {
    await using harness = await openHarness({
      actions: open(6),
      // Applied, and never answered.
      faults: ({ route }, n) => (route === 'cancel' && n <= 2 ? { kind: 'hang', applied: true } : undefined),
    });
    await harness.file('ids.txt', ids(6));
    const command = harness.start([...RUN, '--concurrency', '2']);
    await harness.sandbox.log.until((log) => log.effective().length === 2);
    command.kill('SIGINT');
    await command.says('SIGINT: stopping');

    const { code, stderr, afterMs } = await end(command, 'SIGINT');

    expect(code, stderr).toBe(130);
    expect(afterMs).toBeLessThan(SOON_MS);
    const resumed = await harness.run(['resume', 'ledgers/ids.jsonl', '--screen', 'auto']);
    expect(resumed.code, resumed.stderr).toBe(0);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(6));
    expect(harness.sandbox.log.resentWithoutLookup()).toEqual([]);
    expect(new Set(outcomesOf(await harness.records('ledgers/ids.jsonl')).values())).toEqual(new Set(['cancelled']));
  });
});

describe.concurrent('two runs at the same time', () => {
  it('the second of two runs on one ledger, or in one folder, exits 11 and names who holds it', async () => {
    await using harness = await openHarness({ actions: open(12), windows: '5/1m' });
    await harness.file('ids.txt', ids(6));
    await harness.file('more.txt', ids(6, 7));
    const first = harness.start(RUN);
    await harness.sandbox.log.until((log) => log.count('cancel') === 5);

    const same = await harness.run(['resume', 'ledgers/ids.jsonl', '--json']);
    const beside = await harness.run(['run', 'more.txt', ...COMMENT, '--yes']);

    for (const { code, stderr, stdout } of [same, beside]) {
      expect(code, stderr).toBe(11);
      if (stdout !== '') expect(JSON.parse(stdout)).toMatchObject({ exitCode: 11, error: {} });
      expect(stderr).toMatch(new RegExp(`process ${first.child.pid} on .*ids\\.jsonl`));
    }
    expect(harness.sandbox.log.of(ids(1, 7)[0] ?? '')).toEqual([]);
    first.kill('SIGTERM');
    expect((await first.ended).code).toBe(143);
  });

  it('the calls of the ledger of one run count against the quota of the next run', async () => {
    await using harness = await openHarness({ actions: open(12), windows: '8/6s' });
    await harness.file('ids.txt', ids(6));
    await harness.file('more.txt', ids(6, 7));
    const { log } = harness.sandbox;
    const flags = ['--yes', '--screen', 'never', '--confirm-for', '0'];
    expect((await harness.run(['run', 'ids.txt', ...COMMENT, ...flags])).code).toBe(3);
    expect((await harness.run(['run', 'more.txt', ...COMMENT, ...flags])).code).toBe(3);
    expect(log.effective()).toHaveLength(12);
    expect(log.overQuota()).toBe(0);
    expect(log.busiest(6000)).toBe(8);
  });

  it('a killed run leaves a lock that the next one takes over at once', async () => {
    await using harness = await openHarness({ actions: open(6), windows: '3/10m' });
    await harness.file('ids.txt', ids(6));
    const killed = harness.start(RUN);
    await harness.sandbox.log.until((log) => log.count('cancel') === 3);
    killed.kill('SIGKILL');
    await killed.ended;
    const next = await harness.run(['resume', 'ledgers/ids.jsonl', '--max-duration', '1s']);
    expect(next.code, next.stderr).toBe(6);
    expect(next.stderr).toContain('taken over');
    expect(harness.sandbox.log.count('cancel')).toBe(3);
  });
});

it('a run is over as soon as its work is, however long its permits are held', async () => {
  await using harness = await openHarness({ actions: open(5), windows: '100/1h' });
  await harness.file('ids.txt', ids(5));
  const command = harness.start([...RUN, '--json', '--confirm-for', '0']);
  // The document is the last that it does; an hour of held permits is left then.
  await command.says('"exitCode"');
  const saidAtMs = performance.now();
  const { code } = await command.ended;
  expect(code).toBe(3);
  expect(performance.now() - saidAtMs).toBeLessThan(5000);
});
