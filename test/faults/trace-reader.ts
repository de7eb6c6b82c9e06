/** A system call at one of its edges. */
export interface SystemCall {
  edge: 'entry' | 'exit';
  name: string;
  /** What strace shows of its arguments, with the quotes of its strings as they are in the data. */
  args: string;
  /** -1 for an error; 0 at entry. */
  result: number;
}

/** A line that ends with the last argument of a write, writev or fdatasync: not in the middle of a string, though it may be read in pieces. */
const ENTERED = /^\d+\s+\w+\((?:\d+|\d+, .*, \d+)$/s;

/**
 * Reads what `strace -f -o` writes, while it writes it. The entry of a call is told as soon as its arguments are there, although its line
 * goes on only when it returns: `12 write(3, "a", 1` and later `) = 1`, or, when another thread came between, ` <unfinished ...>` and
 * on a later line `12 <... write resumed>) = 1`.
 */
export class TraceReader {
  onCall: (call: SystemCall) => void = () => {};
  /** The last thread seen. */
  thread: number | undefined;
  #line = '';
  #told = false;
  readonly #pending = new Map<number, { name: string; args: string }>();

  read(text: string): void {
    const lines = (this.#line + text).split('\n');
    this.#line = lines.pop() ?? '';
    for (const line of lines) {
      this.#whole(line);
      this.#told = false;
    }
    if (!this.#told && ENTERED.test(this.#line)) this.#told = this.#entry(this.#line);
  }

  #whole(line: string): void {
    const [, thread, resumed] = /^(\d+)\s+<\.\.\. \w+ resumed>(.*)$/.exec(line) ?? [];
    if (thread !== undefined && resumed !== undefined) {
      this.#exit(Number(thread), resumed);
      return;
    }
    if (!this.#told && !this.#entry(line)) return;
    if (line.endsWith('<unfinished ...>')) return;
    this.#exit(Number.parseInt(line, 10), line);
  }

  /** Whether this text shows a call with all its arguments that are known at its entry. */
  #entry(line: string): boolean {
    const [, thread, name, args] = /^(\d+)\s+(\w+)\((.*)$/s.exec(line) ?? [];
    if (thread === undefined || name === undefined || args === undefined) return false;
    const call = { name, args: args.replaceAll('\\"', '"') };
    this.thread = Number(thread);
    this.#pending.set(this.thread, call);
    this.onCall({ ...call, edge: 'entry', result: 0 });
    return true;
  }

  #exit(thread: number, text: string): void {
    const call = this.#pending.get(thread);
    const [, result] = /\)\s+= (-?\d+|\?)(?:[^=]*)$/.exec(text) ?? [];
    if (call === undefined || result === undefined || result === '?') return;
    this.#pending.delete(thread);
    this.onCall({ ...call, edge: 'exit', result: Number(result) });
  }
}
