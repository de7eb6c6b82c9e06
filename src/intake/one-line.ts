import { replaceHostile } from '../clean.ts';

/** What a file holds, made fit for a message: line ends and control characters, which could drive a terminal, become spaces. */
export function oneLine(text: string, length: number): string {
  const flat = replaceHostile(text, () => ' ')
    .replace(/ +/g, ' ')
    .trim();
  return flat.length > length ? `${flat.slice(0, length)}…` : flat;
}
