import { type ParsedTokenInfo, Tokenizer, TokenParser, TokenType } from '@streamparser/json';
import { oneLine } from '../clean.ts';
import { UsageError } from '../errors.ts';
import { LONGEST_ROW } from './csv-rows.ts';

export interface JsonEntry {
  value: unknown;
  /** Line on which it begins, from 1. */
  line: number;
  /** In a list, from 1. */
  place: number | undefined;
  /** The names of its own fields as they stand there, one that is there twice twice. */
  names: readonly string[];
  /** It is the object around a list, read without its `value`. */
  around: boolean;
}

/** Deeper than anything that lists actions. */
const MAX_DEPTH = 64;
const LINE_END = 0x0a;

/** A value that grows token by token; used again for the next one. */
class Growing {
  line = 0;
  names: string[] = [];
  hasList = false;
  #depth = 0;
  #lastText = '';
  #isAfterColon = false;
  readonly #parser = new TokenParser({ paths: ['$'], separator: '' });

  /** `done` is told each value that is whole. */
  constructor(done: (value: unknown) => void) {
    this.#parser.onValue = ({ value }) => done(value);
  }

  get isOpen(): boolean {
    return this.#depth > 0;
  }

  begin(line: number): void {
    this.line = line;
    this.names = [];
    this.hasList = false;
  }

  /** Whether what comes next is the value of its own field `value`. */
  get isAtValue(): boolean {
    return this.#depth === 1 && this.#lastText === 'value' && this.#isAfterColon;
  }

