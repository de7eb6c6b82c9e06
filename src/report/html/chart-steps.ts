import { ROUTES } from '../../ledger/record.ts';
import { noCalls } from '../../ledger/state/calls.ts';
import type { Summary } from '../facts/summary.ts';

/** UTC on 24 hours, as everywhere in the reports; with the day where the axis spans more than one. */
export function timeAxis(fromMs: number, toMs: number, isWide: boolean) {
  const days = toMs - fromMs > 36 * 3_600_000;
  const seconds = toMs - fromMs < 5 * 60_000;
  return {
    type: 'utc' as const,
    domain: [new Date(fromMs), new Date(toMs)],
    label: null,
    // Seconds are wide, and none of them is named twice.
    ticks: Math.min(isWide ? 8 : seconds ? 2 : 3, Math.max(1, Math.floor((toMs - fromMs) / 1000))),
    tickFormat: (at: Date) => {
      const text = at.toISOString();
      return days ? `${text.slice(5, 10)} ${text.slice(11, 16)}` : text.slice(11, seconds ? 19 : 16);
    },
  };
}

export function bucketed(minutes: Summary['minutes'], stepMin: number): Summary['minutes'] {
  const stepMs = stepMin * 60_000;
  const steps = new Map<number, Summary['minutes'][number]>();
  for (const minute of minutes) {
    const at = Math.floor(minute.atMs / stepMs) * stepMs;
    const step = steps.get(at) ?? { atMs: at, ...noCalls() };
    steps.set(at, step);
    for (const route of ROUTES) step[route] += minute[route];
  }
  return [...steps.values()];
}

/** A curve of at most some hundred points, its ends kept. */
export function thinned<T>(curve: readonly T[]): T[] {
  const every = Math.ceil(curve.length / 400);
  return curve.filter((_, i) => i % every === 0 || i === curve.length - 1);
}
