import { MAX_RECORD } from './field.ts';
import { Counter, encodeLine, timeIn } from './line.ts';
import { LineCutter } from './line-cutter.ts';
import type { OpenFields } from './record.ts';
import { InvalidRecord, RecordReader } from './record-reader.ts';

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

const ANY_TIME = '2026-01-01T00:00:00.000Z';

/** Why an `open` record could not be read back, or would be too long; undefined when neither. It holds a job that people and files have made. */
export function openFault(fields: OpenFields): string | undefined {
  const { line } = encodeLine('', 1, ANY_TIME, 'open', { ...fields, session: 1 });
  if (line.length > MAX_RECORD) return `its job is longer than ${MAX_RECORD} characters`;
  const first = new Counter();
  first.next();
  const text = line.trimEnd();
  const bytes = Buffer.from(text);
  const read = new RecordReader().read(text, bytes, 0, bytes.length, timeIn(bytes, 0, first));
  return read instanceof InvalidRecord ? `its record ${read.what}` : undefined;
}
