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
  #second = '-';
  #secondMs = 0;

  /** Epoch ms of the ISO time, UTC with milliseconds, that stands at `from`; NaN when none does. */
  at(text: string, from: number): number {
    if (!text.startsWith(this.#second, from) && !this.#readSecond(text.slice(from, from + SECOND_LENGTH)))
      return Number.NaN;
    if (text.charCodeAt(from + 23) !== ZONE) return Number.NaN;
    return this.#secondMs + digit(text, from + 20) * 100 + digit(text, from + 21) * 10 + digit(text, from + 22);
  }

  #readSecond(second: string): boolean {
    const ms = SECOND.test(second) ? Date.parse(`${second}000Z`) : Number.NaN;
    const day = Number(second.slice(8, 10));
    if (Number.isNaN(ms) || (day > SAFE_DAYS && new Date(ms).getUTCDate() !== day)) return false;
    this.#second = second;
    this.#secondMs = ms;
    return true;
  }
}

function digit(text: string, at: number): number {
  const code = text.charCodeAt(at);
  return code >= DIGIT_0 && code <= DIGIT_9 ? code - DIGIT_0 : Number.NaN;
}
