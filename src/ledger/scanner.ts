import { type Buffer, isAscii, isUtf8 } from 'node:buffer';
import { type AdmitLine, GUID_LENGTH, readAdmitLine } from './fast-admit.ts';
import { CHAIN_KEY, CHAIN_LENGTH, Counter, chainOf, chainOfBytes, decodeLine, TAIL_LENGTH, timeIn } from './line.ts';
import { LineCutter, NEWLINE } from './line-cutter.ts';
import type { LedgerRecord } from './record.ts';
import { InvalidRecord, type OtherVersion, otherVersion, RecordReader, TimeReader } from './record-reader.ts';

const QUOTE = 34;
const BRACE = 125;

const PART_BYTES = 1 << 16;

/** The first line that does not fit, and what is wrong with it. */
export interface ChainFault {
  /** From 1. */
  line: number;
  /** Completes "line 7 …". */
  what: string;
  /** Where its `open` record names another format than ours: a ledger of another version rather than a damaged one. */
  other?: OtherVersion;
}

/** What a scan has seen so far. */
export interface Scanned {
  /** Whole lines that fit the chain. */
  records: number;
  /** Their length in bytes: where a torn tail begins. */
  bytes: number;
  /** The last chain value, empty before the first record. */
  head: string;
  fault: ChainFault | undefined;
  /** Bytes after the last newline. */
  tornBytes: number;
}

/** What becomes of the records of a scan, in order; `atMs` is their `at` in epoch ms. */
export interface Sink {
  apply(record: LedgerRecord, atMs: number): void;
  /** A plain `admit` record, when the sink would rather not have an object made of each. `id` keeps no chunk alive. */
  admitted?(seq: number, atMs: number, id: string, line: number): void;
  /** The chain value of each record, when it is wanted. */
  linked?(seq: number, chain: string): void;
}

/**
 * Bytes in, records out: cuts lines, checks each against the chain and against what a record may say, and stops at the first that does not
 * fit. The chain is computed over bytes, so that two byte sequences which decode to the same text still differ. Synchronous and without any file, so that a
 * test can put ten thousand ledgers through it.
 */
export class Scanner {
  readonly #sink: Sink;
  readonly #cutter = new LineCutter();
  readonly #reader = new RecordReader();
  readonly #times = new TimeReader();
  readonly #found: AdmitLine = { id: 0, line: 0 };
  #records = 0;
  /** The same number, as it stands in the line. */
  readonly #seq = new Counter();
  #bytes = 0;
  #head = '';
  #fault: ChainFault | undefined;
  /** The chain is checked elsewhere: what a line says of it is taken as it stands. */
  #chainIsChecked = false;

  constructor(sink: Sink) {
    this.#sink = sink;
  }

