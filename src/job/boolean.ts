const TRUE = ['true', '1', 'yes', 'on'];
const FALSE = ['false', '0', 'no', 'off'];

/** What a boolean flag or variable takes, as a message names it. */
export const BOOLEAN_WORDS = 'true, false, 1, 0, yes, no, on or off';

/** The one reading of a boolean, from a flag or a variable, in any case. Undefined for anything else, an empty text too: the caller knows what to name. */
export function parseBoolean(text: string): boolean | undefined {
  const word = text.trim().toLowerCase();
  if (TRUE.includes(word)) return true;
  return FALSE.includes(word) ? false : undefined;
}
