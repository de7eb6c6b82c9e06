import type { Clock } from '../../clock.ts';
import { describeDuration } from '../../duration.ts';
import { ClockError, type CountermandError, LockedError } from '../../errors.ts';
import type { Hold } from '../../ledger/tape.ts';
import type { RunHolder } from '../store.ts';
import type { HeldRun } from './run-functions.ts';

/** Whom the database has given a run keeps it for so long after each append or renewal. */
export const LEASE_MS = 15_000;
/** The holder gives up this much before others may take over: a send that was just allowed still falls before that. */
const MARGIN_MS = 5_000;
/** A wall clock that went back by more was set, and what is written from then on would be dated wrongly. */
const CLOCK_BACK_MS = 60_000;

/** Nothing is sent so long after the database last answered, so that whoever waits for it longer waits in vain. */
export const SILENT_MS = LEASE_MS - MARGIN_MS;

export interface Moment {
  monotonicMs: number;
  wallMs: number;
}

export interface LeaseParts {
  held: HeldRun;
  /** Of the run, for messages. */
  name: string;
  /** Before the database was asked for it. */
  begun: Moment;
  clock: Clock;
  /** Gives it back, in the database and to whoever renews it. */
  release(lease: Lease): Promise<void>;
  /** Is told once when somebody asks the run to stop. */
  onStop?: (() => void) | undefined;
}

/**
 * The right to work on a run, as far as this process can tell without asking: it lasts until the lease minus a margin has passed since the beginning
 * of the last append or renewal that the database answered. The database's lease began later than that, so nobody else can have it before. Both clocks
 * of this machine are asked: the monotonic one stands still while it sleeps. A lease once found lost is never held again.
 */
export class Lease implements Hold {
  readonly held: HeldRun;
  readonly name: string;
  readonly #parts: LeaseParts;
  #renewed: Moment;
  #lost: CountermandError | undefined;
  #trouble: CountermandError | undefined;
  #stopTold = false;
  readonly #beforeEnd: (() => Promise<void>)[] = [];

  constructor(parts: LeaseParts) {
    this.held = parts.held;
    this.name = parts.name;
    this.#parts = parts;
    this.#renewed = parts.begun;
  }

  /** The database has renewed it, asked at this moment. */
  renewed(begun: Moment, stop: boolean): void {
    if (begun.monotonicMs > this.#renewed.monotonicMs) this.#renewed = begun;
    this.#trouble = undefined;
    if (stop && !this.#stopTold) {
      this.#stopTold = true;
      this.#parts.onStop?.();
    }
  }

  /** The database could not be asked. */
  notRenewed(trouble: CountermandError): void {
    this.#trouble = trouble;
  }

  /** Somebody else has it. */
  taken(holder?: RunHolder | null): LockedError {
    const by = holder ? ` by ${describeHolder(holder)}` : '';
    const lost = new LockedError(
      `The run ${this.name} was taken over${by}, because this process stood still or did not reach the store for too long. Nothing more was sent; wait until that run ends.`,
    );
    this.#lost ??= lost;
    return lost;
  }

  /** How long (ms) it still lasts. */
  get leftMs(): number {
    return this.#lost === undefined ? SILENT_MS - this.ageMs : 0;
  }

  /**
   * Throws a LockedError when it was not renewed in time because this process stood still, a ClockError when the wall clock was set, and what the
   * database said when that is why.
   */
  assertFresh(): void {
    if (this.#lost !== undefined) throw this.#lost;
    const stoodMs = this.#stoodMs;
    const movedMs = this.#parts.clock.wallMs() - this.#renewed.wallMs - stoodMs;
    if (this.leftMs >= 0 && movedMs >= -CLOCK_BACK_MS) return;
    this.#lost = this.#whyLost(stoodMs, movedMs);
    throw this.#lost;
  }

  assertMaySend(): void {
    this.assertFresh();
  }

  /** Nothing is asked: the intent that was just written has asked. */
  assertHeld(): Promise<void> {
    return new Promise((resolve) => {
      this.assertFresh();
      resolve();
    });
  }

  /** Is done before it is given back. */
  beforeEnd(work: () => Promise<void>): void {
    this.#beforeEnd.push(work);
  }

  /** Gives it back; throws what the work before that has thrown. */
  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const work of this.#beforeEnd.splice(0)) await work();
    } finally {
      await this.#parts.release(this);
    }
  }

  get #stoodMs(): number {
    return this.#parts.clock.monotonicMs() - this.#renewed.monotonicMs;
  }

  /** By whichever clock shows more. */
  get ageMs(): number {
    return Math.max(this.#stoodMs, this.#parts.clock.wallMs() - this.#renewed.wallMs);
  }

  #whyLost(stoodMs: number, movedMs: number): CountermandError {
    if (stoodMs <= SILENT_MS) {
      const moved = `${movedMs > 0 ? 'ahead' : 'back'} by ${describeDuration(Math.abs(movedMs))}`;
      return new ClockError(
        `The clock of this machine moved ${moved} during the run: it was set, or the machine slept. Nothing more was sent; check the clock, then run again to resume.`,
      );
    }
    if (this.#trouble !== undefined) return this.#trouble;
    return new LockedError(
      `The lease on the run ${this.name} was not renewed for ${Math.round(this.ageMs / 1000)} s, because this process stood still: another may have gone on with it. Nothing more was sent; run again to resume.`,
    );
  }
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}

/** Names a holder for a message. */
export function describeHolder({ pid, host, since }: RunHolder): string {
  return `process ${pid} on ${host} (since ${since})`;
}
