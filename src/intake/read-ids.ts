import { UsageError } from '../errors.ts';
import { holdsGuid, isDeviceId } from './as-written.ts';
import { looksLikeJson, readOpening } from './opening.ts';
import { isPrintedObject, printed, refusePrinted } from './printed.ts';
import type { Intake, IntakeRow } from './rows.ts';
import { tableRows } from './table-rows.ts';
import { ByteTally, decodeText } from './text.ts';

/** So many rows without an ID, and ten times as many as with one, are no list of action IDs but another file. */
const INVALID_AT_MOST = 10_000;
const INVALID_PER_ID = 10;

export interface ReadOptions {
  /** What messages call the source: its path, or `stdin`. */
  name: string;
  /** The column or field that holds the IDs: its name, or a column's number from 1. @default found by its name */
  column?: string | undefined;
}

/** The rows of a text in one of its forms, in batches that are read as they are gone through, and what messages say of it. */
export interface Reader {
  rows: AsyncIterable<Iterable<IntakeRow>>;
  /** Where its IDs stand, as part of "holds not a single action ID …". */
  where: string;
  /** For a source that holds no row at all. */
  empty: string;
}

/**
 * Reads action IDs from a CSV, a plain list or JSON, as a stream: memory does not grow with the source. A row that cannot be taken is
 * handed out as rejected, and reading goes on. Iterating throws a UsageError when the source as a whole cannot be
 * taken: not text, no column of IDs, a quote that swallows rows, JSON that is cut, not a single ID, or ten thousand rows that are none.
 */
export function readIds(source: AsyncIterable<Uint8Array>, options: ReadOptions): Intake {
  const tally = new ByteTally();
  const remarks: string[] = [];
  return {
    [Symbol.asyncIterator]: () => rowsOf(tally.count(source), options, remarks),
    summary: () => tally.summary(),
    remarks: () => remarks,
  };
}

async function* rowsOf(
  source: AsyncIterable<Uint8Array>,
  options: ReadOptions,
  remarks: string[],
): AsyncGenerator<IntakeRow> {
  const text = decodeText(source, options.name);
  try {
    yield* countedRows(await readerOf(text, options, remarks), options.name);
  } finally {
    // However it ends, the source is let go.
    await text.return(undefined);
  }
}

async function readerOf(text: AsyncIterable<string>, options: ReadOptions, remarks: string[]): Promise<Reader> {
  const { name } = options;
  const opening = await readOpening(text, name);
  if (opening.sample === '') throw new UsageError(`${name} is empty: give a list of action IDs, one a line`);
  if (looksLikeJson(opening.sample)) {
    const { jsonRows } = await import('./json-rows.ts');
    return jsonRows(opening, options, remarks);
  }
  refusePage(opening.sample, name);
  refusePrinted(opening.sample, name);
  return await tableRows(opening, options, remarks);
}

async function* countedRows({ rows, where, empty }: Reader, name: string): AsyncGenerator<IntakeRow> {
  let ids = 0;
  let deviceIds = 0;
  let others = 0;
  /** The first line with a GUID and something else beside it. */
  let mixedLine: number | undefined;
  for await (const batch of rows) {
    for (const row of batch) {
      if (row.kind === 'id') ids += 1;
      else if (isDeviceId(row.text)) deviceIds += 1;
      else if (isPrintedObject(row.text)) throw printed(name, row.line);
      else {
        others += 1;
        if (mixedLine === undefined && holdsGuid(row.text)) mixedLine = row.line;
      }
      yield row;
      const invalid = deviceIds + others;
      if (row.kind === 'id' || invalid < INVALID_AT_MOST || invalid <= INVALID_PER_ID * ids) continue;
      throw new UsageError(
        ids === 0
          ? withoutIds(`${name}, read to line ${row.line},`, { deviceIds, others, mixedLine, where })
          : `${name} is not a list of action IDs: of the rows up to line ${row.line}, ${invalid} hold none and ${ids} hold one; check the file and the column`,
      );
    }
  }
  if (ids > 0) return;
  throw new UsageError(
    deviceIds + others === 0 ? `${name} ${empty}` : withoutIds(name, { deviceIds, others, mixedLine, where }),
  );
}

const PAGE = /^\s*<(?:!doctype\s+html|html|head|body)\b/i;

/** Throws a UsageError for a page that was saved in the place of a list. A GUID on a line of its own in it may be anything's. */
function refusePage(sample: string, name: string): void {
  const isXml = /^\s*<\?xml\b/i.test(sample);
  if (!isXml && !PAGE.test(sample)) return;
  const what = isXml ? 'XML' : 'an HTML page, as of a sign-in or an error,';
  throw new UsageError(`${name} is ${what} and no list of action IDs: get the list itself, as CSV, text or JSON`);
}

interface NoIds extends Pick<Reader, 'where'> {
  deviceIds: number;
  others: number;
  mixedLine: number | undefined;
}

function withoutIds(name: string, { deviceIds, others, mixedLine, where }: NoIds): string {
  if (deviceIds > 0 && deviceIds >= others) {
    return `${name} holds device IDs (forty hex digits), not action IDs: give the IDs of the machine actions, which are GUIDs`;
  }
  if (mixedLine !== undefined) {
    return `${name} holds not a single action ID${where}, but a GUID among other text in line ${mixedLine}: write the action IDs alone, one a line`;
  }
  return `${name} holds not a single action ID${where}: an action ID is a GUID such as 5382f7ea-7557-4ab7-9782-d50480024a4e`;
}
