import { ownCopy } from '../own-copy.ts';

const LONE_SURROGATES = /\p{Cs}/gu;

/**
 * The beginning of a text that somebody else chose, at most `most` UTF-16 units of it and none of them half of a character. Where something
 * had to go, the rest of it is not kept alive.
 */
export function cut(text: string, most: number): string {
  if (text.length <= most && text.search(LONE_SURROGATES) < 0) return text;
  const begun = text.slice(0, most);
  const lastCode = begun.charCodeAt(begun.length - 1);
  const isSplit = text.length > most && lastCode >= 0xd800 && lastCode < 0xdc00;
  return ownCopy((isSplit ? begun.slice(0, -1) : begun).replace(LONE_SURROGATES, '\ufffd'));
}
