import { ISO_LENGTH } from './envelope.ts';

/** `2026-01-02T03:04:05.` */
const SECOND_LENGTH = 20;
const SECOND = /^\d{4}-\d\d-\d\dT(?:[01]\d|2[0-3]):\d\d:\d\d\.$/;
/** Every month has these days. */
const SAFE_DAYS = 28;
const DIGIT_0 = 48;
const DIGIT_9 = 57;
const ZONE = 90;

/** Reads the `at` of records. They follow each other within the same second by the thousand: only the milliseconds are read again. */
export class TimeReader {
  readonly #second = new Uint8Array(SECOND_LENGTH);
  #secondMs = Number.NaN;

  /** Epoch ms of the ISO time, UTC with milliseconds, that stands at `from`; NaN when none does. */
  at(bytes: Uint8Array, from: number): number {
    if (!this.#isSameSecond(bytes, from)) this.#readSecond(bytes.subarray(from, from + SECOND_LENGTH));
    if (bytes[from + ISO_LENGTH - 1] !== ZONE) return Number.NaN;
    return this.#secondMs + digit(bytes, from + 20) * 100 + digit(bytes, from + 21) * 10 + digit(bytes, from + 22);
  }

  #isSameSecond(bytes: Uint8Array, from: number): boolean {
    // What changes last comes last.
    for (let i = SECOND_LENGTH - 1; i >= 0; i--) if (bytes[from + i] !== this.#second[i]) return false;
    return true;
  }

  #readSecond(second: Uint8Array): void {
    const text = String.fromCharCode(...second);
    const ms = SECOND.test(text) ? Date.parse(`${text}000Z`) : Number.NaN;
    const day = Number(text.slice(8, 10));
    const isDay = day <= SAFE_DAYS || new Date(ms).getUTCDate() === day;
    this.#second.fill(0);
    this.#second.set(second);
    this.#secondMs = isDay ? ms : Number.NaN;
  }
}

function digit(bytes: Uint8Array, at: number): number {
  const code = bytes[at] ?? 0;
  return code >= DIGIT_0 && code <= DIGIT_9 ? code - DIGIT_0 : Number.NaN;
}
