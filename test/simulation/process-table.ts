import { SimProcess } from './process.ts';
import type { Trace } from './trace.ts';

/** All processes of a world, by their pids, which are never used again. */
export class ProcessTable {
  readonly #trace: Trace;
  readonly #byPid = new Map<number, SimProcess>();
  #lastPid = 0;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** `role` is its name in the trace, with its pid. */
  start(role: string, killAfter: number | undefined): SimProcess {
    this.#lastPid++;
    const pid = this.#lastPid;
    const name = `${role}-${pid}`;
    const process: SimProcess = new SimProcess({
      pid,
      name,
      killAfter,
      onKill: () => this.#trace.add(`${name} is killed after ${process.events} events`),
    });
    this.#byPid.set(pid, process);
    return process;
  }

  get lastPid(): number {
    return this.#lastPid;
  }

  get(pid: number): SimProcess | undefined {
    return this.#byPid.get(pid);
  }

  exists(pid: number): boolean {
    return this.#byPid.get(pid)?.exists ?? false;
  }

  someoneLives(): boolean {
    return [...this.#byPid.values()].some(({ exists, name }) => exists && !name.startsWith('reader'));
  }

  cutPower(): void {
    for (const each of this.#byPid.values()) each.kill(false);
  }
}
