import type { ExitCode } from '../../../src/exit-codes.ts';
import type { Backlog, Claim, Settlement, TakeOptions, WorkQueue } from '../../../src/fleet/queue.ts';
import type { Submission } from '../../../src/fleet/standing.ts';
import type { SimProcess } from '../process.ts';
import type { Random } from '../seed.ts';
import { HONEST, type QueueLies } from './fleet-scenario.ts';

const MINUTE = 60_000;
const HALF_A_DAY = 12 * 3_600_000;
/** A worker that is silent for so long is lost (src/fleet/boss.ts), and looked for this often. */
const SILENT_MS = 10_000;
const LOOK_MS = 3000;

/** Takeovers in a row as an onlooker counts them, by the ledger alone. */
export interface Row {
  idle: number;
  answers: number;
}

/** A run as it stands, or stood, in the queue. */
export interface Queued {
  readonly submission: Submission;
  readonly row: Row;
  state: 'waiting' | 'at-work' | 'ended' | 'dead-letter' | 'gone';
  notBeforeMs: number;
  /** How often it was handed out. */
  attempt: number;
  deaths: number;
  exitCode: ExitCode | undefined;
}

/** One handing out of a run. */
export interface Handed {
  readonly queued: Queued;
  readonly attempt: number;
  readonly deaths: number;
  readonly process: SimProcess;
  readonly lost: AbortController;
  /** Its worker is not heard of any more, or has settled it. */
  isOver: boolean;
  /** When it heard that the run is not its any more. */
  heardMs: number | undefined;
}

export interface QueueOptions {
  random: Random;
  lies: QueueLies;
  /** True ms. */
  now(): number;
  isCalm(): boolean;
  trace(text: string): void;
  /** A worker begins with a run. */
  onBegin(handed: Handed): void;
  /** A worker says what becomes of it; undefined where its work threw. Returns the row of takeovers that goes on with it. */
  onTold(handed: Handed, settlement: Settlement | undefined): Row;
}

interface Taker extends TakeOptions {
  process: SimProcess;
  busy: number;
  hasLeft: boolean;
  /** Told when nothing is at work any more. */
  onIdle: (() => void)[];
}

/**
 * The queue of a world: as src/fleet/queue.ts is on pg-boss, told by its suite, but that it lies until it is calm. It lies in a database of its own, which
 * no loss of power reaches.
 */
export class SimQueue {
  readonly #options: QueueOptions;
  readonly #all: Queued[] = [];
  readonly #takers = new Set<Taker>();
  #isPlanned = false;

  constructor(options: QueueOptions) {
    this.#options = options;
  }

