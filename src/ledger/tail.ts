import { LineCutter } from './line-cutter.ts';

/** Some hundred records: more than any `close` takes, and more than what mostly follows the last reply. */
const TAIL_BYTES = 65_536;

export interface Tail {
  /** The last whole lines, in their order. */
  lines: string[];
  /** The last line has no newline. */
  isTorn: boolean;
  /** Nothing stands before these lines. */
  isWhole: boolean;
}

/** The end of a file of lines, which is read from an offset on. */
export async function readTail(size: number, readFrom: (offset: number) => AsyncIterable<Uint8Array>): Promise<Tail> {
  const offset = Math.max(0, size - TAIL_BYTES);
  const cutter = new LineCutter();
  let text = '';
  for await (const chunk of readFrom(offset)) text += cutter.push(chunk)?.toString('utf8') ?? '';
  const lines = text.split('\n').slice(0, -1);
  // It begins somewhere in a line.
  return { lines: offset === 0 ? lines : lines.slice(1), isTorn: cutter.restBytes > 0, isWhole: offset === 0 };
}
