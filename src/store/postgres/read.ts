import { DiskError, UsageError } from '../../errors.ts';
import type { Database } from './database.ts';
import { type RunRow, runNamed } from './run-functions.ts';

/** About so much is asked for at a time. */
const PART_BYTES = 1 << 20;

const PART = `select lines from countermand.ledger_chunk
  where run = $1 and first_byte >= $2 and first_byte < $3 order by first_byte`;
const CHUNK_OF_BYTE = `select first_byte::float8 as "firstByte" from countermand.ledger_chunk
  where run = $1 and first_byte <= $2 order by first_byte desc limit 1`;

/** The bytes of a run's ledger from `offset` on. Throws a UsageError when there is none of this name. */
export async function* readNamed(database: Database, name: string, offset = 0): AsyncGenerator<Uint8Array> {
  const row = await runNamed(database, name);
  if (row === undefined) throw noLedger(name);
  yield* readRun(database, row, offset);
}

/** As {@link readNamed}; by the run's UUID, since it may be called otherwise meanwhile. What was committed before is there, and perhaps more. */
export async function* readRun(
  database: Database,
  { run, name, bytes }: Pick<RunRow, 'run' | 'name' | 'bytes'>,
  offset = 0,
): AsyncGenerator<Uint8Array> {
  const [chunk] = offset === 0 ? [] : await database.query<{ firstByte: number }>(CHUNK_OF_BYTE, [run, offset]);
  const partAt = async (from: number) => {
    const chunks = await database.bytes(PART, [run, from, from + PART_BYTES]);
    return chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  };
  let at = chunk?.firstByte ?? 0;
  let asked = partAt(at);
  for (;;) {
    const lines = await asked;
    if (lines === undefined || lines.length === 0) break;
    const isLast = at + lines.length >= bytes;
    // The next part comes while this one is worked on. Who stops here never learns what became of it.
    if (!isLast) {
      asked = partAt(at + lines.length);
      asked.catch(() => undefined);
    }
    const isBegun = at < offset;
    if (at + lines.length > offset) yield isBegun ? lines.subarray(offset - at) : lines;
    at += lines.length;
    if (isLast) break;
  }
  if (at < bytes) {
    throw new DiskError(
      `The ledger of the run ${name} ended at byte ${at} of ${bytes}: it was removed while it was read.`,
    );
  }
}

export function noLedger(name: string): UsageError {
  return new UsageError(`There is no ledger ${name}: check the name.`);
}
