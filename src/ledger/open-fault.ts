import { Counter } from './envelope.ts';
import { LONGEST_RECORD } from './limits.ts';
import { encodeLine } from './line.ts';
import type { OpenFields } from './record.ts';
import { Misfit, RecordReader } from './record-reader.ts';

const ANY_TIME = '2026-01-01T00:00:00.000Z';

/** Why an `open` record could not be read back, or would be too long; undefined when neither. It holds a job that people and files have made. */
export function openFault(fields: OpenFields): string | undefined {
  const { line } = encodeLine('', 1, ANY_TIME, 'open', { ...fields, session: 1 });
  if (line.length > LONGEST_RECORD) return `its job is longer than ${LONGEST_RECORD} characters`;
  const first = new Counter();
  first.next();
  const text = line.trimEnd();
  const bytes = Buffer.from(text);
  const read = new RecordReader().read(text, bytes, 0, bytes.length, first);
  return read instanceof Misfit ? `its record ${read.what}` : undefined;
}
