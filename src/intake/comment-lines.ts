import { holdsGuid } from './as-written.ts';

/** How many lines were left out because they begin with `#`, and how many of them hold a GUID: an ID that was taken out, or a slip. */
export class CommentLines {
  #lines = 0;
  #withGuid = 0;

  add(line: string): void {
    this.#lines += 1;
    if (holdsGuid(line)) this.#withGuid += 1;
  }

  /** Counts the lines of a plain list as it passes through. Ends of lines are `\n`; where the text is cut does not matter. */
  async *countIn(text: AsyncIterable<string>): AsyncGenerator<string> {
    let cut = '';
    for await (const piece of text) {
      const end = piece.lastIndexOf('\n') + 1;
      if (end > 0) this.#countWhole(cut + piece.slice(0, end));
      cut = end > 0 ? piece.slice(end) : cut + piece;
      yield piece;
    }
    this.#countWhole(cut);
  }

  #countWhole(lines: string): void {
    if (!lines.includes('#')) return;
    for (const [line] of lines.matchAll(/(?:^|\n)#[^\n]*/g)) this.add(line);
  }

  /** What the reader of a list should know of them: of a plain list always, of a table where an ID may be meant. */
  remarks(name: string, { isPlain }: { isPlain: boolean }): string[] {
    if (this.#withGuid === 0 && (!isPlain || this.#lines === 0)) return [];
    const what =
      this.#lines === 1
        ? '1 line begins with # and was left out as a comment'
        : `${this.#lines} lines begin with # and were left out as comments`;
    const guids = this.#withGuid === 1 ? '1 holds' : `${this.#withGuid} hold`;
    return [`${name}: ${what}${this.#withGuid === 0 ? '' : `; ${guids} an ID: remove the # where it is meant`}`];
  }
}