  get #lies(): QueueLies {
    return this.#options.isCalm() ? HONEST : this.#options.lies;
  }

  /** The last standing of a run. */
  standing(run: string): Queued | undefined {
    return this.#all.findLast(({ submission }) => submission.run === run);
  }

  get isIdle(): boolean {
    return !this.#all.some(isOpen);
  }

  /** False where it is in the queue already. */
  submit(submission: Submission): boolean {
    return this.#put(submission, { idle: 0, answers: 0 }, 0);
  }

  /** Puts a dead letter back; false where there is none. */
  revive(run: string): boolean {
    const dead = this.#all.find(({ submission, state }) => submission.run === run && state === 'dead-letter');
    if (dead === undefined) return false;
    dead.state = 'gone';
    const { row, submission } = dead;
    this.#put({ ...submission, idleTakeovers: 0, waits: 0 }, { ...row, idle: 0 }, 0);
    return true;
  }

  /** Also one that is at work; a dead letter stays one. */
  takeOut(run: string): boolean {
    const open = this.#all.filter((each) => each.submission.run === run && isOpen(each));
    for (const each of open) Object.assign(each, { state: 'ended', exitCode: 130 });
    return open.length > 0;
  }

  /** As a worker opens it. */
  async open(process: SimProcess): Promise<WorkQueue> {
    const { random } = this.#options;
    const taker: Taker = { process, busy: 0, hasLeft: true, onIdle: [], places: 0, work: () => Promise.reject() };
    const answered = () =>
      new Promise<void>((resolve) => process.act(() => setTimeout(() => process.deliver(resolve), random.int(1, 20))));
    await answered();
    return {
      take: async (how) => {
        await answered();
        Object.assign(taker, how, { hasLeft: false });
        this.#takers.add(taker);
        this.#plan();
      },
      leave: () => {
        taker.hasLeft = true;
        const idle = new Promise<void>((resolve) => {
          if (taker.busy === 0) resolve();
          else taker.onIdle.push(resolve);
        });
        return { idle };
      },
      backlog: async () => {
        await answered();
        return this.#backlog();
      },
      [Symbol.asyncDispose]: () => {
        taker.hasLeft = true;
        return Promise.resolve();
      },
    };
  }

  #backlog(): Backlog {
    const now = this.#options.now();
    const of = (keep: (each: Queued) => boolean) => this.#all.filter(keep);
    const waiting = of(({ state, notBeforeMs }) => state === 'waiting' && notBeforeMs <= now);
    return {
      runs: {
        waiting: waiting.length,
        later: of(({ state, notBeforeMs }) => state === 'waiting' && notBeforeMs > now).length,
        'at-work': of(({ state }) => state === 'at-work').length,
        'dead-letter': of(({ state }) => state === 'dead-letter').length,
      },
      waitMs: Math.max(0, ...waiting.map(({ notBeforeMs }) => now - notBeforeMs)),
    };
  }

  #put(submission: Submission, row: Row, afterMs: number): boolean {
    if (this.#all.some((each) => each.submission.run === submission.run && isOpen(each))) return false;
    const { random, now, trace } = this.#options;
    const lies = this.#lies;
    const lateMs = random.chance(lies.late) ? random.spread(MINUTE, HALF_A_DAY) : 0;
    const isLost = random.chance(lies.lost);
    if (lateMs > 0) trace(`the queue will hand out ${submission.run} ${lateMs} ms late`);
    if (isLost) trace(`the queue loses ${submission.run}`);
    this.#all.push({
      ...{ submission, row, state: isLost ? 'gone' : 'waiting', notBeforeMs: now() + afterMs + lateMs },
      ...{ attempt: 0, deaths: 0, exitCode: undefined },
    });
    this.#plan(afterMs + lateMs);
    return true;
  }

  /** Soon after a moment, which may be now, runs are handed out. */
  #plan(afterMs = 0): void {
    setTimeout(() => this.#handOut(), afterMs + this.#options.random.int(1, 1000));
  }

  #handOut(): void {
    const { random, now } = this.#options;
    let isLeft = false;
    for (const queued of this.#all) {
      if (queued.state !== 'waiting' || queued.notBeforeMs > now()) continue;
      const free = [...this.#takers].filter((each) => isTaking(each) && each.busy < each.places);
      if (free.length > 0) this.#hand(queued, random.pick(free));
      else isLeft = true;
    }
    if (!isLeft || this.#isPlanned || ![...this.#takers].some(({ process }) => process.exists)) return;
    this.#isPlanned = true;
    setTimeout(() => {
      this.#isPlanned = false;
      this.#handOut();
    }, 5000);
  }

  #hand(queued: Queued, taker: Taker): void {
    const { random } = this.#options;
    queued.state = 'at-work';
    queued.attempt++;
    this.#give(queued, taker);
    const lies = this.#lies;
    if (random.chance(lies.twice)) {
      const asLost = random.chance(lies.asLost);
      const afterMs = random.spread(1, random.pick([1000, MINUTE, 30 * MINUTE]));
      setTimeout(() => this.#handAgain(queued, queued.attempt, asLost), afterMs);
    }
  }

  #give(queued: Queued, taker: Taker): void {
    const { random } = this.#options;
    const { process } = taker;
    const { attempt, deaths } = queued;
    const handed: Handed = {
      queued,
      attempt,
      deaths,
      process,
      lost: new AbortController(),
      isOver: false,
      heardMs: undefined,
    };
    taker.busy++;
    this.#listen(handed, this.#options.now());
    setTimeout(() => process.deliver(() => void this.#work(handed, taker)), random.int(1, 50));
  }

  /** The lie: whoever had it goes on, and hears of it late or never. */
  #handAgain(queued: Queued, attempt: number, asLost: boolean): void {
    const { random, trace, isCalm } = this.#options;
    if (isCalm() || queued.state !== 'at-work' || queued.attempt !== attempt) return;
    trace(`the queue hands ${queued.submission.run} out twice${asLost ? ', as if its worker were lost' : ''}`);
    if (asLost) {
      queued.deaths++;
      queued.state = 'waiting';
      this.#plan();
      return;
    }
    const free = [...this.#takers].filter((each) => isTaking(each) && each.busy < each.places);
    if (free.length > 0) this.#give(queued, random.pick(free));
  }

  /** Whether its worker is heard of. What is not is another's, and it learns of that when it goes on. */
  #listen(handed: Handed, heardMs: number): void {
    setTimeout(() => {
      if (handed.isOver) return;
      const { queued, attempt, process } = handed;
      const { now, random, trace } = this.#options;
      const isMine = queued.state === 'at-work' && queued.attempt === attempt;
      const isHeard = process.exists && !process.isFrozen;
      if (isHeard && isMine) {
        this.#listen(handed, now());
        return;
      }
      if (!isHeard && isMine && now() - heardMs < SILENT_MS) {
        this.#listen(handed, heardMs);
        return;
      }
      handed.isOver = true;
      const tell = () => {
        handed.heardMs = now();
        handed.lost.abort();
      };
      process.act(() => setTimeout(() => process.deliver(tell), random.int(1, 5000)));
      if (!isMine) return;
      trace(`${process.name} is lost to the queue, with ${queued.submission.run}`);
      queued.deaths++;
      queued.state = 'waiting';
      this.#plan();
    }, LOOK_MS);
  }

  async #work(handed: Handed, taker: Taker): Promise<void> {
    const { onBegin, onTold, random } = this.#options;
    const { process, queued, deaths, lost } = handed;
    onBegin(handed);
    const claim: Claim = { submission: { ...queued.submission }, deaths, signal: lost.signal };
    const settlement = await taker.work(claim).catch(() => undefined);
    const row = onTold(handed, settlement);
    process.act(() =>
      setTimeout(
        () => {
          this.#settle(handed, settlement, row);
          process.deliver(() => {
            taker.busy--;
            this.#plan();
            if (taker.busy === 0) for (const tell of taker.onIdle.splice(0)) tell();
          });
        },
        random.int(1, 50),
      ),
    );
  }

  #settle(handed: Handed, settlement: Settlement | undefined, row: Row): void {
    const { random, trace } = this.#options;
    const { queued, attempt, process } = handed;
    const { run } = queued.submission;
    const isMine = queued.state === 'at-work' && (queued.attempt === attempt || this.#lies.sloppy);
    handed.isOver = true;
    if (!isMine) return;
    if (settlement === undefined || random.chance(this.#lies.unheard)) {
      trace(`the queue does not hear what ${process.name} makes of ${run}`);
      queued.deaths++;
      queued.state = 'waiting';
      this.#plan();
      return;
    }
    const { kind } = settlement;
    trace(`${process.name} settles ${run}: ${kind === 'again' ? `again after ${settlement.afterMs} ms` : kind}`);
    if (kind === 'again') {
      queued.state = 'gone';
      this.#put(settlement.submission, row, settlement.afterMs);
      return;
    }
    queued.state = kind === 'done' ? 'ended' : 'dead-letter';
    queued.exitCode = settlement.exitCode;
    if (kind !== 'done' || !random.chance(this.#lies.replay)) return;
    const old = random.pick(this.#all.filter(({ submission }) => submission.run === run));
    const afterMs = random.spread(1000, HALF_A_DAY);
    setTimeout(() => {
      if (this.#options.isCalm() || !this.#put(old.submission, old.row, 0)) return;
      trace(`the queue hands ${run} out once more, which was done`);
    }, afterMs);
  }
}

function isOpen({ state }: Queued): boolean {
  return state === 'waiting' || state === 'at-work';
}

function isTaking({ process, hasLeft }: Taker): boolean {
  return process.exists && !process.isFrozen && !hasLeft;
}
