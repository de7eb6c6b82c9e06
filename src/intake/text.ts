import { createHash } from 'node:crypto';
import { UsageError } from '../errors.ts';

/** Counts and hashes the bytes that pass through it, as they come. */
export class ByteTally {
  readonly #hash = createHash('sha256');
  #bytes = 0;
  #sha256: string | undefined;

  async *count(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of source) {
      this.#bytes += chunk.length;
      this.#hash.update(chunk);
      yield chunk;
    }
    this.#sha256 = this.#hash.digest('hex');
  }

  /** Throws an Error before the end of the source was reached. */
  summary(): { bytes: number; sha256: string } {
    if (this.#sha256 === undefined) throw new Error('the source was not read to its end');
    return { bytes: this.#bytes, sha256: this.#sha256 };
  }
}

type Encoding = 'utf-8' | 'utf-16le' | 'utf-16be';

const REPLACEMENT = '\ufffd';
const REPLACEMENT_BYTES: Readonly<Record<Encoding, Buffer>> = {
  'utf-8': Buffer.from([0xef, 0xbf, 0xbd]),
  'utf-16le': Buffer.from([0xfd, 0xff]),
  'utf-16be': Buffer.from([0xff, 0xfd]),
};

/**
 * Bytes to text: UTF-8, or UTF-16 where a byte order mark says so. Every line ends with `\n`, whatever ended it in the
 * file, so that lines can be counted. Throws a UsageError, with the line, for anything that is not text.
 */
export async function* decodeText(source: AsyncIterable<Uint8Array>, name: string): AsyncGenerator<string> {
  let encoding: Encoding | undefined;
  let kept: Buffer = Buffer.alloc(0);
  let line = 1;
  let heldReturn = '';

  function* decode(bytes: Buffer, isEnd: boolean): Generator<string> {
    const { text, fault } = readable(bytes, encoding ?? 'utf-8');
    const joined = heldReturn + text;
    // A return at the end of a chunk may be half of a \r\n.
    heldReturn = !isEnd && joined.endsWith('\r') ? '\r' : '';
    const lines = (heldReturn ? joined.slice(0, -1) : joined).replace(/\r\n?/g, '\n');
    line += countLineEnds(lines);
    // What stands before the fault goes out first, so that it does not matter how the bytes were cut.
    if (lines.length > 0) yield lines;
    if (fault) throw new UsageError(FAULTS[fault](name, encoding ?? 'utf-8', line + heldReturn.length));
  }

  for await (const chunk of source) {
    let bytes =
      kept.length > 0 ? Buffer.concat([kept, chunk]) : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length);
    if (encoding === undefined) {
      if (bytes.length < 4) {
        kept = Buffer.from(bytes);
        continue;
      }
      refuseOtherFile(bytes, name);
      encoding = encodingOf(bytes);
      bytes = bytes.subarray(markLength(bytes));
    }
    const whole = wholeCharacters(bytes, encoding);
    kept = Buffer.from(bytes.subarray(whole));
    if (whole > 0) yield* decode(bytes.subarray(0, whole), false);
  }
  if (encoding === undefined) {
    encoding = encodingOf(kept);
    kept = kept.subarray(markLength(kept));
  }
  yield* decode(kept, true);
}

export function countLineEnds(text: string): number {
  let count = 0;
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1;
  return count;
}

function encodingOf(bytes: Buffer): Encoding {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return 'utf-16le';
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return 'utf-16be';
  return 'utf-8';
}

function markLength(bytes: Buffer): number {
  if (encodingOf(bytes) !== 'utf-8') return 2;
  return bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf ? 3 : 0;
}

/** How many of the bytes make whole characters; the rest waits for the next chunk. */
function wholeCharacters(bytes: Buffer, encoding: Encoding): number {
  if (encoding !== 'utf-8') {
    const even = bytes.length - (bytes.length % 2);
    if (even === 0) return 0;
    const highByte = bytes[even - (encoding === 'utf-16le' ? 1 : 2)] ?? 0;
    const isFirstOfPair = highByte >= 0xd8 && highByte <= 0xdb;
    return isFirstOfPair ? even - 2 : even;
  }
  for (let back = 1; back <= Math.min(3, bytes.length); back += 1) {
    const byte = bytes[bytes.length - back] ?? 0;
    if (byte < 0x80) break;
    if (byte >= 0xc0) {
      const length = byte >= 0xf0 ? 4 : byte >= 0xe0 ? 3 : 2;
      return length > back ? bytes.length - back : bytes.length;
    }
  }
  return bytes.length;
}

type TextFault = 'encoding' | 'zero';

const FAULTS: Readonly<Record<TextFault, (name: string, encoding: Encoding, line: number) => string>> = {
  encoding: (name, encoding, line) =>
    `${name} is not valid ${encoding.toUpperCase()} text in line ${line}: save it as ${encoding === 'utf-8' ? 'UTF-8 (in Excel: "CSV UTF-8")' : 'UTF-8'} and give it again`,
  zero: (name, _, line) =>
    `${name} is not text (a zero byte in line ${line}): give a CSV or text file of action IDs, in UTF-8 or in UTF-16 with a byte order mark`,
};

/** The text up to the first thing that is not text, and what that is. */
function readable(bytes: Buffer, encoding: Encoding): { text: string; fault?: TextFault } {
  let text: string;
  let fault: TextFault | undefined;
  try {
    text = new TextDecoder(encoding, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    text = new TextDecoder(encoding, { ignoreBOM: true }).decode(bytes);
    text = text.slice(0, firstReplaced(text, bytes, encoding));
    fault = 'encoding';
  }
  const zero = text.indexOf('\0');
  if (zero !== -1) return { text: text.slice(0, zero), fault: 'zero' };
  return fault ? { text, fault } : { text };
}

/** Where the decoder put a replacement character; one that stands in the bytes themselves is text. */
function firstReplaced(text: string, bytes: Buffer, encoding: Encoding): number {
  for (let at = text.indexOf(REPLACEMENT); at !== -1; at = text.indexOf(REPLACEMENT, at + 1)) {
    const offset = encoding === 'utf-8' ? Buffer.byteLength(text.slice(0, at), 'utf8') : at * 2;
    const own = REPLACEMENT_BYTES[encoding];
    if (!bytes.subarray(offset, offset + own.length).equals(own)) return at;
  }
  return text.length;
}

/** What is known by its first bytes to be no text; an .xlsx file is a zip archive. The advice for each is its own. */
function refuseOtherFile(bytes: Buffer, name: string): void {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) {
    throw new UsageError(`${name} is compressed (gzip), not text: unpack it with gunzip and give that file`);
  }
  if (bytes.subarray(0, 4).equals(Buffer.from('%PDF'))) {
    throw new UsageError(`${name} is a PDF, not text: get the list itself, as CSV, text or JSON`);
  }
  if (bytes.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) {
    throw new UsageError(
      `${name} is a zip archive or an Excel workbook, not text: save the sheet as CSV and give that file`,
    );
  }
}
