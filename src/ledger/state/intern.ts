/**
 * Makes equal strings one string. Status, type and requestor repeat a million times; names of machines repeat less, so the
 * table stops growing at `limit` entries and hands strings out as they came from there on.
 */
export class Interner {
  readonly #known = new Map<string, string>();
  readonly #limit: number;

  constructor(limit = 20_000) {
    this.#limit = limit;
  }

  intern(text: string): string {
    const known = this.#known.get(text);
    if (known !== undefined) return known;
    if (this.#known.size < this.#limit) this.#known.set(text, text);
    return text;
  }

  internIfAny(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.intern(text);
  }

  internOrNull(text: string | null): string | null {
    return text === null ? null : this.intern(text);
  }
}
