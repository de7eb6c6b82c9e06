/** Code points that must not leave raw, written down once more, so that the program's own table is not tested by itself. */
const RANGES: readonly (readonly [first: number, last: number])[] = [
  [0x00, 0x1f],
  [0x7f, 0x9f],
  [0xad, 0xad],
  [0x61c, 0x61c],
  [0x180e, 0x180e],
  [0x200b, 0x200c],
  [0x200e, 0x200f],
  [0x2028, 0x202e],
  [0x2060, 0x206f],
  [0x2800, 0x2800],
  [0x3164, 0x3164],
  [0xd800, 0xdfff],
  [0xfeff, 0xfeff],
  [0xfff9, 0xfffb],
  [0xe0001, 0xe007f],
  [0xe0100, 0xe01ef],
];

/** Where in the text each dangerous character stands; `allowed` are taken out first. */
export function dangerousIn(text: string, allowed: readonly string[] = []): number[] {
  const found: number[] = [];
  let at = 0;
  for (const character of text) {
    const code = character.codePointAt(0) ?? 0;
    if (!allowed.includes(character) && RANGES.some(([first, last]) => code >= first && code <= last)) found.push(at);
    at += character.length;
  }
  return found;
}
