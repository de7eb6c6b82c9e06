/** Characters of an ISO time, UTC with milliseconds. */
export const ISO_LENGTH = 24;

const DIGIT_0 = 48;
const DIGIT_9 = 57;
const SEQ = bytesOf('{"seq":');
const AT = bytesOf(',"at":"');
const KIND = bytesOf('","kind":"');

/** The ASCII codes of a text. */
export function bytesOf(text: string): Uint8Array {
  return Uint8Array.from(text, (char) => char.charCodeAt(0));
}

/** Whether `wanted` stands at `at`. A loop of our own: a call into V8 or Node takes longer than these few bytes. */
export function standsAt(bytes: Uint8Array, at: number, wanted: Uint8Array): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
  return true;
}

/** A number as its digits, counted up from 0: dividing it anew for each line would cost more than all the rest of a line's beginning. */
export class Counter {
  /** In base ten, as ASCII codes, at the end. */
  readonly #digits = new Uint8Array(16).fill(DIGIT_0);
  #first = this.#digits.length - 1;

  next(): void {
    let at = this.#digits.length - 1;
    for (; this.#digits[at] === DIGIT_9; at--) this.#digits[at] = DIGIT_0;
    this.#digits[at] = (this.#digits[at] ?? 0) + 1;
    if (at < this.#first) this.#first = at;
  }

  /** Where the number ends that stands at `at`; -1 when another one does. */
  endIn(bytes: Uint8Array, at: number): number {
    const { length } = this.#digits;
    for (let i = this.#first; i < length; i++) {
      if (bytes[at + i - this.#first] !== this.#digits[i]) return -1;
    }
    return at + length - this.#first;
  }
}

/**
 * Where the time begins in a line that begins at `from` as the record with this number must, `{"seq":N,"at":"…","kind":"`; -1 when it begins
 * otherwise. Whether a time stands there is left to whoever reads it.
 */
export function timeIn(bytes: Uint8Array, from: number, seq: Counter): number {
  const end = seq.endIn(bytes, from + SEQ.length);
  const at = end + AT.length;
  return end >= 0 && standsAt(bytes, from, SEQ) && standsAt(bytes, end, AT) && standsAt(bytes, at + ISO_LENGTH, KIND)
    ? at
    : -1;
}

/** Where the name of the kind begins that follows the time at `at`. */
export function kindAfter(at: number): number {
  return at + ISO_LENGTH + KIND.length;
}
