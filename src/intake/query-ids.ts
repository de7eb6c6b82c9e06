import { createHash } from 'node:crypto';
import { type Intake, type IntakeRow, toRow } from './rows.ts';

/**
 * The same rows from the answer to a query, handed in by whoever may ask Defender. Finding nothing is no fault.
 * Bytes and hash are those of the IDs as a plain list (one a line, as they came), since the answer itself is paged.
 */
export function queryIds(actions: AsyncIterable<{ id: string }>): Intake {
  const hash = createHash('sha256');
  let bytes = 0;
  let sha256: string | undefined;

  async function* rows(): AsyncGenerator<IntakeRow> {
    let line = 0;
    for await (const { id } of actions) {
      line += 1;
      const entry = Buffer.from(`${id}\n`, 'utf8');
      hash.update(entry);
      bytes += entry.length;
      yield toRow({ line, id, text: id }, 'the query');
    }
    sha256 = hash.digest('hex');
  }

  return {
    [Symbol.asyncIterator]: rows,
    summary: () => {
      if (sha256 === undefined) throw new Error('the answer was not read to its end');
      return { bytes, sha256 };
    },
    remarks: () => [],
  };
}
