import { type ForecastInput, forecast } from '../../quota/forecast.ts';
import type { ForecastFacts } from './plan-summary.ts';

/** Points of the curve: enough to see the bursts of a minute's and an hour's quota. */
const POINTS = 240;

/** The forecast as reports show it: moments on the wall clock, and the curve between them. `nowWallMs` belongs to `input.nowMs`. */
export function forecastFacts(input: ForecastInput, nowWallMs: number): ForecastFacts {
  const wall = (monotonicMs: number) => nowWallMs + monotonicMs - input.nowMs;
  const whole = forecast(input);
  const startsAtMs = wall(whole.nextAtMs ?? input.nowMs);
  const points = Math.min(POINTS, input.calls);
  const curve = [{ atMs: startsAtMs, done: 0 }];
  for (let i = 1; i <= points; i++) {
    const done = Math.ceil((input.calls * i) / points);
    curve.push({ atMs: wall(forecast({ ...input, calls: done }).doneAtMs), done });
  }
  return {
    calls: input.calls,
    startsAtMs,
    endsAtMs: wall(whole.doneAtMs),
    quartersAtMs: whole.quartersAtMs.map(wall),
    curve,
  };
}
