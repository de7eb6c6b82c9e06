import { describeDuration } from '../../duration.ts';
import type { WindowLeft } from '../../quota/quota.ts';
import type { Finding } from '../check-findings.ts';

/** What the ledgers of a folder leave of each window. `nowMs` is monotonic, as the moments of the windows. */
export function quotaFindings(windows: readonly WindowLeft[], folder: string, nowMs: number): Finding[] {
  return windows.map(({ calls, perMs, left, freeAtMs }) => {
    const per = `${calls} calls in ${describeDuration(perMs)}`;
    if (left > 0) return { level: 'ok', topic: 'quota', text: `${left} of ${per} left, by the ledgers in ${folder}` };
    const next = freeAtMs[0];
    const when = next === undefined ? 'later' : `in ${describeDuration(Math.max(1000, next - nowMs))}`;
    const text = `none of ${per} is left, by the ledgers in ${folder}; a run would begin ${when}, by itself`;
    return { level: 'warning', topic: 'quota', text };
  });
}
