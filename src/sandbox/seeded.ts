/** Numbers in [0, 1) that are the same for the same seed (the mulberry32 generator). */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A 32-bit seed from a seed and a text or number (FNV-1a), so that one thing's luck does not depend on the order. */
export function seedOf(seed: number, salt: string | number): number {
  let hash = (0x811c9dc5 ^ seed) >>> 0;
  const text = String(salt);
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193) >>> 0;
  return hash;
}

/** `length` hexadecimal digits. */
export function randomHex(random: () => number, length: number): string {
  let digits = '';
  while (digits.length < length) {
    digits += Math.floor(random() * 0x1_0000_0000)
      .toString(16)
      .padStart(8, '0');
  }
  return digits.slice(0, length);
}

/** A GUID of version 4 in lower case. */
export function randomGuid(random: () => number): string {
  const hex = randomHex(random, 32);
  const variant = '89ab'.charAt(Math.floor(random() * 4));
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}

export function pick<T>(random: () => number, from: readonly T[]): T {
  return from[Math.floor(random() * from.length)] as T;
}

/** One of the entries, each as likely as its share of all shares; undefined when there is none. */
export function pickByShare<T extends { share: number }>(random: () => number, from: readonly T[]): T | undefined {
  let left = random() * from.reduce((sum, { share }) => sum + share, 0);
  for (const entry of from) {
    left -= entry.share;
    if (left < 0) return entry;
  }
  return from.at(-1);
}
