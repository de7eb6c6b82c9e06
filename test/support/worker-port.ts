import type { RunningCommand } from './command.ts';
import { samplesOf } from './metrics.ts';

export interface WorkerPort {
  number: number;
  ask(path: string, method?: string): Promise<{ status: number; text: string }>;
  /** What `/metrics` says now, by name and labels. */
  metrics(): Promise<ReadonlyMap<string, number>>;
  /** Resolves once `/readyz` says so, or no longer does. */
  untilReady(is?: boolean): Promise<void>;
}

/** The port of a worker that was started with `--port 0` and has said that it takes runs. */
export function portOf(worker: RunningCommand): WorkerPort {
  const number = Number(/"port":(\d+)/.exec(worker.stderr)?.[1]);
  const ask: WorkerPort['ask'] = async (path, method = 'GET') => {
    const response = await fetch(`http://127.0.0.1:${number}${path}`, { method });
    return { status: response.status, text: await response.text() };
  };
  return {
    number,
    ask,
    metrics: async () => samplesOf((await ask('/metrics')).text),
    untilReady: async (is = true) => {
      while (((await ask('/readyz')).status === 200) !== is) await new Promise((resolve) => setTimeout(resolve, 50));
    },
  };
}
