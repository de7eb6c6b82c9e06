import type { Stop } from '../engine/stop.ts';

/**
 * The first SIGINT or SIGTERM ends the session in order; the second gives up the calls in flight, which the next session
 * looks up. Disposing of it restores Node's own behaviour.
 */
export function listenToSignals(stop: Stop, abandon: AbortController, say: (text: string) => void): Disposable {
  let seen = 0;
  const hear = (signal: NodeJS.Signals) => {
    seen++;
    if (seen === 1) {
      say(`\n${signal}: ending the waits, finishing the calls in flight (once more: give those up too)\n`);
      stop.request({ close: 'interrupted', signal: signal === 'SIGTERM' ? 'SIGTERM' : 'SIGINT' });
    } else {
      say(`\n${signal} again: giving up the calls in flight; the ledger has them, a resume looks them up\n`);
      abandon.abort();
    }
  };
  process.on('SIGINT', hear);
  process.on('SIGTERM', hear);
  return {
    [Symbol.dispose]: () => {
      process.off('SIGINT', hear);
      process.off('SIGTERM', hear);
    },
  };
}
