import type { Settlement } from '../../../src/fleet/queue.ts';
import { newSubmission } from '../../../src/fleet/standing.ts';
import { admittedIn, headOf } from '../ledger-text.ts';
import { runToEnd, targetsOf } from '../operator.ts';
import { playFaults } from '../play-faults.ts';
import type { SimProcess } from '../process.ts';
import { startSession } from '../session.ts';
import { TENANT } from '../sign-in.ts';
import { LEDGER, LONGEST_SESSION_MS, NO_OUTAGES, SECOND_LEDGER, type WorldState } from '../state.ts';
import type { FleetScenario, WorkerSlot } from './fleet-scenario.ts';
import { type Handed, type Row, SimQueue } from './sim-queue.ts';
import { startWorker, type WorkerProcess } from './worker-process.ts';

/** Healthy workers and an honest queue have so many tries at a run: each look of the operator is one. */
const CALM_LOOKS = 12;

/** Runs are submitted, and workers do them. In the end it is calm. */
export async function playFleet(state: WorldState, scenario: FleetScenario): Promise<void> {
  const fleet = new Fleet(state, scenario);
  await fleet.play();
  if (state.failure === undefined) await fleet.calm();
}

class Fleet {
  readonly #state: WorldState;
  readonly #scenario: FleetScenario;
  readonly #queue: SimQueue;
  readonly #workers = new Map<SimProcess, WorkerProcess>();
  readonly #runs: readonly string[];
  #deadly: number;
  /** Answers and outcomes in a run's ledger when a worker got it. */
  readonly #answers = new WeakMap<Handed, number>();

