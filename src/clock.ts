/**
 * Time as the rules see it. `wallMs` may jump when somebody sets the clock, so it is used only for what crosses a
 * restart; everything inside a session is measured with `monotonicMs`.
 */
export interface Clock {
  /** Milliseconds since the Unix epoch, by this machine's clock. */
  wallMs(): number;
  /** Milliseconds since an arbitrary moment; never goes back. */
  monotonicMs(): number;
  /**
   * Resolves after `ms` milliseconds (never early), or rejects with the signal's reason as soon as it aborts.
   * The timer keeps the process alive unless `ref` is false.
   */
  sleep(ms: number, options?: SleepOptions): Promise<void>;
}

export interface SleepOptions {
  signal?: AbortSignal | undefined;
  /** @default true */
  ref?: boolean;
}

/** The machine's clock. It reads the global timers at each call, so that a virtual clock under them is obeyed. */
export const systemClock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (ms, { signal, ref = true } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) {
        reject(signal.reason);
        return;
      }
      const due = performance.now() + ms;
      let timer: NodeJS.Timeout;
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      // Node's timers fire up to a millisecond early and overflow past 2^31 ms: go round until it is really due.
      const wait = () => {
        const left = due - performance.now();
        if (left <= 0) {
          signal?.removeEventListener('abort', abort);
          resolve();
          return;
        }
        timer = setTimeout(wait, Math.min(Math.ceil(left), 2 ** 31 - 1));
        if (!ref) timer.unref();
      };
      signal?.addEventListener('abort', abort, { once: true });
      wait();
    }),
};
