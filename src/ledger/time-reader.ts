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
    const [hundreds, tens, ones] = [text.charCodeAt(from + 20), text.charCodeAt(from + 21), text.charCodeAt(from + 22)];
    return this.#secondMs + (hundreds - DIGIT_0) * 100 + (tens - DIGIT_0) * 10 + (ones - DIGIT_0);
  }
}
