const UNITS = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const;

/** A hundred years: longer than anything is waited for or looked back at, and no moment beside it falls out of what a Date can hold. */
export const LONGEST_DAYS = 36_500;

/**
 * Reads a duration as people write it in flags and jobs: `90s`, `50m`, `2h`, `7d`, or a bare `0`.
 * Returns milliseconds, or undefined when it is not understood or longer than {@link LONGEST_DAYS}: the caller knows which flag or key to name.
 */
export function parseDuration(text: string): number | undefined {
  const trimmed = text.trim();
  if (trimmed === '0') return 0;
  const match = /^(\d{1,9})([smhd])$/.exec(trimmed);
  const unit = UNITS.find(([letter]) => letter === match?.[2]);
  if (match?.[1] === undefined || unit === undefined) return undefined;
  const ms = Number(match[1]) * unit[1];
  return ms <= LONGEST_DAYS * 86_400_000 ? ms : undefined;
}

/**
 * A duration as a flag takes it, `90s`, which {@link parseDuration} reads back: the largest unit without a remainder;
 * parts of a second are rounded up.
 */
export function flagDuration(ms: number): string {
  const whole = Math.ceil(ms / 1000) * 1000;
  if (whole <= 0) return '0s';
  const [letter, size] = UNITS.find(([, unitMs]) => whole % unitMs === 0) ?? ['s', 1000];
  return `${whole / size}${letter}`;
}

const SPOKEN = { d: 'd', h: 'h', m: 'min', s: 's' } as const;

/**
 * A duration as a person reads it, in its two largest units: `340 ms`, `52 s`, `14 min 3 s`, `6 h 9 min`, `2 d 3 h`.
 * From a second on rounded to the nearest second.
 */
export function describeDuration(ms: number): string {
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  let rest = Math.round(ms / 1000) * 1000;
  const first = UNITS.findIndex(([, size]) => rest >= size);
  const parts: string[] = [];
  for (const [letter, size] of UNITS.slice(first, first + 2)) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0) parts.push(`${count} ${SPOKEN[letter]}`);
  }
  return parts.join(' ');
}
