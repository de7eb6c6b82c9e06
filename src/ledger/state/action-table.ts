const EMPTY = -1;

const FIRST_SLOTS = 1 << 10;

/**
 * Values by their `id`, in the order of insertion, for a million of them: a hash table whose probes and growth touch only arrays of numbers. A
 * Map visits a string for each of both, and filling it cost more than all the rest of opening a ledger. Nothing is ever removed.
 */
export class ActionTable<T extends { readonly id: string }> implements ReadonlyMap<string, T> {
  readonly #values: T[] = [];
  /** Hash of each value's id, by its place. */
  #hashes = new Int32Array(FIRST_SLOTS >> 1);
  /** Places in the order of their hashes, with open addressing; at most half full. */
  #slots = new Int32Array(FIRST_SLOTS).fill(EMPTY);
  /** IDs come from files that others may have made: an unpredictable start keeps crafted ones from all falling together. */
  readonly #seed = (Math.random() * 2 ** 32) | 0;

  get size(): number {
    return this.#values.length;
  }

  get(id: string): T | undefined {
    const place = this.#slots[this.#slotOf(id, this.#hash(id))] ?? EMPTY;
    return place === EMPTY ? undefined : this.#values[place];
  }

  has(id: string): boolean {
    return this.get(id) !== undefined;
  }

  /** Adds a value unless its ID is there already. Returns whether it was added. */
  add(value: T): boolean {
    const hash = this.#hash(value.id);
    const slot = this.#slotOf(value.id, hash);
    if (this.#slots[slot] !== EMPTY) return false;
    const place = this.#values.push(value) - 1;
    this.#hashes[place] = hash;
    this.#slots[slot] = place;
    if (this.#values.length * 2 >= this.#slots.length) this.#grow();
    return true;
  }

  values(): ArrayIterator<T> {
    return this.#values.values();
  }

  keys(): ArrayIterator<string> {
    return this.#values.map(({ id }) => id).values();
  }

  entries(): ArrayIterator<[string, T]> {
    return this.#values.map((value): [string, T] => [value.id, value]).values();
  }

  [Symbol.iterator](): ArrayIterator<[string, T]> {
    return this.entries();
  }

  forEach(visit: (value: T, id: string, map: ReadonlyMap<string, T>) => void): void {
    for (const value of this.#values) visit(value, value.id, this);
  }

  /** The slot that holds the ID, or the empty one where it belongs. */
  #slotOf(id: string, hash: number): number {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    for (let place = this.#slots[slot]; place !== EMPTY && place !== undefined; place = this.#slots[slot]) {
      if (this.#hashes[place] === hash && this.#values[place]?.id === id) return slot;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #grow(): void {
    const slots = new Int32Array(this.#slots.length * 2).fill(EMPTY);
    const hashes = new Int32Array(slots.length >> 1);
    hashes.set(this.#hashes);
    const mask = slots.length - 1;
    for (let place = 0; place < this.#values.length; place++) {
      let slot = (hashes[place] ?? 0) & mask;
      while (slots[slot] !== EMPTY) slot = (slot + 1) & mask;
      slots[slot] = place;
    }
    this.#slots = slots;
    this.#hashes = hashes;
  }

  /** FNV-1a over the characters, its bits then mixed, since only the low ones choose a slot. */
  #hash(id: string): number {
    let hash = this.#seed;
    for (let i = 0; i < id.length; i++) hash = Math.imul(hash ^ id.charCodeAt(i), 0x01000193);
    hash = Math.imul(hash ^ (hash >>> 16), 0x45d9f3b);
    return hash ^ (hash >>> 15);
  }
}

const LENGTHS = 64;

/**
 * Makes equal strings one string. Status, type and requestor repeat a million times; names of machines repeat less, so the
 * table stops growing at `limit` entries and hands strings out as they came from there on.
 */
export class Interner {
  readonly #known = new Map<string, string>();
  /** The last text of each length: what repeats from one record to the next is found without a hash of it. */
  readonly #last: (string | undefined)[] = new Array(LENGTHS);
  readonly #limit: number;

  constructor(limit = 20_000) {
    this.#limit = limit;
  }

  intern(text: string): string {
    const place = text.length % LENGTHS;
    const last = this.#last[place];
    if (last === text) return last;
    let known = this.#known.get(text);
    if (known === undefined) {
      known = text;
      if (this.#known.size < this.#limit) this.#known.set(text, text);
    }
    this.#last[place] = known;
    return known;
  }

  internIfAny(text: string | undefined): string | undefined {
    return text === undefined ? undefined : this.intern(text);
  }

  internOrNull(text: string | null): string | null {
    return text === null ? null : this.intern(text);
  }
}
