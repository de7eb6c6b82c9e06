import { expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { makeSkewWatch } from '../../src/defender/server-clock.ts';

const NOW = Date.UTC(2026, 0, 5, 12);

/** Answers that come to a machine whose clocks show this: both move, and each may be set apart. */
function machine() {
  let wallMs = NOW;
  let monotonicMs = 1000;
  let trueMs = NOW;
  const clock: Clock = { ...systemClock, wallMs: () => wallMs, monotonicMs: () => monotonicMs };
  const skewAt = makeSkewWatch(clock);
  return {
    passes: (ms: number) => {
      wallMs += ms;
      monotonicMs += ms;
      trueMs += ms;
    },
    isSet: (ms: number) => {
      wallMs += ms;
    },
    sleeps: (ms: number) => {
      wallMs += ms;
      trueMs += ms;
    },
    dated: () => skewAt({ http: 200, headers: { date: new Date(trueMs).toUTCString() }, body: '' }, wallMs),
    undated: () => skewAt({ http: 502, headers: {}, body: '<html>' }, wallMs),
  };
}

it('the skew shown is what an answer’s date shows, above two seconds', () => {
  const { dated, isSet } = machine();
  expect(dated()).toBeUndefined();
  isSet(2000);
  expect(dated()).toBeUndefined();
  isSet(1000);
  expect(dated()).toBe(-3000);
  isSet(-33_000);
  expect(dated()).toBe(30_000);
});

it('an answer without a date is taken to be as far off as the last one with a date and the time since then show', () => {
  const { dated, undated, isSet, passes } = machine();
  dated();
  passes(60_000);
  expect(undated()).toBeUndefined();
  isSet(-30_000);
  passes(60_000);
  expect(undated()).toBe(30_000);
});

it('the skew never makes a call older: not for a machine that slept, nor for a clock that was set ahead', () => {
  const { dated, undated, isSet, sleeps } = machine();
  dated();
  sleeps(3_600_000);
  expect(undated()).toBeUndefined();
  isSet(60_000);
  expect(undated()).toBeUndefined();
});

it('no skew is shown before the first date', () => {
  const { undated, isSet } = machine();
  isSet(-30_000);
  expect(undated()).toBeUndefined();
});
