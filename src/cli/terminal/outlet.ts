import { closeSync, constants, fstatSync, openSync, writeSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty } from 'node:tty';
import { HERE } from '../../platform.ts';

/**
 * Writes so many bytes as there is room for, and returns how many; throws Node's errors, EAGAIN where there is no room just now.
 * Never waits for a reader.
 */
export type Put = (bytes: Uint8Array) => number;

/** What waits for a slow reader; beyond it whole texts are lost. */
const QUEUE_BYTES = 1 << 20;
/** How often a reader that is behind is tried again. */
const RETRY_MS = 20;
/** Whoever has read nothing for so long when the program ends is not waited for. */
const STUCK_MS = 2000;
const NO_ROOM = new Set(['EAGAIN', 'EWOULDBLOCK', 'EBUSY', 'EINTR']);

/**
 * Standard error as a run needs it: writing never throws and never waits. Node's own stream waits in the middle of a write while somebody has
 * halted their terminal (Ctrl-S), and with it waits the renewal of the lock and every call. Here what cannot be written waits in a queue, and what
 * the queue cannot hold, or the disk behind it cannot take, is lost; how many lines that were is written where they are missing.
 */
export class Outlet {
  readonly #put: Put;
  #queue: Waiting[] = [];
  #queuedBytes = 0;
  #lostLines = 0;
  /** Whether what was written last ends in the middle of a line. */
  #midLine = false;
  #timer: NodeJS.Timeout | undefined;

  constructor(put: Put) {
    this.#put = put;
  }

  write(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    const lines = linesIn(bytes);
    if (bytes.length === 0) return;
    if (this.#queuedBytes + bytes.length > QUEUE_BYTES) {
      this.#lostLines += lines;
      return;
    }
    this.#markLoss();
    this.#push(bytes, lines);
    if (this.#timer === undefined) this.#drain();
  }

  /** Resolves when all is written, or when nobody reads it any more. */
  async drained(): Promise<void> {
    let left = Number.POSITIVE_INFINITY;
    for (let waitedMs = 0; this.#queuedBytes > 0 && waitedMs < STUCK_MS; waitedMs += RETRY_MS) {
      await sleep(RETRY_MS);
      this.#drain();
      if (this.#queuedBytes < left) waitedMs = 0;
      left = this.#queuedBytes;
      if (left === 0) this.#markLoss();
    }
    clearTimeout(this.#timer);
  }

  /** Says where lines are missing. */
  #markLoss(): void {
    if (this.#lostLines === 0) return;
    const missing = this.#lostLines === 1 ? '1 line is' : `${this.#lostLines} lines are`;
    const text = `${this.#midLine ? '\n' : ''}countermand: ${missing} missing here: they could not be written\n`;
    // Lost as well, it stands for those it counts.
    this.#push(Buffer.from(text, 'utf8'), this.#lostLines);
    this.#lostLines = 0;
  }

  #push(bytes: Uint8Array, lines: number): void {
    this.#queue.push({ bytes, lines });
    this.#queuedBytes += bytes.length;
  }

  #drain(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (let [head] = this.#queue; head !== undefined; [head] = this.#queue) {
      try {
        this.#took(head, this.#put(head.bytes));
      } catch (error) {
        if (NO_ROOM.has(codeOf(error))) this.#timer = setTimeout(() => this.#drain(), RETRY_MS).unref();
        else this.#loseAll();
        return;
      }
    }
  }

  #took(head: Waiting, written: number): void {
    this.#queuedBytes -= written;
    if (written > 0) this.#midLine = head.bytes[written - 1] !== LINE_END;
    if (written >= head.bytes.length) this.#queue.shift();
    else head.bytes = head.bytes.subarray(written);
  }

  #loseAll(): void {
    for (const { lines } of this.#queue) this.#lostLines += lines;
    this.#queue = [];
    this.#queuedBytes = 0;
  }
}

interface Waiting {
  bytes: Uint8Array;
  /** What is lost with it. */
  lines: number;
}

const LINE_END = 10;

function linesIn(bytes: Uint8Array): number {
  let lines = 0;
  for (const byte of bytes) if (byte === LINE_END) lines++;
  return lines;
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

/** Writes to a file descriptor without waiting, wherever the system lets us. */
export function putTo(fd: 1 | 2, stream: NodeJS.WriteStream): Put {
  // Whoever is told of an error here must not be ended by it.
  stream.on('error', () => {});
  if (!HERE.terminalsAreFiles) {
    return (bytes) => {
      stream.write(bytes);
      return bytes.length;
    };
  }
  // Node has made pipes and sockets non-blocking by now, but not a terminal: that is opened once more, for us alone.
  const own = stream.isTTY === true ? openTerminal(fd) : fd;
  return (bytes) => writeSync(own, bytes);
}

function openTerminal(fd: number): number {
  try {
    const own = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK | constants.O_NOCTTY);
    if (fstatSync(own).isCharacterDevice()) return own;
  } catch {
    // Without /proc, or somebody else's terminal (su): written to as it is.
  }
  return fd;
}

/**
 * To be called at the beginning of the process; what it returns, at its very end. Node sets the terminals back then that it was begun with, and aborts
 * (with a core dump, and not the exit code) where one was closed meanwhile. Nobody is behind such a descriptor: closed, it is passed over.
 */
export function terminalsBegunWith(): () => void {
  const begunWith = HERE.terminalsAreFiles ? [0, 1, 2].filter((fd) => isatty(fd)) : [];
  return () => {
    for (const fd of begunWith) {
      if (isatty(fd)) continue;
      try {
        closeSync(fd);
      } catch {
        // Somebody has closed it before.
      }
    }
  };
}
