/** Characters of a GUID without braces. */
export const GUID_LENGTH = 36;

const GUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const HYPHEN = 45;
/** By the code of a byte: 0 for a lower-case hex digit, 1 for a hyphen, and more than a GUID has bytes for any other. */
const COST = Uint8Array.from({ length: 256 }, (_, code) => {
  if (code === HYPHEN) return 1;
  return /[0-9a-f]/.test(String.fromCharCode(code)) ? 0 : GUID_LENGTH + 1;
});

/** Whether the text is a GUID in lower case, without braces: the one form in which a ledger and a path to Defender hold an ID. */
export function isLowerGuid(text: string): boolean {
  return GUID.test(text);
}

/** Whether the bytes from `from` on are such a GUID: a million of them are read when a large ledger is opened, so without a branch each. */
export function isLowerGuidAt(bytes: Uint8Array, from: number): boolean {
  if (from + GUID_LENGTH > bytes.length) return false;
  let cost = 0;
  for (let at = from; at < from + GUID_LENGTH; at++) cost += COST[bytes[at] as number] as number;
  const hyphens = bytes[from + 8] === HYPHEN && bytes[from + 13] === HYPHEN && bytes[from + 18] === HYPHEN;
  return cost === 4 && hyphens && bytes[from + 23] === HYPHEN;
}
