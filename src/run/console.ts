import type { CountermandError } from '../errors.ts';
import type { Terminal } from '../report/format.ts';
import type { Output } from '../styled.ts';
import type { Machine } from './machine.ts';
import type { ProgressFacts } from './progress-facts.ts';

/** Whom a session talks to. */
export interface Console {
  /** Results. A string is one line; what has lines or colours of its own is `styled`. */
  out(output: Output): void;
  /** Resolves when the results are written; throws a DiskError where they could not be taken. For commands that do nothing else. */
  delivered(): Promise<void>;
  /** Progress, questions and what is said to a person; as `out`. */
  say(output: Output): void;
  /** How wide and how plain results are. */
  readonly terminal: Terminal;
  /** False where nobody can answer. */
  canAsk(): boolean;
  /** Whether the answer was yes. No answer, or a wait that was ended, is no. */
  ask(question: string, signal: AbortSignal): Promise<boolean>;
  /** Shows how far the work is, each time as `read` tells it, until it is disposed of. */
  progress(read: () => ProgressFacts): Promise<Disposable>;
}

/** Where a session runs and whom it talks to. */
export type Context = Machine & Console;

/** What stopped the work, line by line: no foreign part of it can begin a line of its own. */
export function sayError(say: (output: Output) => void, { lines }: CountermandError): void {
  for (const [i, line] of lines.entries()) say(`${i === 0 ? 'countermand: ' : ''}${line}\n`);
}
