/** A line that is drawn again and again at the end of the terminal. */
export interface LiveLine {
  draw(): void;
  /** Leaves the cursor at the beginning of an empty line. */
  clear(): void;
}

/**
 * Standard error, of which a process has one: what is said stands above the live line, and a question has the terminal to itself. Nobody else in
 * cli/ writes there while a line may live.
 */
class StderrLine {
  #line: LiveLine | undefined;
  #asides = 0;

  /** Draws the line, and takes it off when disposed of. */
  show(line: LiveLine): Disposable {
    this.#line = line;
    if (this.#asides === 0) line.draw();
    return {
      [Symbol.dispose]: () => {
        this.#line = undefined;
        if (this.#asides === 0) line.clear();
      },
    };
  }

  /** Writes whole lines of text. */
  write(text: string): void {
    const line = this.#asides === 0 ? this.#line : undefined;
    line?.clear();
    process.stderr.write(text);
    line?.draw();
  }

  /** The line is off until the work is done. */
  async aside<T>(work: () => Promise<T>): Promise<T> {
    if (this.#asides++ === 0) this.#line?.clear();
    try {
      return await work();
    } finally {
      if (--this.#asides === 0) this.#line?.draw();
    }
  }
}

export const stderrLine = new StderrLine();
