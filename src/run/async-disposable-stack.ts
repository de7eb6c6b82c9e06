/** Things that are closed together, the last opened first. (Node 20 has no AsyncDisposableStack.) */
export interface AsyncDisposables {
  defer(close: () => void | PromiseLike<void>): void;
  /** Closes all of them, whatever one throws; the first error is thrown at the end. Once only. */
  disposeAsync(): Promise<void>;
}

export function makeAsyncDisposableStack(): AsyncDisposables {
  const closers: (() => void | PromiseLike<void>)[] = [];
  return {
    defer: (close) => {
      closers.push(close);
    },
    disposeAsync: async () => {
      let first: { error: unknown } | undefined;
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        try {
          await close();
        } catch (error) {
          first ??= { error };
        }
      }
      if (first !== undefined) throw first.error;
    },
  };
}