  add(token: ParsedTokenInfo): void {
    const kind = token.token;
    this.#isAfterColon = kind === TokenType.COLON;
    if (this.#depth === 1 && kind === TokenType.STRING) this.#lastText = String(token.value);
    else if (this.#depth === 1 && kind === TokenType.COLON) this.names.push(this.#lastText);
    else if (kind === TokenType.LEFT_BRACE || kind === TokenType.LEFT_BRACKET) this.#depth += 1;
    else if (kind === TokenType.RIGHT_BRACE || kind === TokenType.RIGHT_BRACKET) this.#depth -= 1;
    if (this.#depth > MAX_DEPTH) throw new Error(`nested more than ${MAX_DEPTH} levels deep`);
    this.#parser.write(token);
  }
}

type InList = 'at its beginning' | 'after a comma' | 'after an entry';

/**
 * Takes a JSON text apart into its entries, as it comes: the values of a list, the values of the list that is the `value` of an object, and each
 * other value that stands by itself. No more is held than one entry and what was not taken yet.
 */
export class JsonEntries {
  readonly #name: string;
  readonly #tokenizer = new Tokenizer();
  readonly #outer = new Growing((value) => this.#add(this.#outer, value, undefined));
  readonly #inner = new Growing((value) => this.#add(this.#inner, value, this.#place));
  /** Where in a list we are. */
  #list: InList | undefined;
  #place = 0;
  #entries: JsonEntry[] = [];
  #count = 0;

  #chunk: Buffer = Buffer.alloc(0);
  #chunkAt = 0;
  #line: number;
  #lineEnd = -1;
  /** Of the last token, and of the last one that was not in the middle of an entry: bytes from the beginning. */
  #tokenAt = 0;
  #doneAt = 0;

  /** `name` is for messages, `line` the number of the first line. */
  constructor(name: string, line: number) {
    this.#name = name;
    this.#line = line;
    this.#tokenizer.onToken = (token) => this.#take(token);
  }

  /** The entries that became whole since. */
  take(): readonly JsonEntry[] {
    return this.#entries.splice(0);
  }

  /** What is wrong with it, which is the end of the reading. */
  write(text: string): UsageError | undefined {
    this.#lineAt(Number.POSITIVE_INFINITY);
    this.#chunkAt += this.#chunk.length;
    this.#chunk = Buffer.from(text);
    this.#lineEnd = this.#chunk.indexOf(LINE_END);
    try {
      this.#tokenizer.write(this.#chunk);
      this.#refuseEndless(this.#chunkAt + this.#chunk.length - this.#doneAt);
    } catch (error) {
      return error instanceof UsageError ? error : this.#invalid(error);
    }
    return undefined;
  }

  /** The same where the text ends in the middle, be it that only its last bracket is missing. */
  end(): UsageError | undefined {
    try {
      this.#tokenizer.end();
      if (!this.#outer.isOpen && this.#list === undefined) return undefined;
    } catch {}
    return new UsageError(
      `${this.#name} ends in the middle of its JSON, after ${this.#count} ${this.#count === 1 ? 'entry' : 'entries'}: its rest is missing, so get it again`,
    );
  }

  #take(token: ParsedTokenInfo): void {
    this.#tokenAt = token.offset;
    this.#refuseEndless(token.offset - this.#doneAt);
    if (token.token === TokenType.STRING) this.#refuseEndless(String(token.value).length);
    if (this.#inner.isOpen) this.#inner.add(token);
    else if (this.#list !== undefined) this.#takeInList(token, this.#list);
    else if (token.token === TokenType.LEFT_BRACKET && (!this.#outer.isOpen || this.#outer.isAtValue)) {
      this.#list = 'at its beginning';
      this.#place = 0;
      this.#outer.hasList = this.#outer.isOpen;
    } else {
      if (!this.#outer.isOpen) this.#outer.begin(this.#lineAt(token.offset));
      this.#outer.add(token);
    }
    if (!this.#inner.isOpen && (this.#list !== undefined || !this.#outer.isOpen)) this.#doneAt = token.offset;
  }

  #takeInList(token: ParsedTokenInfo, now: InList): void {
    if (token.token === TokenType.RIGHT_BRACKET && now !== 'after a comma') {
      this.#list = undefined;
      // In the object around it the list stands for nothing.
      if (this.#outer.isOpen) this.#outer.add({ token: TokenType.NULL, value: null, offset: token.offset });
    } else if (now === 'after an entry') {
      if (token.token !== TokenType.COMMA) throw new Error('two entries without a comma between them');
      this.#list = 'after a comma';
    } else {
      this.#list = 'after an entry';
      this.#place += 1;
      this.#inner.begin(this.#lineAt(token.offset));
      this.#inner.add(token);
    }
  }

  #add({ line, names, hasList }: Growing, value: unknown, place: number | undefined): void {
    this.#entries.push({ value, line, place, names, around: hasList });
    if (!hasList) this.#count += 1;
  }
  /** The line of a byte; they are asked for in their order. */
  #lineAt(byte: number): number {
    while (this.#lineEnd >= 0 && this.#chunkAt + this.#lineEnd < byte) {
      this.#line += 1;
      this.#lineEnd = this.#chunk.indexOf(LINE_END, this.#lineEnd + 1);
    }
    return this.#line;
  }

  /** An entry, or what stands between two, of which no end is seen. */
  #refuseEndless(length: number): void {
    if (length <= LONGEST_ROW) return;
    throw new UsageError(
      `${this.#name} has over ${LONGEST_ROW} characters of JSON after entry ${this.#count} that are not one entry: give a list of action IDs`,
    );
  }

  #invalid(error: unknown): UsageError {
    const message = error instanceof Error ? error.message : '';
    const at = /absolute position "(\d+)"/.exec(message)?.[1];
    const unexpected = /^Unexpected (?:[A-Z_]+ \()?(".*?")/s.exec(message)?.[1];
    const why = unexpected === undefined ? oneLine(message, 60) : `an unexpected ${oneLine(unexpected, 20)}`;
    const line = this.#lineAt(at === undefined ? this.#tokenAt : Number(at));
    return new UsageError(`${this.#name} is not valid JSON in line ${line} (${why}): correct it, or get it again`, {
      cause: error,
    });
  }
}
