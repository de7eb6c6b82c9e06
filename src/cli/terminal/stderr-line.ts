import { Writable } from 'node:stream';
import { cleanJson, cleanLine, cleanOwn } from '../../clean.ts';
import { keepAll, type Redact } from '../../redact.ts';
import { type Output, Styled } from '../../styled.ts';
import { Outlet, putTo } from './outlet.ts';

/** A line at the end of the terminal. Disposing of it takes it off. */
export interface LiveLine extends Disposable {
  /** Draws it anew, where it is shown. */
  redraw(): void;
}

const HIDE_CURSOR = '\u001b[?25l';
const SHOW_CURSOR = '\u001b[?25h';
const CLEAR_REST = '\u001b[K';

/**
 * Standard error, of which a process has one: what is said stands above the live line, and a question has the terminal to itself. Nobody else in
 * cli/ writes there. Whatever passes is cleaned and has its secrets taken out here; what cannot be written is lost, and nobody hears of it.
 */
class StderrLine {
  #outlet: Outlet | undefined;
  /** What the live line says. */
  #line: (() => Styled) | undefined;
  #asides = 0;
  #redact: Redact = keepAll;

  /** What takes the secrets out of all that leaves, results included. */
  set redact(redact: Redact) {
    this.#redact = redact;
  }

  /** Shows what `line` says at each drawing, which must be shorter than the terminal is wide. */
  show(line: () => Styled): LiveLine {
    this.#line = line;
    this.#draw();
    return {
      redraw: () => this.#draw(),
      [Symbol.dispose]: () => {
        this.#clear();
        this.#line = undefined;
      },
    };
  }

  /** A sentence for a person, or lines of our own. */
  write(output: Output): void {
    this.#above(this.fit(output));
  }

  /** Control sequences of our own, which show nothing. */
  control(sequences: string): void {
    if (sequences !== '') this.#out.write(sequences);
  }

  /** A line of the JSON log. */
  log(json: string): void {
    this.#above(cleanJson(this.#redact(json)));
  }

  /**
   * What may leave of this: secrets taken out, and cleaned. A string is one line and ends in a line end; one line end before it is ours too
   * and makes an empty line.
   */
  fit(output: Output): string {
    if (output instanceof Styled) return cleanOwn(this.#redact(output.text));
    const [, before = '', line = ''] = /^(\n?)([\s\S]*?)\n?$/.exec(output) ?? [];
    return `${before}${cleanLine(this.#redact(line))}\n`;
  }

  /** For what draws by itself: the line editor, which is handed nothing but cleaned text. */
  stream(): NodeJS.WriteStream {
    return new Drawing((text) => this.#out.write(text)) as unknown as NodeJS.WriteStream;
  }

  /** The line is off until the work is done. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    this.#clear();
    this.#asides++;
    try {
      return await work();
    } finally {
      this.#asides--;
      this.#draw();
    }
  }

  /** Resolves when all is written, or when nobody reads it any more: for the end of the program. */
  async drained(): Promise<void> {
    await this.#outlet?.drained();
  }

  /** Opened when first needed. */
  get #out(): Outlet {
    this.#outlet ??= new Outlet(putTo(2, process.stderr));
    return this.#outlet;
  }

  #above(text: string): void {
    this.#clear();
    this.#out.write(text);
    this.#draw();
  }

  #draw(): void {
    if (this.#line === undefined || this.#asides > 0) return;
    // Over what stands there, so that it does not flicker.
    this.#out.write(`${HIDE_CURSOR}\r${this.fit(this.#line())}${CLEAR_REST}`);
  }

  /** Leaves the cursor at the beginning of an empty line. */
  #clear(): void {
    if (this.#line === undefined || this.#asides > 0) return;
    this.#out.write(`\r${CLEAR_REST}${SHOW_CURSOR}`);
  }
}

/** A terminal to draw on, as libraries want it: a stream that says how wide it is. */
class Drawing extends Writable {
  readonly isTTY = true;
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    super({ decodeStrings: false });
    this.#write = write;
  }

  get columns(): number {
    // A terminal that was never told its size has 0 columns.
    return process.stderr.columns || 80;
  }

  override _write(chunk: string | Buffer, _encoding: BufferEncoding, done: () => void): void {
    this.#write(String(chunk));
    done();
  }
}

export const stderrLine = new StderrLine();
