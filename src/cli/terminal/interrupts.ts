import { SIGNAL_EXITS, type StopSignal } from '../../exit-codes.ts';
import { platformOf } from '../../platform.ts';
import { makeInterrupts } from '../../run/interrupts.ts';
import type { Interrupts } from '../../run/machine.ts';

/** A third signal, or a second after which the command goes on for longer than {@link LAST_MS}, ends the process wherever it stands. */
export interface ProcessInterrupts extends Interrupts, Disposable {
  /** Rejects with an InterruptedError at the first signal that comes while nobody holds anything. */
  orInterrupted<T>(work: Promise<T>): Promise<T>;
}

/** What a process of Node's lends to this. */
export interface SignalSource {
  platform: NodeJS.Platform;
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
}

/** How long a command may take to close what it holds after the second signal. */
const LAST_MS = 1000;

/** Listens until it is disposed of. `endNow` ends the process with this exit code wherever it stands. */
export function listenForInterrupts(source: SignalSource, endNow: (exitCode: number) => void): ProcessInterrupts {
  const heard = makeInterrupts();
  const waiting = new Set<(reason: unknown) => void>();
  const hear = (signal: StopSignal) => {
    const isFree = !heard.isHeld;
    const nth = heard.interrupt(signal);
    const exitCode = SIGNAL_EXITS[heard.first ?? signal];
    if (nth === 1) {
      if (isFree) for (const reject of waiting) reject(heard.signal.reason);
    } else if (nth > 2 || isFree) endNow(exitCode);
    else setTimeout(() => endNow(exitCode), LAST_MS).unref();
  };
  const listeners = [...platformOf(source.platform).stopSignals].map(([signal, means]) => ({
    signal,
    listener: () => hear(means),
  }));
  for (const { signal, listener } of listeners) source.on(signal, listener);
  return {
    signal: heard.signal,
    get first() {
      return heard.first;
    },
    hold: heard.hold,
    orInterrupted: (work) =>
      new Promise((resolve, reject) => {
        waiting.add(reject);
        work.then(resolve, reject).finally(() => waiting.delete(reject));
      }),
    [Symbol.dispose]: () => {
      for (const { signal, listener } of listeners) source.off(signal, listener);
    },
  };
}

/**
 * Ends the process although something may keep it alive that cannot be taken back: an open stdin, a name that is being looked up, a disk that does not
 * answer. Only for a process that was told to end: everything that must be kept is on the disk by then.
 */
export function endProcess(exitCode: number): void {
  process.exit(exitCode);
}

/** {@link endProcess} once what was written to stdout and stderr is there. */
export function endWhenWritten(exitCode: number): void {
  process.stdout.write('', () => process.stderr.write('', () => endProcess(exitCode)));
}
