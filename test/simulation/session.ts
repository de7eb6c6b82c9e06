import { CountermandError, InterruptedError } from '../../src/errors.ts';
import { endedBy } from '../../src/fs-errors.ts';
import { releaseListOf } from '../../src/ledger/outcomes.ts';
import type { Disk } from '../../src/store/folder/disk.ts';
import { NO_TROUBLE } from './disk.ts';
import type { Exit, Worker } from './facts.ts';
import { makeMachine } from './machine.ts';
import type { SimProcess } from './process.ts';
import { type Command, command } from './program.ts';
import type { SessionFaults } from './session-faults.ts';
import { LEDGER, type WorldState } from './state.ts';

export interface SessionOptions {
  kind: Command['kind'];
  missing: Command['missing'];
  faults?: Partial<SessionFaults>;
  retry?: readonly string[];
  /** The job's limits are lifted: whoever asks has looked at everything and wants it done. */
  calm?: boolean;
  path?: string;
  /** The head that the operator reviewed, and what it stood for. */
  reviewed?: { head: string; ids: ReadonlySet<string> } | undefined;
  /** Happens when the lock of its ledger is there, which is when somebody sees that it begins. */
  onLock?: (() => void) | undefined;
  /** The name that its numbers are drawn by; its own, where old seeds know it by another. */
  stream?: string;
}

/** One command, from its start to its exit code; never resolves for a process that is killed. */
export async function startSession(state: WorldState, process: SimProcess, options: SessionOptions): Promise<number> {
  const { kind, missing, faults = {}, calm = false, path = LEDGER, reviewed, stream = process.name, onLock } = options;
  const { trace, scenario, emit } = state;
  state.sessions++;
  const retry = new Set(kind === 'resume' ? options.retry : []);
  const worker: Worker = {
    process,
    path,
    kind,
    inode: undefined,
    retry,
    limited: !calm,
    withdraws: missing === 'withdraw',
    named: undefined,
    reviewed: reviewed?.ids,
    swappedAtMs: undefined,
    clockJumped: false,
    disturbed: faults.disk !== undefined && faults.disk.slow > 0,
  };
  state.workers.set(process, worker);
  const watch = onLock === undefined ? undefined : (disk: Disk) => seen(disk, `${path}.lock`, onLock);
  const { context, interrupts } = makeMachine(state, process, {
    random: state.random.fork(stream),
    disk: faults.disk ?? NO_TROUBLE,
    watch,
  });
  trace.add(`${process.name} begins: ${kind} on ${state.host.name}${retry.size > 0 ? ` --retry ${[...retry]}` : ''}`);
  let code: number;
  let message = '';
  let isLeft = false;
  try {
    code = await interrupts.orInterrupted(
      command(context, scenario, { kind, path, missing, retry, calm, head: reviewed?.head }),
    );
  } catch (thrown) {
    const error = endedBy(thrown);
    isLeft = error instanceof InterruptedError;
    code = error instanceof CountermandError ? error.exitCode : 1;
    message = error instanceof Error ? ((code === 1 ? error.stack : undefined) ?? error.message) : String(error);
    trace.add(`${process.name} stops: ${message.slice(0, 160)}`);
  }
  trace.add(`${process.name} exits ${code}`);
  if (process.exists) emit('exit', { worker, code, message, ...seenAtExit(state, path) });
  if (code === 12 && !state.files.mayBeDamaged(path)) emit('damaged', `${process.name}: ${message}`);
  // Whatever still waits is left where it stands, as by the end of a process.
  if (isLeft) process.kill();
  else process.end();
  return code;
}

export function seenAtExit(state: WorldState, path: string): Pick<Exit, 'watch' | 'named' | 'releases'> {
  const isOurs = !state.files.mayBeDamaged(path);
  return {
    watch: isOurs ? state.files.watchAt(path) : undefined,
    named: state.scenario.source === 'query' ? undefined : state.ids,
    releases: state.outputs.get(releaseListOf(path)),
  };
}

/** A disk on which somebody watches for a file. */
function seen(disk: Disk, awaited: string, onThere: () => void): Disk {
  let isThere = false;
  return {
    ...disk,
    createExclusive: async (path, content) => {
      await disk.createExclusive(path, content);
      if (path === awaited && !isThere) onThere();
      isThere ||= path === awaited;
    },
  };
}
