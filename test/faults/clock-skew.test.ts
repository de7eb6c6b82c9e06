import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { COMMENT, type Harness, ids, only, open, openHarness } from '../support/harness.ts';

const HOUR_MS = 3_600_000;
const WINDOW = '10/5s';
const LEDGER = 'ledgers/ids.jsonl';
const PRELOAD = pathToFileURL(fileURLToPath(new URL('../support/clock/shifted-clock.mjs', import.meta.url))).href;

const shifted = (ms: number) => ({ NODE_OPTIONS: `--import ${PRELOAD}`, TEST_CLOCK_SHIFT_MS: String(ms) });

/** A run that has spent its whole window, and is killed while it waits for the next. */
async function killedRun(harness: Harness, env: Record<string, string> = {}): Promise<void> {
  await harness.file('ids.txt', ids(20));
  await using run = harness.start(['run', 'ids.txt', '--yes', ...COMMENT, '--confirm-for', '0'], { env });
  const { log } = harness.sandbox;
  await log.until(({ entries }) => entries.filter(({ route, done }) => route !== 'other' && done).length === 10);
  // The reply to the last one is written a moment after it was sent.
  for (;;) {
    const records = await harness.records(LEDGER);
    if (only(records, 'reply').length === 10) break;
    await new Promise((resolve) => setImmediate(resolve));
  }
  run.kill('SIGKILL');
  await run.ended;
}

async function resumed(harness: Harness, env: Record<string, string> = {}): Promise<void> {
  const ran = await harness.run(['resume', LEDGER, '--confirm-for', '0'], { env });
  expect(ran).toMatchObject({ code: 3 });
  expect(harness.sandbox.log.effective()).toHaveLength(20);
  expect(new Set(harness.sandbox.log.effective()).size).toBe(20);
}

describe.concurrent("the quota's memory holds by Defender's own count", () => {
  it("the quota's memory holds by Defender's own count when this machine's clock was set two hours ahead since the last session", async ({
    expect,
  }) => {
    await using harness = await openHarness({ actions: open(20), windows: WINDOW });
    await killedRun(harness);
    await resumed(harness, shifted(2 * HOUR_MS));
    expect(harness.sandbox.log.overQuota()).toBe(0);
    // The clock was asked for once, by a request without a token, which spends nothing.
    const asked = harness.sandbox.log.entries.filter(({ method }) => method === 'HEAD');
    expect(asked).toMatchObject([{ path: '/', countedMs: undefined, tenant: undefined }]);
  });

  it("the quota's memory holds by Defender's own count when the last session ran on a clock two hours behind, and this one is right", async ({
    expect,
  }) => {
    await using harness = await openHarness({ actions: open(20), windows: WINDOW });
    await killedRun(harness, shifted(-2 * HOUR_MS));
    await resumed(harness);
    expect(harness.sandbox.log.overQuota()).toBe(0);
  });

  it("the quota's memory holds by Defender's own count when both clocks are two hours ahead, without waiting for longer than the window", async ({
    expect,
  }) => {
    await using harness = await openHarness({ actions: open(20), windows: WINDOW });
    await killedRun(harness, shifted(2 * HOUR_MS));
    await resumed(harness, shifted(2 * HOUR_MS));
    expect(harness.sandbox.log.overQuota()).toBe(0);
  });

  it("the quota's memory holds by Defender's own count when the request for the clock is not answered", async ({
    expect,
  }) => {
    await using harness = await openHarness({ actions: open(20), windows: WINDOW });
    await killedRun(harness);
    harness.sandbox.faults.script(({ method }) => (method === 'HEAD' ? { kind: 'reset' } : undefined));
    await resumed(harness);
    expect(harness.sandbox.log.overQuota()).toBe(0);
  });
});

describe('a run without a past', () => {
  it('a run without a past asks for no clock', async () => {
    await using harness = await openHarness({ actions: open(1) });
    await harness.file('ids.txt', ids(1));
    await harness.run(['run', 'ids.txt', '--yes', ...COMMENT, '--confirm-for', '0']);
    expect(harness.sandbox.log.entries.map(({ method }) => method)).toEqual(['GET', 'POST']);
  });
});
