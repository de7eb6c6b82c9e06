import { CountermandError } from '../../../src/errors.ts';
import { runWorker } from '../../../src/fleet/worker.ts';
import { NO_TROUBLE } from '../disk.ts';
import { repeatedFlags, UNLIMITED } from '../job.ts';
import { makeMachine } from '../machine.ts';
import type { SimProcess } from '../process.ts';
import type { SessionFaults } from '../session-faults.ts';
import type { WorldState } from '../state.ts';
import { HostedSessions } from './hosted-sessions.ts';
import type { SimQueue } from './sim-queue.ts';

export interface WorkerProcess {
  readonly process: SimProcess;
  readonly hosted: HostedSessions;
  /** Asks it to end, as `kill` does. */
  terminate(): void;
  /** Since it was asked to. */
  readonly askedMs: number | undefined;
  /** Its disk may not let it read. */
  readonly mayNotRead: boolean;
  /** It or its disk may stand still, or its clock be set. */
  readonly isHindered: boolean;
}

export interface StartWorker {
  places: number;
  faults: SessionFaults | undefined;
  /** The jobs' limits are lifted. */
  calm: boolean;
}

/** `worker`, from its start to its exit code, which is told to the rules; one that is killed tells nothing. */
export function startWorker(state: WorldState, queue: SimQueue, { places, faults, calm }: StartWorker): WorkerProcess {
  const { trace, scenario, emit } = state;
  const process = state.processes.start(calm ? 'calm-worker' : 'worker', faults?.killAfter);
  const isSlow = faults !== undefined && faults.disk.slow > 0;
  const hosted = new HostedSessions(state, process, { limited: !calm, isSlow });
  const { context, interrupts } = makeMachine(state, process, {
    random: state.random.fork(process.name),
    disk: faults?.disk ?? NO_TROUBLE,
    hosts: true,
    onLog: (line) => hosted.onLog(line),
  });
  const isHindered = isSlow || faults?.freeze !== undefined || faults?.wallJump !== undefined;
  let askedMs: number | undefined;
  const signal = state.signals.get(process);
  const terminate = () => {
    askedMs ??= state.now();
    signal?.();
  };
  state.signals.set(process, terminate);
  trace.add(`${process.name} begins: worker on ${state.host.name}, ${places} places`);
  const flags = { ...repeatedFlags(scenario), ...(calm ? UNLIMITED : {}) };
  const runs = { where: 'the simulated queue', open: () => queue.open(process) };
  const ended = (code: number, message: string) => {
    trace.add(`${process.name} exits ${code} ${message.slice(0, 160)}`);
    const tookMs = askedMs === undefined ? undefined : state.now() - askedMs;
    if (process.exists) emit('drained', { by: process.name, code, message, tookMs, isHindered });
    process.end();
  };
  interrupts.orInterrupted(runWorker({ places, flags, queue: runs }, context)).then(
    (code) => ended(code, ''),
    (error: unknown) => {
      const code = error instanceof CountermandError ? error.exitCode : 1;
      ended(code, error instanceof Error ? (error.stack ?? error.message) : String(error));
    },
  );
  return {
    process,
    hosted,
    isHindered,
    mayNotRead: faults !== undefined && (faults.disk.ioError > 0 || faults.disk.slow > 0),
    terminate: () => process.act(terminate),
    get askedMs() {
      return askedMs;
    },
  };
}
