import { Buffer, isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { CHAIN_LENGTH, chainOf, decodeLine, TAIL_LENGTH } from './line.ts';
import type { LedgerRecord } from './record.ts';

const NEWLINE = 10;
/** No record comes near this; what does is no ledger, and must not be gathered in memory. */
const LONGEST_LINE_BYTES = 1 << 26;

/** The first line that does not fit, and what is wrong with it. */
export interface Fault {
  /** From 1. */
  line: number;
  what: string;
}

/** What a scan has seen so far. */
export interface Scanned {
  /** Whole lines that fit the chain. */
  records: number;
  /** Their length in bytes: where a torn tail begins. */
  bytes: number;
  /** The last chain value, empty before the first record. */
  head: string;
  fault: Fault | undefined;
  /** Bytes after the last newline. */
  tornBytes: number;
}

/**
 * Bytes in, records out: cuts lines, checks each against the chain and stops at the first that does not fit. The chain is computed over
 * bytes, so that two byte sequences which decode to the same text still differ. Synchronous and without any file, so that a
 * test can put ten thousand ledgers through it.
 */
export class Scanner {
  readonly #take: (record: LedgerRecord, atMs: number) => void;
  readonly #times = new TimeReader();
  #carry: Uint8Array[] = [];
  #carryBytes = 0;
  #records = 0;
  #bytes = 0;
  #head = '';
  #fault: Fault | undefined;

  /** `take` gets each record that fits, with its `at` in epoch ms, in order. */
  constructor(take: (record: LedgerRecord, atMs: number) => void) {
    this.#take = take;
  }

  /** Takes the next bytes. Returns false once a fault was found: the rest need not be read. */
  push(chunk: Uint8Array): boolean {
    if (this.#fault !== undefined) return false;
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    if (end > 0) {
      const whole = chunk.subarray(0, end);
      this.#lines(this.#carryBytes > 0 ? Buffer.concat([...this.#carry, whole]) : asBuffer(whole));
      this.#carry = [];
      this.#carryBytes = 0;
    }
    if (this.#fault === undefined && end < chunk.length) {
      // A copy: the caller may use the chunk again.
      this.#carry.push(Uint8Array.from(chunk.subarray(end)));
      this.#carryBytes += chunk.length - end;
      if (this.#carryBytes > LONGEST_LINE_BYTES) this.#fail('is longer than any record');
    }
    return this.#fault === undefined;
  }

  get result(): Scanned {
    return {
      records: this.#records,
      bytes: this.#bytes,
      head: this.#head,
      fault: this.#fault,
      tornBytes: this.#carryBytes,
    };
  }

  /** The bytes after the last newline, as text. */
  get torn(): string {
    return Buffer.concat(this.#carry).toString('utf8');
  }

  #lines(block: Buffer): void {
    let from = 0;
    while (from < block.length && this.#fault === undefined) {
      const to = block.indexOf(NEWLINE, from);
      this.#line(block.subarray(from, to));
      from = to + 1;
    }
  }

  #line(bytes: Buffer): void {
    const ascii = isAscii(bytes);
    const line = ascii ? bytes.toString('latin1') : bytes.toString('utf8');
    const tail = line.length - TAIL_LENGTH;
    if (tail < 0 || !line.startsWith(',"chain":"', tail) || !line.endsWith('"}')) {
      this.#fail('does not end as a record does');
      return;
    }
    const chain = ascii
      ? chainOf(this.#head, line.slice(0, tail))
      : createHash('sha256')
          .update(this.#head)
          .update(bytes.subarray(0, bytes.length - TAIL_LENGTH))
          .digest('hex')
          .slice(0, CHAIN_LENGTH);
    if (!line.startsWith(chain, tail + 10)) {
      this.#fail('does not follow from the line before it: it, or a line before it, was changed, lost, added or moved');
      return;
    }
    const record = decodeLine(line);
    if (record === undefined || (this.#records === 0 && record.kind !== 'open')) {
      this.#fail('is not a record of a ledger');
      return;
    }
    this.#head = chain;
    this.#records++;
    this.#bytes += bytes.length + 1;
    this.#take(record, this.#times.ms(record.at));
  }

  #fail(what: string): void {
    this.#fault = { line: this.#records + 1, what };
    this.#carry = [];
    this.#carryBytes = 0;
  }
}

/** Records follow each other within the same second by the thousand: only the milliseconds are read anew. */
class TimeReader {
  #second = '';
  #secondMs = 0;

  ms(at: string): number {
    if (at.length !== 24) return Date.parse(at);
    const second = at.slice(0, 20);
    if (second !== this.#second) {
      this.#second = second;
      this.#secondMs = Date.parse(`${second}000Z`);
    }
    return this.#secondMs + Number(at.slice(20, 23));
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
