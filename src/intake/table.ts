import { UsageError } from '../errors.ts';
import { isBlank } from './as-written.ts';
import { type CsvRow, csvRows } from './csv-rows.ts';
import { DELIMITERS, firstRows, trimmed } from './layout.ts';
import { readOpening } from './opening.ts';
import { decodeText } from './text.ts';

/** A table for people: longer ones are something else. */
const ROWS_AT_MOST = 10_000;

/**
 * The rows of a CSV with a header, which is the first of them; what holds nothing is left out. Any encoding, delimiter and preamble that a list of
 * action IDs may have. Throws a UsageError for what is no such text, or has more than ten thousand rows.
 */
export async function readTable(bytes: AsyncIterable<Uint8Array>, name: string): Promise<CsvRow[]> {
  const text = decodeText(bytes, name);
  try {
    const { sample, rest, delimiter, skippedLines } = await readOpening(text, name);
    const readings = DELIMITERS.flatMap((each) => firstRows(sample, each, 1));
    const [widest] = readings.sort((one, other) => other.rows[0].length - one.rows[0].length);
    const format = { delimiter: delimiter ?? widest?.delimiter ?? ',', comments: false, skippedLines };
    const table: CsvRow[] = [];
    for await (const batch of csvRows(rest, name, format)) {
      for (const { line, cells } of batch) if (!cells.every(isBlank)) table.push({ line, cells: trimmed(cells) });
      if (table.length > ROWS_AT_MOST) throw new UsageError(`${name} has over ${ROWS_AT_MOST} rows: split it.`);
    }
    return table;
  } finally {
    // However it ends, the file is let go.
    await text.return(undefined);
  }
}
