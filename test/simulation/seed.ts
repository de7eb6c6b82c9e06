/** Numbers that follow from a seed alone. Each use has a stream of its own, so that leaving one fault out does not shift the others. */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #d = 1;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    this.#a = hashOf(name, 0x9e3779b9);
    this.#b = hashOf(name, 0x243f6a88);
    this.#c = hashOf(name, 0xb7e15162);
    for (let i = 0; i < 12; i++) this.next();
  }

  /** At least 0, below 1. */
  next(): number {
    const sum = (this.#a + this.#b + this.#d) | 0;
    this.#d = (this.#d + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return (sum >>> 0) / 4294967296;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(of: readonly T[]): T {
    const picked = of[this.int(0, of.length - 1)];
    if (picked === undefined) throw new Error('nothing to pick from');
    return picked;
  }

  /** Between `from` and `to`, small values as often as large ones of the same number of digits. */
  spread(from: number, to: number): number {
    return Math.round(from * (to / from) ** this.next());
  }

  uuid(): string {
    const hex = () => this.int(0, 0xffff).toString(16).padStart(4, '0');
    const version = `4${hex().slice(1)}`;
    const variant = `8${hex().slice(1)}`;
    return `${hex()}${hex()}-${hex()}-${version}-${variant}-${hex()}${hex()}${hex()}`;
  }

  fork(name: string): Random {
    return new Random(`${this.#name}/${name}`);
  }
}

function hashOf(text: string, start: number): number {
  let hash = start | 0;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193) ^ (hash >>> 15);
  return hash;
}
