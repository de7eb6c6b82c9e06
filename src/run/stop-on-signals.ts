import type { Stop } from '../engine/session.ts';
import type { Interrupts } from './interrupts.ts';

/**
 * The first signal ends the session in order; the second gives up the calls in flight, which the next session looks up. Throws where a signal came
 * before; disposing of it lets go of the signals.
 */
export function stopOnSignals(
  interrupts: Interrupts,
  stop: Stop,
  abandon: AbortController,
  say: (text: string) => void,
): Disposable {
  return interrupts.hold((signal, nth) => {
    if (nth === 1) {
      say(`\n${signal}: stopping, waiting up to 30 s for calls in flight. A second signal stops now\n`);
      stop.request({ close: 'interrupted', signal });
    } else {
      say(`\n${signal} again: stopping now. Calls in flight are recorded, and checked by \`countermand resume\`\n`);
      abandon.abort();
    }
  });
}