  constructor(state: WorldState, scenario: FleetScenario) {
    this.#state = state;
    this.#scenario = scenario;
    this.#runs = scenario.second ? [LEDGER, SECOND_LEDGER] : [LEDGER];
    this.#deadly = scenario.deadly?.times ?? 0;
    this.#queue = new SimQueue({
      random: state.random.fork('queue'),
      lies: scenario.lies,
      now: state.now,
      isCalm: () => state.isCalm,
      trace: (text) => state.trace.add(text),
      onBegin: (handed) => this.#begin(handed),
      onTold: (...told) => this.#told(...told),
    });
  }

  async play(): Promise<void> {
    const { slots, looks, lastsMs } = this.#scenario;
    const state = this.#state;
    const endMs = state.now() + lastsMs;
    const [first] = slots[0]?.lives ?? [];
    state.clocks.lie(first?.faults.lie);
    let lives = slots.length;
    for (const [n, slot] of slots.entries()) this.#live(n, slot, () => lives--);
    for (const run of this.#runs) await this.#submit(run, this.#scenario.plans ? 'plan' : 'run');
    for (const look of [...looks].sort((a, b) => a.atMs - b.atMs)) {
      await state.time.runUntil(() => state.failure !== undefined || state.now() >= look.atMs, LONGEST_SESSION_MS);
      if (state.failure !== undefined) return;
      for (const run of this.#runs) {
        if (look.takesOut && this.#queue.takeOut(run)) state.trace.add(`${run} is taken out of the queue`);
        await this.#look(run, look);
      }
    }
    const isOver = () => lives === 0 && ![...this.#workers.keys()].some(({ exists }) => exists);
    setTimeout(() => undefined, Math.max(0, endMs - state.now()));
    await state.time.runUntil(
      () => state.failure !== undefined || isOver() || state.now() >= endMs,
      LONGEST_SESSION_MS,
    );
  }

  /** No more faults: a healthy worker in the place of those that are there, and somebody who looks at the queue. */
  async calm(): Promise<void> {
    const state = this.#state;
    state.isCalm = true;
    Object.assign(state.outages, NO_OUTAGES);
    state.clocks.lie(undefined);
    state.trace.add('calm');
    // The limits of those that are there hold for their runs.
    for (const worker of this.#workers.values()) worker.terminate();
    const calm = startWorker(state, this.#queue, { places: 2, faults: undefined, calm: true });
    this.#workers.set(calm.process, calm);
    for (let n = 0; n < CALM_LOOKS && state.failure === undefined; n++) {
      const isIdle = () => state.failure !== undefined || this.#queue.isIdle;
      if (!(await state.time.runUntil(isIdle, 2 * LONGEST_SESSION_MS))) {
        state.emit('stranded', 'a run stands in the queue, and nobody brings it to its end');
      }
      if (this.#runs.every((run) => this.#isOver(run))) break;
      await state.time.pass(90_000);
      for (const run of this.#runs) await this.#look(run, { revives: true, submitsAgain: false });
    }
    calm.terminate();
    const areGone = () => state.failure !== undefined || ![...this.#workers.keys()].some(({ exists }) => exists);
    if (!(await state.time.runUntil(areGone, LONGEST_SESSION_MS))) state.emit('stall', 'a worker does not end');
  }

  #isOver(run: string): boolean {
    const standing = this.#queue.standing(run);
    if (standing?.state !== 'ended' || standing.submission.step === 'plan') return false;
    return standing.exitCode === 0 || standing.exitCode === 3;
  }

  /** What somebody does who sees where a run stands. */
  async #look(run: string, { revives, submitsAgain }: { revives: boolean; submitsAgain: boolean }): Promise<void> {
    const standing = this.#queue.standing(run);
    const { trace } = this.#state;
    if (standing?.state === 'dead-letter') {
      if (revives && this.#queue.revive(run)) trace.add(`${run} is submitted again, a dead letter`);
    } else if (standing === undefined || standing.state === 'gone')
      await this.#submit(run, standing?.submission.step ?? 'run');
    else if (standing.state === 'ended' && standing.submission.step === 'plan') await this.#submit(run, 'run');
    else if (standing.state === 'ended' && (submitsAgain || !this.#isOver(run))) await this.#submit(run, 'run');
  }

  /** `submit`, or what a campaign does: a run whose plan was made is given its head. */
  async #submit(run: string, step: 'plan' | 'run'): Promise<void> {
    const state = this.#state;
    if (state.failure !== undefined) return;
    const bytes = state.disk.bytes(run);
    const watch = state.files.watchAt(run);
    if (bytes !== undefined && watch?.closed === 'planned' && !watch.hasStart && this.#scenario.plans) {
      const planHead = headOf(bytes);
      state.reviewed.set(planHead, admittedIn(bytes));
      this.#put(newSubmission(run, TENANT, { step: 'run', planHead }));
      return;
    }
    const process = state.processes.start('submit', undefined);
    let code: number | undefined;
    const kind = step === 'plan' && watch?.hasStart !== true ? 'submit-plan' : 'submit';
    const session = startSession(state, process, { kind, missing: undefined, path: run, calm: state.isCalm });
    const ended = session.then((exitCode) => {
      code = exitCode;
      return exitCode;
    });
    await runToEnd(state, process, ended);
    if (code === 0) this.#put(newSubmission(run, TENANT, { step: kind === 'submit-plan' ? 'plan' : 'run' }));
  }

  #put(submission: ReturnType<typeof newSubmission>): void {
    const isNew = this.#queue.submit(submission);
    this.#state.trace.add(`${submission.run} is ${isNew ? 'submitted' : 'in the queue already'}: ${submission.step}`);
  }

  /** One process after the other, as a supervisor starts them. */
  #live(n: number, { places, elsewhere, lives }: WorkerSlot, onOver: () => void): void {
    const state = this.#state;
    const next = (life: number) => {
      const drawn = lives[life];
      if (drawn === undefined || state.isCalm) {
        onOver();
        return;
      }
      setTimeout(() => {
        if (state.isCalm) return onOver();
        const before = state.host;
        if (elsewhere) state.host = { name: `host-w${n}`, boot: before.boot };
        const worker = startWorker(state, this.#queue, { places, faults: drawn.faults, calm: false });
        state.host = before;
        this.#workers.set(worker.process, worker);
        const random = state.random.fork(`faults of ${worker.process.name}`);
        playFaults(drawn.faults, worker.process, targetsOf(state, random));
        worker.process.whenGone(() => next(life + 1));
      }, drawn.afterMs);
    };
    next(0);
  }

  #begin(handed: Handed): void {
    const { process, queued, deaths } = handed;
    const { run } = queued.submission;
    this.#state.trace.add(`${process.name} gets ${run}${deaths > 0 ? `, which ${deaths} lost` : ''}`);
    this.#answers.set(handed, this.#answersIn(run));
    this.#workers.get(process)?.hosted.begin(handed);
    const { deadly } = this.#scenario;
    if (deadly === undefined || deaths > 0 || this.#deadly === 0 || this.#state.isCalm) return;
    this.#deadly--;
    process.killAfter = process.events + deadly.afterEvents;
  }

  #told(handed: Handed, settlement: Settlement | undefined): Row {
    const { queued, deaths, process, heardMs } = handed;
    const { submission, row } = queued;
    const worker = this.#workers.get(process);
    const left = worker?.hosted.end(handed);
    const answers = this.#answersIn(submission.run);
    this.#state.emit('settled', {
      ...{ by: process.name, submission, deaths, settlement, left, row, answers },
      answersBefore: this.#answers.get(handed) ?? 0,
      isDraining: worker?.askedMs !== undefined,
      mayNotRead: worker?.mayNotRead ?? true,
      lostMs: heardMs === undefined || worker?.isHindered !== false ? undefined : this.#state.now() - heardMs,
    });
    if (deaths === 0 || settlement?.kind !== 'again' || settlement.submission.takeovers === submission.takeovers)
      return row;
    return { idle: answers > row.answers ? 0 : row.idle + deaths, answers };
  }

  #answersIn(run: string): number {
    const written = this.#state.files.watchAt(run)?.written ?? [];
    return written.filter(({ record }) => record.kind === 'reply' || record.kind === 'outcome').length;
  }
}
