import type { Terminal } from '../../report/format.ts';
import type { Context } from '../../run/console.ts';
import { styled } from '../../styled.ts';
import { results } from './results.ts';
import { reportTerminal, terminalOf } from './terminal.ts';

const DRAWN_EVERY_MS = 2000;
/** Whoever reads a pipe is promised something new within two seconds, however late the machine is. */
const WRITTEN_EVERY_MS = 1500;
const STANDARD_ROWS = 24;

/**
 * Shows a picture of what `look` finds every two seconds: in place on a terminal, else one behind the other. Ends with the signal that ends the
 * command, and when nobody reads any more. Throws what `look` throws, and a DiskError where stdout cannot take it.
 */
export async function watch<T>(
  look: () => Promise<T>,
  picture: (found: T, terminal: Terminal, rows?: number) => string,
  { clock, env, redraws }: Pick<Context, 'clock' | 'env'> & { redraws: boolean },
): Promise<void> {
  const { stdout } = process;
  const inPlace = redraws && terminalOf(stdout, env).isTerminal;
  const everyMs = inPlace ? DRAWN_EVERY_MS : WRITTEN_EVERY_MS;
  // What stands on the screen scrolls up and stays.
  if (inPlace) stdout.write('\n'.repeat(stdout.rows || STANDARD_ROWS));
  while (results.isRead) {
    const begunMs = clock.monotonicMs();
    const found = await look();
    const terminal = reportTerminal(stdout, env);
    if (inPlace) results.redraw(styled(picture(found, terminal, (stdout.rows || STANDARD_ROWS) - 1)));
    else results.write(styled(`${picture(found, terminal)}${redraws ? '\n' : ''}`));
    await results.delivered();
    await clock.sleep(Math.max(0, everyMs - (clock.monotonicMs() - begunMs)));
  }
}
