import { describeDuration } from '../duration.ts';

/** Numbers and times as every report writes them: English, UTC, the same on every machine. */

/** Of a whole number. `Intl` says the same, and takes longer to load than a command may take to begin. */
export function formatCount(n: number): string {
  return String(n).replace(/\B(?=(?:\d{3})+$)/g, ',');
}

/** `1 action`, `2 actions`. */
export function plural(n: number, one: string, many = `${one}s`): string {
  return `${formatCount(n)} ${n === 1 ? one : many}`;
}

/** `2026-11-23 18:27:05 UTC`. */
export function formatTime(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** `2026-11-23 18:27:05 UTC (19:27 CET)`, for a person at a terminal. @default timeZone that of this machine */
export function formatEnd(atMs: number, timeZone?: string): string {
  const clock = new Intl.DateTimeFormat('en-GB', {
    hour: '2-digit',
    minute: '2-digit',
    timeZoneName: 'short',
    ...(timeZone === undefined ? {} : { timeZone }),
  });
  const local = clock.format(atMs);
  return local.endsWith(' UTC') ? formatTime(atMs) : `${formatTime(atMs)} (${local})`;
}

/** `2026-11-23 18:27`, for tables whose head says UTC. */
export function formatMinute(atMs: number): string {
  return new Date(atMs).toISOString().slice(0, 16).replace('T', ' ');
}

/** `94.1 %`; never 100 % or 0 % for what is only nearly so. */
export function formatShare(part: number, whole: number): string {
  if (part === 0) return '0 %';
  if (part === whole) return '100 %';
  const percent = (part / whole) * 100;
  if (percent > 99.9) return '99.9 %';
  if (percent < 0.1) return '<0.1 %';
  return `${percent.toFixed(percent < 10 || percent >= 99 ? 1 : 0)} %`;
}

/** `100 calls in 1 min`. */
export function describeWindow({ calls, perMs }: { calls: number; perMs: number }): string {
  return `${formatCount(calls)} ${calls === 1 ? 'call' : 'calls'} in ${describeDuration(perMs)}`;
}

/** What a text report is written for. */
export interface Terminal {
  columns: number;
  /** ASCII, no colour: a file, a pipe, a CI log, or somebody who asked for it. */
  plain: boolean;
}

/** Why nothing is sent for now, as a person is told. */
export const PAUSE_WORDS = { throttled: 'Defender asks to wait', 'out-of-reach': 'Defender is out of reach' } as const;

/** In place of a blank at which no line is broken. */
const KEPT = '$1\u00A0$2';

/** A number and its unit, which stay on one line. */
const MEASURE = /(\d) (ms|s|min|h|d|%)(?![\w])/g;

/** A name and how many there are of it, in a list of such: `Cancelled 3, Failed 1`. */
const COUNTED = /([a-z]) (\d[\d,]*)(?=[,;] |$)/gi;

/** Lines of at most `columns`, broken at blanks; a longer word (a path, a command's argument) stays whole. */
export function wrap(text: string, columns: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const kept of text.replaceAll(MEASURE, KEPT).replaceAll(COUNTED, KEPT).split(' ')) {
    const word = kept.replaceAll('\u00A0', ' ');
    if (line !== '' && line.length + 1 + word.length > columns) {
      lines.push(line);
      line = word;
    } else {
      line = line === '' ? word : `${line} ${word}`;
    }
  }
  lines.push(line);
  return lines;
}
