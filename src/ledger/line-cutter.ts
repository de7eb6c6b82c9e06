import { Buffer } from 'node:buffer';
import { MAX_LINE_BYTES } from './field.ts';

export const NEWLINE = 10;

/** Cuts a stream of bytes into blocks of whole lines, and keeps what follows the last newline for the next chunk. */
export class LineCutter {
  #carry: Uint8Array[] = [];
  #carryBytes = 0;

  /** The whole lines that this chunk completes, newlines included; undefined when it completes none. */
  push(chunk: Uint8Array): Buffer | undefined {
    const end = chunk.lastIndexOf(NEWLINE) + 1;
    let block: Buffer | undefined;
    if (end > 0) {
      const whole = chunk.subarray(0, end);
      block = this.#carryBytes > 0 ? Buffer.concat([...this.#carry, whole]) : asBuffer(whole);
      this.#carry = [];
      this.#carryBytes = 0;
    }
    if (end < chunk.length) {
      // A copy: the caller may use the chunk again.
      this.#carry.push(Uint8Array.from(chunk.subarray(end)));
      this.#carryBytes += chunk.length - end;
    }
    return block;
  }

  /** Bytes after the last newline. */
  get rest(): Buffer {
    return Buffer.concat(this.#carry);
  }

  get restBytes(): number {
    return this.#carryBytes;
  }

  get tooLong(): boolean {
    return this.#carryBytes > MAX_LINE_BYTES;
  }
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
