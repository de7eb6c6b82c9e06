import { closeSync, openSync } from 'node:fs';
import { createInterface } from 'node:readline/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { isatty, ReadStream } from 'node:tty';
import { UsageError } from '../../errors.ts';
import { show } from '../../job/given-settings.ts';
import { BOOLEAN_WORDS, parseBoolean } from '../../job/values.ts';
import { HERE } from '../../platform.ts';
import type { Machine } from '../../run/machine.ts';
import type { Args } from '../command.ts';
import { stderrLine } from './stderr-line.ts';

/** A signal comes within this time, or does not come (a shell may have kept it to itself). */
const SIGNAL_MS = 200;

/** Asks a person on the terminal itself, because stdin may hold IDs. Whether the answer was yes; no answer, or a wait that was ended, is no. */
export async function askOnTerminal(question: string, signal: AbortSignal): Promise<boolean> {
  const fd = process.stdin.isTTY ? 0 : openSync(HERE.terminal, 'r+');
  const input = fd === 0 ? process.stdin : new ReadStream(fd);
  const lines = createInterface({ input, output: stderrLine.stream() });
  // A terminal that was closed cannot be set back either, which is told once more when the editor is done with it.
  input.on('error', ignore);
  const gone = new Promise<never>((_, reject) => {
    lines.on('error', reject);
    lines.once('close', reject);
  });
  gone.catch(ignore);
  // The line editor keeps Ctrl-C to itself: here it means what it means everywhere else.
  lines.once('SIGINT', () => process.emit('SIGINT'));
  try {
    const answer = await Promise.race([lines.question(`${stderrLine.fit(question).trim()} [y/N] `, { signal }), gone]);
    return /^(y|yes)$/i.test(answer.trim());
  } catch {
    stderrLine.write('');
    // Of a terminal that was closed a signal tells too, which says how the command ends.
    if (!isatty(fd)) await sleep(SIGNAL_MS, undefined, { signal }).catch(ignore);
    return false;
  } finally {
    lines.close();
    if (input !== process.stdin) input.destroy();
  }
}

function ignore(): void {}

/** False where there is no terminal. */
export function hasTerminal(): boolean {
  if (process.stdin.isTTY) return true;
  try {
    closeSync(openSync(HERE.terminal, 'r+'));
    return true;
  } catch {
    return false;
  }
}

/** Whether the question is answered beforehand, by `--yes` or COUNTERMAND_YES. Throws a UsageError for a value that is neither yes nor no. */
export function saidYes(args: Args, env: Machine['env']): boolean {
  if (typeof args['yes'] === 'boolean') return args['yes'];
  const value = env['COUNTERMAND_YES'] ?? '';
  if (value.trim() === '') return false;
  const said = parseBoolean(value);
  if (said === undefined) throw new UsageError(`COUNTERMAND_YES must be one of ${BOOLEAN_WORDS}, not ${show(value)}`);
  return said;
}
