import type { Buffer } from 'node:buffer';
import { hash } from 'node:crypto';
import { Worker } from 'node:worker_threads';
import { ownThread } from '../own-files.ts';
import type { ToWorker } from './chain-worker.ts';
import { bytesOf, CHAIN_KEY, CHAIN_LENGTH, chainOfBytes, isTextAt, standsAt, TAIL_LENGTH } from './line.ts';
import { LineCutter, NEWLINE } from './line-cutter.ts';

export interface Checked {
  /** Whole lines whose chain follows from the line before, up to the first that does not. */
  lines: number;
  /** The last chain value of those. */
  head: string;
  /** Whether a line did not follow. */
  broken: boolean;
}

/** Checks the chain of a ledger's bytes and nothing else of them, from where a scan has left it. */
export class ChainCheck {
  readonly #cutter = new LineCutter();
  #head: string;
  #lines = 0;
  #broken = false;

  /** `head` is the last chain value before these bytes, `rest` the beginning of a line that was not whole yet. */
  constructor({ head, rest }: { head: string; rest: Uint8Array }) {
    this.#head = head;
    this.push(Uint8Array.from(rest));
  }

  /** Takes the next bytes for its own: they are written over. */
  push(chunk: Uint8Array): void {
    const block = this.#broken ? undefined : this.#cutter.push(chunk);
    if (block === undefined) return;
    for (let from = 0; from < block.length && !this.#broken; ) {
      const to = block.indexOf(NEWLINE, from);
      this.#take(block, from, to);
      from = to + 1;
    }
  }

  get result(): Checked {
    return { lines: this.#lines, head: this.#head, broken: this.#broken };
  }

  /** The line from `from` to the newline at `to`. */
  #take(block: Buffer, from: number, to: number): void {
    const tail = to - TAIL_LENGTH;
    this.#broken = tail < from || !standsAt(block, tail, KEY) || !standsAt(block, to - END.length, END);
    if (this.#broken) return;
    const isFirst = from === 0;
    const chain = isFirst ? chainOfBytes(this.#head, block.subarray(0, tail)) : chainBehind(block, from, tail);
    this.#broken = !isTextAt(block, tail + KEY.length, chain);
    if (this.#broken) return;
    this.#head = chain;
    this.#lines++;
  }
}

const KEY = bytesOf(CHAIN_KEY);
const END = bytesOf('"}');

/** What follows a line's chain value, with the newline. */
const BEHIND_CHAIN = END.length + 1;

/**
 * The chain value of a line behind another one, whose own value stands just before it but for a few bytes: moved up to it, over what nobody needs any
 * more, both are one piece to hash, and no text is made of them.
 */
function chainBehind(block: Buffer, from: number, tail: number): string {
  const before = from - CHAIN_LENGTH;
  block.copyWithin(before, before - BEHIND_CHAIN, from - BEHIND_CHAIN);
  return hash('sha256', block.subarray(before, tail), 'hex').slice(0, CHAIN_LENGTH);
}

/** The chain of a large ledger is checked in a thread of its own: a quarter of the time that its opening takes on one core. */
export interface ChainBeside extends AsyncDisposable {
  /** Takes a copy of the next bytes. */
  push(chunk: Uint8Array): void;
  /** What was found once all bytes are through; undefined where there could be no thread, or it failed. */
  end(): Promise<Checked | undefined>;
}

/** Goes on from where a scan has left the chain. Starts nothing that keeps the process alive. */
export function checkChainBeside(from: { head: string; rest: Uint8Array }): ChainBeside {
  const [code, options] = ownThread(new URL('./chain-worker.js', import.meta.url));
  const worker = new Worker(code, { ...options, workerData: from });
  worker.unref();
  let failed = false;
  let tell: (found: Checked | undefined) => void = () => undefined;
  const answered = new Promise<Checked | undefined>((resolve) => {
    tell = resolve;
  });
  worker.once('message', (found: Checked) => tell(found));
  worker.once('error', () => {
    failed = true;
    tell(undefined);
  });
  const post = (message: ToWorker) => {
    if (failed) return;
    if (message === 'end') worker.postMessage(message);
    else worker.postMessage(message, [message.buffer as ArrayBuffer]);
  };
  return {
    push: (chunk) => post(new Uint8Array(chunk)),
    end: () => {
      // Whoever waits for it keeps the process alive.
      worker.ref();
      post('end');
      return answered;
    },
    [Symbol.asyncDispose]: async () => {
      await worker.terminate();
    },
  };
}
