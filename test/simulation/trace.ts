/** Lines kept where only the end of a run is wanted. */
const KEPT = 60;

/** What happened in a world, in order. All of it goes into the digest, by which two runs of a seed are compared. */
export class Trace {
  readonly #lines: string[] = [];
  readonly #all: boolean;
  readonly #now: () => number;
  #low = 0x811c9dc5;
  #high = 0x01234567;
  count = 0;

  constructor(all: boolean, now: () => number) {
    this.#all = all;
    this.#now = now;
  }

  add(text: string): void {
    const line = `${(this.#now() / 1000).toFixed(3).padStart(11)} ${text}`;
    this.count++;
    for (let i = 0; i < line.length; i++) {
      const code = line.charCodeAt(i);
      this.#low = Math.imul(this.#low ^ code, 0x01000193);
      this.#high = Math.imul(this.#high + code, 0x85ebca6b) ^ (this.#high >>> 13);
    }
    this.#lines.push(line);
    if (!this.#all && this.#lines.length > KEPT * 2) this.#lines.splice(0, KEPT);
  }

  get digest(): string {
    const hex = (n: number) => (n >>> 0).toString(16).padStart(8, '0');
    return `${hex(this.#low)}${hex(this.#high)}-${this.count}`;
  }

  get lines(): readonly string[] {
    return this.#all ? this.#lines : this.#lines.slice(-KEPT);
  }
}
