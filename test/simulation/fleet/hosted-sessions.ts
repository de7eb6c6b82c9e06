import type { Worker } from '../facts.ts';
import type { SimProcess } from '../process.ts';
import { seenAtExit } from '../session.ts';
import type { WorldState } from '../state.ts';
import type { Handed } from './sim-queue.ts';

/** How a hosted session ended, as its worker's log says. */
export interface Left {
  run: string;
  exitCode: number;
  next: string;
  reason: string;
}

/** What is known of the sessions of one worker process: one at a time sends, for all ledgers of the folder are one sender's. */
export class HostedSessions {
  readonly #state: WorldState;
  readonly #process: SimProcess;
  readonly #byHanded = new Map<Handed, Worker>();
  readonly #left: Left[] = [];
  readonly #limited: boolean;
  readonly #isSlow: boolean;

  constructor(state: WorldState, process: SimProcess, how: { limited: boolean; isSlow: boolean }) {
    this.#state = state;
    this.#process = process;
    this.#limited = how.limited;
    this.#isSlow = how.isSlow;
    state.hosted.set(process, []);
  }

  begin(handed: Handed): void {
    const { run, step, planHead } = handed.queued.submission;
    this.#state.sessions++;
    const worker: Worker = {
      ...{ process: this.#process, path: run, kind: step === 'plan' ? 'plan' : 'resume', inode: undefined },
      ...{ retry: new Set<string>(), limited: this.#limited, withdraws: false, named: undefined },
      reviewed: planHead === undefined ? undefined : this.#state.reviewed.get(planHead),
      ...{ swappedAtMs: undefined, clockJumped: false, disturbed: this.#isSlow },
    };
    this.#byHanded.set(handed, worker);
    this.#tell();
    if (!this.#state.workers.has(this.#process)) this.#state.workers.set(this.#process, worker);
  }

  /** Reads its log: a session has come to its end. */
  onLog(line: string): void {
    if (!line.includes('"msg":"left"')) return;
    const { name, exitCode, next, reason = '' } = JSON.parse(line) as Record<string, unknown>;
    const left: Left = { run: String(name), exitCode: Number(exitCode), next: String(next), reason: String(reason) };
    this.#left.push(left);
    const ofRun = [...this.#byHanded.values()].filter(({ path }) => path === left.run);
    // Of two places with the same run the one without it says 11.
    const worker = ofRun.find(({ inode }) => (inode === undefined) === (left.exitCode === 11)) ?? ofRun[0];
    this.#state.trace.add(
      `${this.#process.name} leaves ${left.run} with ${left.exitCode} ${left.reason.slice(0, 160)}`,
    );
    if (worker === undefined || !this.#process.exists) return;
    this.#state.emit('exit', {
      ...{ worker, code: left.exitCode, message: left.reason },
      ...seenAtExit(this.#state, left.run),
    });
  }

  /** What its place said of a run that it now settles; undefined where it began no session. */
  end(handed: Handed): Left | undefined {
    this.#byHanded.delete(handed);
    this.#tell();
    const at = this.#left.findIndex(({ run }) => run === handed.queued.submission.run);
    return at < 0 ? undefined : this.#left.splice(at, 1)[0];
  }

  #tell(): void {
    this.#state.hosted.set(this.#process, [...this.#byHanded.values()]);
  }
}
