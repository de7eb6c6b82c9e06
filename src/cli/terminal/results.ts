import { DiskError } from '../../errors.ts';
import { troubleInWords } from '../../fs-errors.ts';
import type { Output } from '../../styled.ts';
import { stderrLine } from './stderr-line.ts';

const TO_FIRST_LINE = '\u001b[H';
const CLEAR_REST = '\u001b[K';
const CLEAR_BELOW = '\u001b[J';

/**
 * Standard output, of which a process has one. What it cannot take changes nothing of a run: its ledger has all of it, and the exit code is the
 * run's. Whoever reads us may have seen enough (`| head`), which is nobody's fault; anything else (a full disk) is said once.
 */
class Results {
  #listening = false;
  #owed = false;
  #isRead = true;
  #lost: Error | undefined;

  write(output: Output): void {
    this.#listen();
    process.stdout.write(stderrLine.fit(output));
  }

  /** False once whoever read them has gone. */
  get isRead(): boolean {
    return this.#isRead;
  }

  /** At a terminal: draws a picture from its first line on, over what stands there. */
  redraw(output: Output): void {
    this.#listen();
    const lines = stderrLine.fit(output).replaceAll('\n', `${CLEAR_REST}\n`);
    process.stdout.write(`${TO_FIRST_LINE}${lines}${CLEAR_BELOW}`);
  }

  /**
   * Resolves when all is written. Throws a DiskError where it could not be: for a command whose results are all that it does, because a part of a
   * list must not pass for the whole.
   */
  async delivered(): Promise<void> {
    this.#listen();
    this.#owed = true;
    await new Promise<void>((resolve) => {
      process.stdout.write('', () => resolve());
    });
    if (this.#lost === undefined) return;
    throw new DiskError(`${sentence(this.#lost)}: make room, then run it again`, { cause: this.#lost });
  }

  #listen(): void {
    if (this.#listening) return;
    this.#listening = true;
    process.stdout.on('error', (error: NodeJS.ErrnoException) => {
      this.#isRead &&= error.code !== 'EPIPE';
      if (!this.#isRead || this.#lost !== undefined) return;
      this.#lost = error;
      if (!this.#owed) stderrLine.write(`warning: ${sentence(error)}; of a run, countermand report shows them again`);
    });
  }
}

function sentence(error: Error): string {
  return `the results cannot be written to stdout (${troubleInWords(error)})`;
}

export const results = new Results();
