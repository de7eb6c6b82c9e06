import { describe, expect, it } from 'vitest';
import type { ClocksNow } from '../../src/ledger/call-age.ts';
import type { PastCall } from '../../src/ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS, MARGIN_MS } from '../../src/quota/call-times.ts';
import { agedCalls, lookBackMs, mattersForMs } from '../../src/quota/past-calls.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';

const now = Date.UTC(2026, 0, 5, 12);
const HOUR = 3_600_000;

const clocks = (nowSkewMs?: number, fileMs?: number): ClocksNow => ({
  wallMs: now,
  defenderMs: nowSkewMs === undefined ? undefined : now + nowSkewMs,
  fileMs,
});

/** A call that was answered so long before now by the clock of its machine. */
const past = (answeredAgoMs: number, more: Partial<PastCall> = {}): PastCall => ({
  route: 'cancel',
  intentAtMs: now - answeredAgoMs - 200,
  repliedAtMs: now - answeredAgoMs,
  unanswered: false,
  skewMs: 0,
  ...more,
});

/** The age that one call is given, without the doubt that all have. */
const ageOf = (call: PastCall, nowSkewMs?: number) =>
  (agedCalls([call], clocks(nowSkewMs))[0]?.ageMs ?? 0) + CLOCK_DOUBT_MS;

describe('a call before this session counts', () => {
  it('a call before this session counts at its reply, younger by what two clocks may differ unseen', () => {
    expect(agedCalls([past(30_000, { route: 'list' })], clocks())).toEqual([
      { route: 'list', ageMs: 30_000 - CLOCK_DOUBT_MS },
    ]);
  });

  it('a call before this session counts without a reply 65 s after its intent, be that still to come', () => {
    expect(ageOf(past(0, { intentAtMs: now - 100_000, repliedAtMs: undefined }))).toBe(35_000);
    expect(ageOf(past(0, { intentAtMs: now - 1000, repliedAtMs: undefined }))).toBe(-64_000);
  });

  it('a call before this session counts 65 s after its intent without a usable answer, or when that was given up, whichever is later', () => {
    expect(ageOf(past(0, { intentAtMs: now - 100_000, repliedAtMs: now - 99_000, unanswered: true }))).toBe(35_000);
    expect(ageOf(past(0, { intentAtMs: now - 100_000, repliedAtMs: now - 10_000, unanswered: true }))).toBe(10_000);
  });

  it('a call before this session counts as now when its record is from the future', () => {
    expect(ageOf(past(-HOUR))).toBe(0);
    expect(ageOf(past(0, { intentAtMs: now + HOUR, repliedAtMs: undefined }))).toBe(-65_000);
  });
});

describe('a skew', () => {
  it('a skew of the clock that was slow then makes a call younger', () => {
    expect(ageOf(past(HOUR + 30_000, { skewMs: HOUR }))).toBe(30_000);
  });

  it('a skew of the clock that was fast then makes no call older while ours may be just as fast', () => {
    expect(ageOf(past(30_000, { skewMs: -HOUR }))).toBe(30_000);
  });

  it('a skew makes a call younger once our own clock is known, and never older', () => {
    // Both an hour fast, or only the other one.
    expect(ageOf(past(30_000, { skewMs: -HOUR }), -HOUR)).toBe(30_000);
    // The other one's record is from our future: by our clock it may be now.
    expect(ageOf(past(-HOUR + 30_000, { skewMs: -HOUR }), 0)).toBe(0);
    // Ours jumped ahead since: what looks an hour old was half a minute ago.
    expect(ageOf(past(HOUR + 30_000), -HOUR)).toBe(30_000);
  });

  it('a skew of a call without an answer is the largest there is, ours included', () => {
    const unanswered = past(0, { intentAtMs: now - HOUR - 100_000, repliedAtMs: undefined });
    expect(agedCalls([unanswered, past(HOUR, { skewMs: HOUR })], clocks())[0]?.ageMs).toBe(35_000 - CLOCK_DOUBT_MS);
    expect(ageOf(unanswered, HOUR)).toBe(HOUR + 35_000);
    expect(ageOf(unanswered, -HOUR)).toBe(35_000);
  });
});

it('calls matter for the longest window and what it is held beyond that', () => {
  expect(lookBackMs(DOCUMENTED_WINDOWS)).toBe(HOUR + MARGIN_MS);
  expect(lookBackMs([])).toBe(MARGIN_MS);
});

it('a ledger is kept until none of its calls looks young enough to matter, however it ended', () => {
  const unanswered = (agoMs: number) => past(0, { intentAtMs: now - agoMs, repliedAtMs: undefined });
  const keptMs = mattersForMs(DOCUMENTED_WINDOWS);
  const [younger, older] = agedCalls([unanswered(keptMs - 1), unanswered(keptMs)], clocks());
  expect(younger?.ageMs).toBeLessThan(lookBackMs(DOCUMENTED_WINDOWS));
  expect(older?.ageMs).toBe(lookBackMs(DOCUMENTED_WINDOWS));
});
