import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { type Authority, CLIENT_SECRET, startAuthority, TROUBLES, type Trouble } from '../support/authority.ts';
import { COMMENT, only, outcomesOf } from '../support/harness.ts';
import { leaksIn, openSignInHarness } from '../support/sign-in-harness.ts';

const LIFETIME_S = 20;
const COUNT = 330;

/** The authority's hours: how long (s), and what it does meanwhile. One outage is longer than a token lives. */
const PHASES: readonly (readonly [seconds: number, trouble?: Trouble])[] = [
  [4],
  [9, TROUBLES.throttled],
  [4],
  [5, TROUBLES.htmlPage],
  [6],
  [LIFETIME_S + 6, 'hang'],
  [12],
  [6, 'reset'],
  [6],
  [8, TROUBLES.serverError],
  [3],
  [5, 'cut'],
  [4],
];

/** Plays the phases, over and over, until the signal. Returns which part of the time the authority failed. */
async function play(authority: Authority, signal: AbortSignal): Promise<number> {
  const total = { good: 0, bad: 0 };
  while (!signal.aborted) {
    for (const [seconds, trouble] of PHASES) {
      authority.heal();
      if (trouble !== undefined) authority.trouble(trouble);
      const begunMs = performance.now();
      await sleep(seconds * 1000, undefined, { signal }).catch(() => undefined);
      total[trouble === undefined ? 'good' : 'bad'] += performance.now() - begunMs;
    }
  }
  authority.heal();
  return total.bad / (total.bad + total.good);
}

describe('a run over more than three lifetimes of its token, with the authority failing for half of the time', () => {
  it('a run over more than three lifetimes of its token, with the authority failing for half of the time, loses nothing, makes no cancel twice, and never shows Defender a token that has ended', async () => {
    await using authority = await startAuthority();
    authority.tokens.lifetimeSeconds = LIFETIME_S;
    await using harness = await openSignInHarness(authority, {
      count: COUNT,
      windows: '25/6s',
      env: { AZURE_CLIENT_SECRET: CLIENT_SECRET },
      latencyMs: [5, 200],
    });
    const over = new AbortController();
    const failing = play(authority, over.signal);
    const ran = await harness.start(['run', 'ids.txt', '--yes', ...COMMENT], { timeoutMs: 280_000 }).ended;
    over.abort();

    const { log } = harness.sandbox;
    expect(ran).toMatchObject({ code: 0 });
    expect(await failing).toBeGreaterThanOrEqual(0.5);
    const calls = log.entries.filter(({ route }) => route !== 'other');
    const spanMs = (calls.at(-1)?.arrivedMs ?? 0) - (calls[0]?.arrivedMs ?? 0);
    expect(spanMs).toBeGreaterThan(3 * LIFETIME_S * 1000);
    expect(new Set(harness.seen).size).toBeGreaterThan(3);

    const records = await harness.records('ledgers/ids.jsonl');
    const outcomes = [...outcomesOf(records).values()];
    expect(outcomes).toEqual(Array(COUNT).fill('cancelled'));
    expect(log.count('cancel')).toBe(COUNT);
    expect(new Set(log.effective()).size).toBe(COUNT);
    expect(log.overQuota()).toBe(0);
    expect(only(records, 'reply').filter(({ http }) => http !== 200)).toEqual([]);
    expect(only(records, 'open')).toHaveLength(1);
    expect(leaksIn(ran.stdout + ran.stderr, authority.secrets)).toEqual([]);
  });
});
