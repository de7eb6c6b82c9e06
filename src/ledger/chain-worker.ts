import { parentPort, workerData } from 'node:worker_threads';
import { ChainCheck, type Checked } from './chain-check.ts';

/** What the thread is told: the next bytes, or that there are no more. */
export type ToWorker = Uint8Array | 'end';

// Nothing but arithmetic over bytes: whoever started the thread says what follows from it.
const check = new ChainCheck(workerData as { head: string; rest: Uint8Array });
parentPort?.on('message', (message: ToWorker) => {
  if (message !== 'end') check.push(message);
  else parentPort?.postMessage(check.result satisfies Checked);
});
