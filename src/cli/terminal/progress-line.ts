import { cleanLine } from '../../clean.ts';
import { describeDuration } from '../../duration.ts';
import type { WindowLeft } from '../../quota/quota.ts';

export interface ProgressFacts {
  /** What is being done, where it is not the cancelling itself. */
  doing: string | undefined;
  done: number;
  total: number;
  /** Accepted, and their end not seen yet. */
  confirming: number;
  /** Counts above 0 by outcome. */
  outcomes: Record<string, number>;
  windows: readonly WindowLeft[];
  /** While the gate is closed. */
  pausedForMs: number | undefined;
  pauseReason: 'throttled' | 'out-of-reach' | undefined;
  etaMs: number | undefined;
}

export interface LineStyle {
  columns: number;
  /** Draws the bar so wide. */
  bar(width: number): string;
  /** Undefined without colour. */
  paint: { dim(text: string): string; yellow(text: string): string; bold(text: string): string } | undefined;
}

export const WIDEST_BAR = 20;
const NARROW_BAR = 8;
/** Columns from which on the bar is wide and the windows are named. */
const WIDE = 100;
const PAUSES = { throttled: 'Defender asks to wait', 'out-of-reach': 'Defender is out of reach' } as const;

/**
 * One line that never wraps: bar, done / total, what is being waited for or when it will be done, calls left in each window, and the
 * outcomes so far. What does not fit is left out from the end.
 */
export function progressLine(facts: ProgressFacts, { columns, bar, paint }: LineStyle): string {
  const { doing, done, total, confirming, outcomes, windows, pausedForMs, pauseReason, etaMs } = facts;
  const width = columns < WIDE ? NARROW_BAR : WIDEST_BAR;
  const parts: { text: string; tone: 'dim' | 'yellow' | 'bold' | undefined }[] = [
    { text: `${doing === undefined ? '' : `${doing} `}${done}/${total}`, tone: 'bold' },
  ];
  if (pausedForMs !== undefined && pauseReason !== undefined) {
    parts.push({ text: `${PAUSES[pauseReason]}, ${Math.ceil(pausedForMs / 1000)} s`, tone: 'yellow' });
  } else if (etaMs !== undefined) {
    parts.push({ text: `${describeDuration(Math.max(1000, Math.ceil(etaMs / 1000) * 1000))} left`, tone: undefined });
  }
  const quota = windows.map(({ left, calls, perMs }) =>
    columns < WIDE ? `${left}/${calls}` : `${left}/${calls} in ${describeDuration(perMs)}`,
  );
  parts.push({ text: `calls left ${quota.join(', ')}`, tone: 'dim' });
  if (confirming > 0) parts.push({ text: `confirming ${confirming}`, tone: undefined });
  for (const [name, n] of Object.entries(outcomes)) parts.push({ text: `${name} ${n}`, tone: undefined });

  let line = '';
  // One column stays free: a full line makes some terminals wrap.
  let room = columns - 1 - width;
  for (const { text: given, tone } of parts) {
    const text = cleanLine(given);
    if (text.length + 2 > room) break;
    room -= text.length + 2;
    line += `  ${tone === undefined || paint === undefined ? text : paint[tone](text)}`;
  }
  return bar(width) + line;
}
