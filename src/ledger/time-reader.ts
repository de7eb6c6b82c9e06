/** `2026-01-02T03:04:05.` */
const SECOND_LENGTH = 20;
const ISO_LENGTH = 24;
const DIGIT_0 = 48;

/** Reads the `at` of records. They follow each other within the same second by the thousand: only the milliseconds are read anew. */
export class TimeReader {
  #second = '-';
  #secondMs = 0;

  /** Epoch ms of the ISO time, UTC with milliseconds, that stands at `from`. */
  at(text: string, from: number): number {
    if (!text.startsWith(this.#second, from)) {
      const second = text.slice(from, from + SECOND_LENGTH);
      const secondMs = Date.parse(`${second}000Z`);
      if (Number.isNaN(secondMs)) return Date.parse(text.slice(from, from + ISO_LENGTH));
      this.#second = second;
      this.#secondMs = secondMs;
    }
    return this.#secondMs + digit(text, from + 20) * 100 + digit(text, from + 21) * 10 + digit(text, from + 22);
  }
}

function digit(text: string, at: number): number {
  return text.charCodeAt(at) - DIGIT_0;
}
