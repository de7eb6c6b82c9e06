/** Different in its first and last digits, as random ones are. */
export function idOf(i) {
  const hash = Math.imul(i + 1, 0x9e3779b1) >>> 0;
  return `${hash.toString(16).padStart(8, '0')}-0000-4000-8000-${i.toString(16).padStart(12, '0')}`;
}
