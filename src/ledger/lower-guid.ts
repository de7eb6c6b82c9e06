/** Characters of a GUID without braces. */
export const GUID_LENGTH = 36;

const DASHES: ReadonlySet<number> = new Set([8, 13, 18, 23]);
const DASH = 45;
/** 1 for each character code that is a lower-case hex digit. */
const HEX = Uint8Array.from({ length: 128 }, (_, code) => (/[0-9a-f]/.test(String.fromCharCode(code)) ? 1 : 0));
/** What stands at each place of a GUID: 1 a hex digit, 0 a hyphen. */
const SHAPE = Uint8Array.from({ length: GUID_LENGTH }, (_, place) => (DASHES.has(place) ? 0 : 1));

/** Whether the text is a GUID in lower case, without braces: the one form in which a ledger and a path to Defender hold an ID. */
export function isLowerGuid(text: string): boolean {
  return text.length === GUID_LENGTH && isLowerGuidAt(text, 0);
}

/** Whether such a GUID stands at `from`: a million are read when a large ledger is opened, so no string is made of each. */
export function isLowerGuidAt(text: string, from: number): boolean {
  for (let place = 0; place < GUID_LENGTH; place++) {
    const code = text.charCodeAt(from + place);
    if (SHAPE[place] === 1 ? HEX[code] !== 1 : code !== DASH) return false;
  }
  return true;
}
