import { createHash } from 'node:crypto';
import { MAX_REJECT_TEXT } from '../ledger/field.ts';
import { cut } from '../ledger/line.ts';
import { parseActionId } from './action-id.ts';
import type { Intake, IntakeRow } from './rows.ts';

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
    for await (const action of actions) {
      line += 1;
      const entry = Buffer.from(`${action.id}\n`, 'utf8');
      hash.update(entry);
      bytes += entry.length;
      const id = parseActionId(action.id);
      if (id === undefined) {
        yield { kind: 'reject', line, reason: 'not-an-id', text: cut(action.id, MAX_REJECT_TEXT) };
      } else yield { kind: 'id', id, line };
    }
    sha256 = hash.digest('hex');
  }

  return {
    [Symbol.asyncIterator]: rows,
    summary: () => {
      if (sha256 === undefined) throw new Error('the answer was not read to its end');
      return { bytes, sha256 };
    },
  };
}
