import { setMaxListeners } from 'node:events';
import { makeStop, type Stop } from '../engine/session.ts';
import { InterruptedError } from '../errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { createTracer, type Tracer } from '../report/facts/view.ts';
import type { BeginSession, HeldRun, HoldRun } from '../store/store.ts';
import type { Context } from './console.ts';

/**
 * What a session holds before it is begun: the signals, and the ledger that it decides from. It is there before the ledger is read and lasts until its
 * session has ended; given up on the way, by an error or a signal, it gives everything back, and the ledger is as it was.
 */
export interface Holding extends AsyncDisposable {
  /** Ends the session once it is begun. */
  readonly stop: Stop;
  /** The UUID that a run gets which is new. */
  readonly newRun: string;
  /** Aborts at the second signal: calls in flight are given up. */
  readonly abandon: AbortSignal;
  /** Aborts at the first signal with an InterruptedError: what is waited for before the session is begun ends with it. */
  readonly signal: AbortSignal;
  /** What a report needs of all that was read and written. */
  readonly tracer: Tracer;
  /**
   * Takes a ledger and reads it; what was held before is given back. From here on there is something to give back, so that a signal no longer ends
   * the command where it stands. Throws as `Store.hold` does.
   */
  hold(run: Pick<HoldRun, 'name' | 'existing' | 'head'>): Promise<HeldRun>;
  /** Gives the ledger back that is held. */
  giveBack(): Promise<void>;
  /**
   * Begins the session on the ledger that is held, which must be that of this name. Where none is, none was there: it is taken now. Throws as
   * `Store.hold` and `HeldRun.begin` do.
   */
  begin(name: string, session: BeginSession): Promise<Ledger>;
  /** What `work` resolves to, unless a signal comes first: for what does not listen to {@link Holding.signal}. */
  orInterrupted<T>(work: Promise<T>): Promise<T>;
}

/** How long a signal waits for a ledger that is just being taken or begun, so that it can be closed in order. */
const OPENING_MS = 2000;

/** Holds nothing yet. Signals are heard from the first ledger on. */
export function makeHolding(
  context: Pick<Context, 'interrupts' | 'clock' | 'say' | 'store' | 'log' | 'uuid'>,
): Holding {
  const { interrupts, clock, say, store, log, uuid } = context;
  const newRun = uuid();
  const stop = makeStop();
  const [interrupted, abandon] = [new AbortController(), new AbortController()];
  const { signal } = interrupted;
  // Every call in flight listens to it.
  setMaxListeners(0, abandon.signal);
  const tracer = createTracer();
  let listening: Disposable | undefined;
  let held: HeldRun | undefined;
  let heldName = '';
  let isClosed = false;

  const listen = () =>
    interrupts.hold((name, nth) => {
      if (nth === 1) {
        say(`\n${name}: stopping, waiting up to 30 s for calls in flight. A second signal stops now\n`);
        stop.request({ close: 'interrupted', signal: name });
        interrupted.abort(new InterruptedError(name, 'nothing was sent'));
      } else {
        say(`\n${name} again: stopping now. Calls in flight are recorded, and checked by \`countermand resume\`\n`);
        abandon.abort();
      }
    });
  /** As a signal that comes from another machine. */
  const onStop = () => {
    say('\nSomebody asked this run to stop: stopping, waiting up to 30 s for calls in flight\n');
    stop.request({ close: 'interrupted', signal: 'SIGINT' });
    interrupted.abort(new InterruptedError('SIGINT', 'nothing was sent'));
  };
  const giveBack = async () => {
    const before = held;
    held = undefined;
    await before?.[Symbol.asyncDispose]();
  };
  /** A store that does not answer is not waited for once a signal has come; what comes of it all the same is given back then. */
  const inTime = async <T extends AsyncDisposable>(opening: Promise<T>): Promise<T> => {
    const before = held;
    const opened = new AbortController();
    const tooLate = async (): Promise<never> => {
      await aborted(signal).catch(() => undefined);
      await clock.sleep(OPENING_MS, { signal: opened.signal, ref: false });
      held = undefined;
      void opening
        .then((late) => late[Symbol.asyncDispose]())
        .catch(() => before?.[Symbol.asyncDispose]())
        .catch(() => undefined);
      throw signal.reason;
    };
    try {
      return await Promise.race([opening, tooLate()]);
    } finally {
      opened.abort();
    }
  };

  const hold: Holding['hold'] = async (run) => {
    await giveBack();
    listening ??= listen();
    heldName = run.name;
    held = await inTime(store.hold({ ...run, run: newRun, say, signal, onStop, log, trace: tracer }));
    return held;
  };

  return {
    stop,
    newRun,
    abandon: abandon.signal,
    signal,
    tracer,
    hold,
    giveBack,
    begin: async (name, session) => {
      signal.throwIfAborted();
      if (held !== undefined && heldName !== name) throw new Error(`${name} is to be begun while ${heldName} is held`);
      const run = held ?? (await hold({ name, existing: 'none' }));
      return await inTime(run.begin(session));
    },
    orInterrupted: (work) => Promise.race([work, aborted(signal)]),
    [Symbol.asyncDispose]: async () => {
      if (isClosed) return;
      isClosed = true;
      await giveBack();
      listening?.[Symbol.dispose]();
    },
  };
}

/** Rejects with the signal's reason once it aborts. */
function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    else signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
