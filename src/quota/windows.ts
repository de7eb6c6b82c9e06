import { flagDuration, parseDuration } from '../duration.ts';
import type { Window } from './quota.ts';

/** Reads a window as `--quota` takes it: `100/1m`, `1500/1h`. Undefined when it is not understood or allows nothing. */
export function parseWindow(text: string): Window | undefined {
  const match = /^\s*(\d{1,9})\s*\/\s*(\S+)\s*$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) return undefined;
  const calls = Number(match[1]);
  const perMs = parseDuration(match[2]);
  return calls > 0 && perMs !== undefined && perMs > 0 ? { calls, perMs } : undefined;
}

/** A window as a flag takes it, `100/1m`, which {@link parseWindow} reads back. */
export function flagWindow({ calls, perMs }: Window): string {
  return `${calls}/${flagDuration(perMs)}`;
}

/**
 * The part of each window that this sender may use: the floor of each cap times `share` (above 0, at most 1), but at
 * least one call.
 */
export function shareOf(windows: readonly Window[], share: number): Window[] {
  if (!(share > 0 && share <= 1)) throw new RangeError(`a quota share is above 0 and at most 1, not ${share}`);
  return windows.map(({ calls, perMs }) => ({ calls: Math.max(1, Math.floor(calls * share)), perMs }));
}
