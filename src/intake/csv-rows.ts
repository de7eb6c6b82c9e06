import { type Options, Parser } from 'csv-parse';
import { UsageError } from '../errors.ts';
import { countLineEnds } from './text.ts';

export interface CsvRow {
  /** Line on which the row begins, from 1. */
  line: number;
  cells: string[];
}

export interface CsvFormat {
  delimiter: string;
  /** Whether lines that begin with `#` are nothing, as in a plain list. */
  comments: boolean;
  /** Lines that were taken off before. */
  skippedLines: number;
}

/** Longer than this, a row is an open quote that swallows the file, not a row. */
export const LONGEST_ROW = 1_000_000;

/** So many characters without a row are blank lines or comments that have no end. */
export const QUIET_AT_MOST = 64_000_000;

/** Stray quotes stand for themselves and rows may be of any length, so that one bad row never costs the next one. */
export const LENIENT = { relax_quotes: true, relax_column_count: true, skip_empty_lines: true } as const;

/**
 * Rows of a text whose lines end with `\n`, in batches, one for each piece of text. Throws a UsageError when a quote is never closed: what
 * follows it cannot be told apart.
 */
export async function* csvRows(
  text: AsyncIterable<string>,
  name: string,
  { delimiter, comments, skippedLines }: CsvFormat,
): AsyncGenerator<CsvRow[]> {
  let batch: CsvRow[] = [];
  let lastLine = 0;
  const options: Options = {
    ...LENIENT,
    delimiter,
    ...(comments ? { comment: '#', comment_no_infix: true } : {}),
    max_record_size: LONGEST_ROW,
  };
  const parser = new RowParser(options, (cells, endLine) => {
    const height = endLine === lastLine + 1 ? 0 : cells.reduce((sum, cell) => sum + countLineEnds(cell), 0);
    lastLine = endLine;
    batch.push({ line: skippedLines + endLine - height, cells });
  });
  // The error also comes to the callback of the write that met it.
  parser.on('error', () => {});
  parser.resume();

  /** Rows that were whole before a failure go out before it is thrown, so that it does not matter how the text was cut. */
  async function* step(act: (done: (error?: Error | null) => void) => void): AsyncGenerator<CsvRow[]> {
    const failure = await new Promise<Error | null | undefined>((resolve) => act(resolve));
    const rows = batch;
    batch = [];
    if (rows.length > 0) yield rows;
    if (failure) throw unreadable(failure, name, skippedLines + lastLine);
  }

  let quiet = 0;
  // The parser does not count delimiters, so that a line of nothing else would grow without end.
  let lineLength = 0;
  for await (const piece of text) {
    const lastEnd = piece.lastIndexOf('\n');
    lineLength = lastEnd < 0 ? lineLength + piece.length : piece.length - lastEnd - 1;
    if (lineLength > LONGEST_ROW) throw tooLong(name);
    const before = lastLine;
    yield* step((done) => parser.write(piece, 'utf8', done));
    quiet = lastLine === before ? quiet + piece.length : 0;
    if (quiet > QUIET_AT_MOST) throw endless(name, skippedLines + lastLine);
  }
  yield* step((done) => parser.end(done));
}

/**
 * Hands rows over as they are parsed, while the parser's line count is that of the row; read from the stream, they would come later than it.
 * (Its own `on_record` does the same, but costs a copy of its whole state for each row.)
 */
class RowParser extends Parser {
  readonly #take: (cells: string[], endLine: number) => void;

  constructor(options: Options, take: (cells: string[], endLine: number) => void) {
    super(options);
    this.#take = take;
  }

  override push(row: string[] | null): boolean {
    if (row === null) return super.push(null);
    this.#take(row, this.info.lines);
    return true;
  }
}

/** For a text that goes on without a row. */
export function endless(name: string, lastLine: number): UsageError {
  return new UsageError(
    `${name} holds nothing but blank lines and comments after line ${lastLine}, over ${QUIET_AT_MOST} characters of them: give a list of action IDs that ends`,
  );
}

function tooLong(name: string): UsageError {
  return new UsageError(
    `${name} has a line of over ${LONGEST_ROW} characters: give a list of action IDs, one a line, or a CSV with an ID in each row`,
  );
}

function unreadable(cause: Error, name: string, lastLine: number): UsageError {
  const where = lastLine === 0 ? 'at its beginning' : `after line ${lastLine}`;
  if ('code' in cause && cause.code === 'CSV_MAX_RECORD_SIZE') {
    return new UsageError(
      `${name} has a row of over ${LONGEST_ROW} characters ${where}, or a quote that is never closed: give a list of action IDs, one a line`,
      { cause },
    );
  }
  return new UsageError(
    `${name} has a quote ${where} that is never closed, so the rows that follow cannot be told apart: close it and run again`,
    { cause },
  );
}
