import { distance } from 'fastest-levenshtein';

/** Fewer letters of a name say too little to guess by. */
const MIN_LETTERS = 3;

/** A name without what people write differently: case, hyphens, underscores, blanks. */
export function bareName(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, '');
}

/**
 * The known name that somebody most likely meant: the nearest one within a third of its letters (one letter at least), of equally near ones the
 * first that has all the letters, one left out, doubled or moved being likelier than a wrong one; else the first that begins with what was written. Undefined when it is like none.
 */
export function nearestName(given: string, known: readonly string[]): string | undefined {
  const bare = bareName(given);
  if (bare === '') return undefined;
  let best: { name: string; off: number } | undefined;
  for (const name of known) {
    const slips = slipsBetween(bare, bareName(name));
    const off = slips + (hasWrongLetter(bare, bareName(name)) ? 0.5 : 0);
    if (slips <= slipsIn(bareName(name)) && off < (best?.off ?? Number.POSITIVE_INFINITY)) best = { name, off };
  }
  if (best !== undefined || bare.length < MIN_LETTERS) return best?.name;
  return known.find((name) => bareName(name).startsWith(bare));
}

/** Letters that are wrong, missing or too many; two that changed places are one slip. */
function slipsBetween(given: string, name: string): number {
  const at = [...given].findIndex((letter, index) => letter !== name[index]);
  const swapped = given.slice(0, at) + given.charAt(at + 1) + given.charAt(at) + given.slice(at + 2);
  return swapped === name ? 1 : distance(given, name);
}

/** Whether each has a letter that the other lacks. */
function hasWrongLetter(given: string, name: string): boolean {
  const lacks = (one: string, other: string) => [...one].some((letter) => !other.includes(letter));
  return lacks(given, name) && lacks(name, given);
}

function slipsIn(name: string): number {
  return Math.max(1, Math.floor(name.length / 3));
}