  /** Takes the next bytes. Returns false once a fault was found: the rest need not be read. */
  push(chunk: Uint8Array): boolean {
    if (this.#fault !== undefined) return false;
    const block = this.#cutter.push(chunk);
    if (block !== undefined) this.#block(block);
    if (this.#cutter.tooLong) this.#fail('is longer than any record');
    return this.#fault === undefined;
  }

  /**
   * From here on the chain is not checked, because somebody else does: who goes on from this. What was scanned counts only once they have found
   * the same lines and the same head.
   */
  leaveChain(): { head: string; rest: Uint8Array } {
    this.#chainIsChecked = true;
    return { head: this.#head, rest: this.#cutter.rest };
  }

  get result(): Scanned {
    const tornBytes = this.#fault === undefined ? this.#cutter.restBytes : 0;
    return { records: this.#records, bytes: this.#bytes, head: this.#head, fault: this.#fault, tornBytes };
  }

  /** The bytes after the last newline, as text. */
  get torn(): string {
    return this.#cutter.rest.toString('utf8');
  }

  /** In parts small enough for V8 to make its short-lived strings in the young generation. */
  #block(block: Buffer): void {
    for (let from = 0; from < block.length && this.#fault === undefined; ) {
      const end = from + PART_BYTES;
      const to = end >= block.length ? block.length : lineEnd(block, from, end);
      const part = block.subarray(from, to);
      if (isAscii(part)) this.#asciiLines(part);
      else this.#otherLines(part);
      from = to;
    }
  }

  /** One string for the whole block: an index into it is an index into the bytes. */
  #asciiLines(block: Buffer): void {
    const text = block.toString('latin1');
    const plain = this.#sink.admitted !== undefined;
    let from = 0;
    while (from < text.length && this.#fault === undefined) {
      const to = text.indexOf('\n', from);
      const tail = to - TAIL_LENGTH;
      if (this.#ends(text, from, tail, to) && this.#followsHere(text, from, tail)) {
        const at = timeIn(block, from, this.#seq);
        if (!(plain && this.#tookAdmitLine(block, from, tail, to, at)))
          this.#take(text.slice(from, to), block, from, to, at);
      }
      from = to + 1;
    }
  }

  /** Whether the line was a plain `admit`, of which no object is made. */
  #tookAdmitLine(block: Buffer, from: number, tail: number, to: number, at: number): boolean {
    if (this.#records < 2 || at < 0 || !readAdmitLine(block, at, tail, this.#found)) return false;
    const { id, line } = this.#found;
    const atMs = this.#times.at(block, at);
    if (Number.isNaN(atMs)) return false;
    this.#bytes += to + 1 - from;
    this.#sink.admitted?.(this.#records, atMs, block.toString('latin1', id, id + GUID_LENGTH), line);
    return true;
  }

  #followsHere(text: string, from: number, tail: number): boolean {
    if (!this.#chainIsChecked) return this.#follows(text, from, tail, chainOf(this.#head, text.slice(from, tail)));
    const at = tail + CHAIN_KEY.length;
    this.#count(text.slice(at, at + CHAIN_LENGTH));
    return true;
  }

  #otherLines(block: Buffer): void {
    let from = 0;
    while (from < block.length && this.#fault === undefined) {
      const to = block.indexOf(NEWLINE, from);
      const bytes = block.subarray(from, to);
      const line = bytes.toString('utf8');
      const tail = line.length - TAIL_LENGTH;
      if (this.#ends(line, 0, tail, line.length)) {
        const body = bytes.subarray(0, bytes.length - TAIL_LENGTH);
        if (this.#follows(line, 0, tail, chainOfBytes(this.#head, body))) this.#takeText(line, bytes);
      }
      from = to + 1;
    }
  }

  /** Whether the line of `text` from `from` to `to` has a chain, at `tail`. */
  #ends(text: string, from: number, tail: number, to: number): boolean {
    if (
      tail >= from &&
      text.startsWith(CHAIN_KEY, tail) &&
      text.charCodeAt(to - 2) === QUOTE &&
      text.charCodeAt(to - 1) === BRACE
    )
      return true;
    this.#fail('does not end as a record does', this.#otherVersion(text, from, to));
    return false;
  }

  /** Whether the chain at `tail` is the one that the line must have; if so the line is counted, and is the new head. */
  #follows(text: string, from: number, tail: number, chain: string): boolean {
    if (!text.startsWith(chain, tail + CHAIN_KEY.length)) {
      this.#fail(
        'does not follow from the line before it: the file was edited here or earlier',
        this.#otherVersion(text, from, tail + TAIL_LENGTH),
      );
      return false;
    }
    this.#count(chain);
    return true;
  }

  /** One line more, with this chain value. */
  #count(chain: string): void {
    this.#head = chain;
    this.#records++;
    this.#seq.next();
    this.#sink.linked?.(this.#records, chain);
  }

  /** Another version's first line has a chain value that only that version can check. */
  #otherVersion(text: string, from: number, to: number): OtherVersion | undefined {
    const record = this.#records === 0 ? decodeLine(text.slice(from, to)) : undefined;
    return record === undefined ? undefined : otherVersion(record);
  }

  #takeText(line: string, bytes: Buffer): void {
    if (isUtf8(bytes)) this.#take(line, bytes, 0, bytes.length, timeIn(bytes, 0, this.#seq));
    else this.#refuse('is not a valid record: it is not UTF-8');
  }

  /** Takes a line whose bytes stand in `bytes` from `from` to `to`, and its time at `at`. */
  #take(line: string, bytes: Buffer, from: number, to: number, at: number): void {
    const read = this.#reader.read(line, bytes, from, to, at);
    if (read instanceof InvalidRecord) this.#refuse(read.what, read.other);
    else if (this.#records === 1 && read.kind !== 'open') this.#refuse('is not a record of a ledger');
    else {
      this.#bytes += to + 1 - from;
      this.#sink.apply(read, this.#reader.atMs);
    }
  }

  /** The line that was just counted. */
  #refuse(what: string, other?: OtherVersion): void {
    this.#records--;
    this.#fail(what, other);
  }

  #fail(what: string, other?: OtherVersion): void {
    this.#fault ??= { line: this.#records + 1, what, ...(other === undefined ? {} : { other }) };
  }
}

/** Where the last line ends that ends at or before `end`; when there is none, the first after it. */
function lineEnd(block: Buffer, from: number, end: number): number {
  const last = block.lastIndexOf(NEWLINE, end - 1);
  return (last >= from ? last : block.indexOf(NEWLINE, end)) + 1;
}
