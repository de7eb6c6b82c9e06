import type { CountermandError } from '../errors.ts';
import type { Output } from '../styled.ts';

/** What stopped the work, line by line: no foreign part of it can begin a line of its own. */
export function sayError(say: (output: Output) => void, { lines }: CountermandError): void {
  for (const [i, line] of lines.entries()) say(`${i === 0 ? 'countermand: ' : ''}${line}\n`);
}
