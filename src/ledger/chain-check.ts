import { type Buffer, isAscii } from 'node:buffer';
import { Worker } from 'node:worker_threads';
import { ownThread } from '../own-files.ts';
import type { ToWorker } from './chain-worker.ts';
import { CHAIN_KEY, chainOf, chainOfBytes, TAIL_LENGTH } from './line.ts';
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
    this.push(rest);
  }

  push(chunk: Uint8Array): void {
    const block = this.#broken ? undefined : this.#cutter.push(chunk);
    if (block === undefined) return;
    if (isAscii(block)) this.#asciiLines(block.toString('latin1'));
    else this.#otherLines(block);
  }

  get result(): Checked {
    return { lines: this.#lines, head: this.#head, broken: this.#broken };
  }

  #asciiLines(text: string): void {
    for (let from = 0; from < text.length && !this.#broken; ) {
      const to = text.indexOf('\n', from);
      const tail = Math.max(from, to - TAIL_LENGTH);
      this.#take(text, tail, chainOf(this.#head, text.slice(from, tail)));
      from = to + 1;
    }
  }

  #otherLines(block: Buffer): void {
    for (let from = 0; from < block.length && !this.#broken; ) {
      const to = block.indexOf(NEWLINE, from);
      const tail = Math.max(from, to - TAIL_LENGTH);
      this.#take(block.toString('latin1', tail, to), 0, chainOfBytes(this.#head, block.subarray(from, tail)));
      from = to + 1;
    }
  }

  #take(text: string, tail: number, chain: string): void {
    if (!text.startsWith(`${CHAIN_KEY}${chain}`, tail)) {
      this.#broken = true;
      return;
    }
    this.#head = chain;
    this.#lines++;
  }
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
