import type { Clock } from '../../clock.ts';
import { describeDuration } from '../../duration.ts';
import { ClockError, CountermandError, DiskError, LockedError } from '../../errors.ts';
import { hasCode, remedyFor } from '../../fs-errors.ts';
import type { Hold } from '../../ledger/tape.ts';
import type { Logger } from '../../log.ts';
import type { Disk } from './disk.ts';
import { contentOf, describe, type Holder, type Processes, readHolder } from './holder.ts';

/** A lock that was not renewed for this long may be taken over. */
export const LOCK_TTL_MS = 60_000;
export const LOCK_RENEW_MS = 10_000;
/** The holder gives up this much before others may take over: a send that was just allowed still falls before that. */
const LOCK_MARGIN_MS = 10_000;
const FRESH_MS = LOCK_TTL_MS - LOCK_MARGIN_MS;
/**
 * So long a look at the file is good for the sends that follow it. No send arrives sooner after its look than that anyway, and with a
 * thousand a second the looks would cost as much as the sends.
 */
const LOOK_GOOD_MS = 5;

export interface LockOptions {
  path: string;
  disk: Disk;
  clock: Clock;
  log: Logger;
  processes: Processes;
  /** Path of the ledger that is worked on. */
  ledger: string;
  /** What is held, for messages: "the ledger x.jsonl". */
  what: string;
  /** Tells a person that a lock is waited for, and until when. */
  say?: ((text: string) => void) | undefined;
  /** Ends the wait for a lock. */
  signal?: AbortSignal | undefined;
  /** Without it, a lock whose holder cannot be asked counts as held. @default true */
  wait?: boolean;
}

/** A lock file just made: what it holds, and the moment before it was written. */
export interface Claim {
  holder: Holder;
  content: string;
  begun: Moment;
  /** The dead or silent holder that was taken over, if any. */
  tookOver: Holder | undefined;
}

/**
 * A lock that this process holds. It is renewed every {@link LOCK_RENEW_MS} through one file handle, so that a late renewal never falls
 * on a successor's file. Before each send `assertHeld` looks at the time since the last renewal, by the monotonic clock and by the wall
 * clock (the first stands still while a laptop sleeps), and at the nonce in the file, if it has not looked just now. Where the two clocks disagree by
 * more than a lock's life, the wall clock was set, or the machine slept: what is written from then on would be dated wrongly for the quota's
 * memory, so the session ends. A lock once found lost is never held again.
 */
export class HeldLock implements Hold {
  readonly path: string;
  /** The dead or silent holder that was taken over, if any. */
  readonly tookOver: Holder | undefined;
  readonly #options: LockOptions;
  readonly #holder: Holder;
  readonly #stop = new AbortController();
  #content: string;
  #renewed: Moment;
  #lost: LockedError | DiskError | ClockError | undefined;
  #beside: Beside | undefined;
  #looked: Moment | undefined;
  #busy: Promise<unknown> = Promise.resolve();
  /** The look that has not begun. */
  #next: Promise<void> | undefined;
  /** The look that was asked for last, and how many wait for it or for one before. */
  #awaited: Promise<void> | undefined;
  #waiting = 0;

  constructor(options: LockOptions, { holder, content, begun, tookOver }: Claim) {
    this.path = options.path;
    this.tookOver = tookOver;
    this.#options = options;
    this.#holder = holder;
    this.#content = content;
    this.#renewed = begun;
  }

  /** Renews it from now on, without keeping the process alive, until it is released or lost. */
  keep(): void {
    void this.#keep();
  }

  /** What each look at the lock looks at as well. */
  lookAlso(beside: Beside): void {
    this.#beside = beside;
  }

  /** Whether nobody may have taken it over by now, as far as that is known without looking at the file. */
  get isFresh(): boolean {
    return this.#lost === undefined && this.ageMs <= FRESH_MS;
  }

  get ageMs(): number {
    return this.#ageMs(this.#renewed);
  }

  /** Throws a LockedError when the lock is not fresh, a ClockError when that is so because the wall clock moved. */
  assertFresh(): void {
    const { what, clock } = this.#options;
    // Asked a dozen times for each call, so the clocks are read once.
    const now = momentOf(clock);
    const stoodMs = now.monotonicMs - this.#renewed.monotonicMs;
    const passedMs = now.wallMs - this.#renewed.wallMs;
    const ageMs = Math.max(stoodMs, passedMs);
    /** By how much the wall clock went ahead of the time that passed since the last renewal. */
    const movedMs = passedMs - stoodMs;
    if (this.#lost !== undefined) throw this.#lost;
    if (ageMs <= FRESH_MS && Math.abs(movedMs) <= LOCK_TTL_MS) return;
    if (stoodMs <= FRESH_MS && Math.abs(movedMs) > LOCK_TTL_MS) {
      this.#lost = new ClockError(
        `The clock of this machine moved ${movedMs > 0 ? 'ahead' : 'back'} by ${describeDuration(Math.abs(movedMs))} during the run: it was set, or the machine slept. Nothing more was sent; check the clock, then run again to resume.`,
      );
      throw this.#lost;
    }
    this.#lose(
      `The lock on ${what} was not renewed for ${Math.round(ageMs / 1000)} s, because this process or its disk stood still: another run may have gone on. Nothing more was sent; run again to resume.`,
    );
  }

  /** Throws as {@link assertFresh}, and when what is looked at with the lock was found to be not ours any more. */
  assertMaySend(): void {
    this.assertFresh();
    this.#beside?.assertNotReplaced();
  }

  /**
   * Throws a LockedError when the lock was not renewed in time or the file carries another nonce, a ClockError when the wall clock moved, a
   * DiskError when it cannot be read or went away together with the ledger, and what {@link lookAlso} throws. Callers that come while the file is being
   * looked at share the next look, and a look is good for those who come within {@link LOOK_GOOD_MS} of its beginning. Nobody overtakes who came
   * before: calls go out in the order that was asked for.
   */
  async assertHeld(): Promise<void> {
    this.assertFresh();
    const hasJustLooked = this.#looked !== undefined && this.#ageMs(this.#looked) < LOOK_GOOD_MS;
    if (hasJustLooked && this.#waiting === 0) return;
    if (!hasJustLooked && this.#next === undefined) {
      this.#next = this.#alone(async () => {
        this.#next = undefined;
        await this.#look();
      });
      this.#awaited = this.#next;
    }
    this.#waiting += 1;
    try {
      await this.#awaited;
    } finally {
      this.#waiting -= 1;
    }
    this.assertFresh();
  }

  /** Renews the lock now. A disk that fails is logged: the lock is lost only when its time has run out. */
  async renew(): Promise<void> {
    await this.#alone(async () => {
      this.assertFresh();
      const { disk, clock } = this.#options;
      const begun = momentOf(clock);
      const content = contentOf({ ...this.#holder, renewedAt: new Date(begun.wallMs).toISOString() });
      const renewed = await disk.replaceIf(this.path, this.#content, content).catch((error: unknown) => {
        if (hasCode(error, 'ENOENT')) return false;
        throw error;
      });
      if (!renewed) {
        await this.#look();
        return;
      }
      this.#content = content;
      this.#renewed = begun;
    });
  }

  /**
   * Stops renewing and removes the file, if it is still ours. A disk that does not let it go is logged: the lock of a process that has
   * ended is in nobody's way, and what the session ended with must not be hidden behind it.
   */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await this.#alone(async () => {
      const { disk, log, what } = this.#options;
      if (!this.#mayStillBeOurs) return;
      try {
        const there = await readHolder(disk, this.path);
        // Who stood still since it looked would remove its successor's.
        if (there.holder?.nonce === this.#holder.nonce && this.#mayStillBeOurs) await disk.remove(this.path);
      } catch (error) {
        log.warn({ err: error }, `the lock on ${what} could not be removed`);
      }
    });
  }

  async #keep(): Promise<void> {
    const { clock, log, what } = this.#options;
    const { signal } = this.#stop;
    while (!signal.aborted && this.#lost === undefined) {
      try {
        await clock.sleep(LOCK_RENEW_MS, { signal, ref: false });
        await this.renew();
      } catch (error) {
        if (!signal.aborted) log.warn({ err: error }, `the lock on ${what} could not be renewed`);
      }
    }
  }

  async #look(): Promise<void> {
    const { disk, clock, what, ledger } = this.#options;
    try {
      const begun = momentOf(clock);
      await this.#beside?.look();
      const { holder, gone } = await readHolder(disk, this.path);
      if (holder?.nonce === this.#holder.nonce) {
        this.#looked = begun;
        return;
      }
      if (!gone) {
        this.#lose(
          `The lock on ${what} was taken over by ${describe(holder)}. Nothing more was sent; wait until that run ends.`,
        );
      }
      if ((await disk.stat(ledger)) === undefined) {
        this.#lost ??= new DiskError(
          `${ledger} was removed: the ledger was replaced while the run was using it. Nothing more was sent; bring it back, then run again to resume.`,
        );
        throw this.#lost;
      }
      this.#lose(
        `The lock on ${what} (${this.path}) was removed: another run may have gone on. Nothing more was sent; run again to resume.`,
      );
    } catch (error) {
      if (error instanceof CountermandError) throw error;
      const cause = error instanceof Error ? error.message : String(error);
      const remedy = remedyFor(error) ?? 'repair the disk, then run again';
      throw new DiskError(
        `The lock ${this.path} of the ledger ${ledger} could not be read (${cause}): nothing more was sent; ${remedy} to resume.`,
        { cause: error },
      );
    }
  }

  /** By whichever clock shows more: the monotonic one stands still while a laptop sleeps. */
  #ageMs({ monotonicMs, wallMs }: Moment): number {
    const { clock } = this.#options;
    return Math.max(clock.monotonicMs() - monotonicMs, clock.wallMs() - wallMs);
  }

  /** A clock that was set loses us the session and not the lock: who else looks at it sees its renewals, not its date. */
  get #mayStillBeOurs(): boolean {
    const stoodMs = this.#options.clock.monotonicMs() - this.#renewed.monotonicMs;
    return this.#lost instanceof ClockError ? stoodMs <= FRESH_MS : this.isFresh;
  }

  #lose(message: string): never {
    this.#lost ??= new LockedError(message);
    throw this.#lost;
  }

  /** One at a time: a look must not meet a renewal half written. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#busy.then(work, work);
    this.#busy = done.catch(() => undefined);
    return done;
  }
}

/** What a lock protects. */
export interface Beside {
  /** Throws when it is not ours any more. */
  look(): Promise<void>;
  /** Throws when a look has found that before. */
  assertNotReplaced(): void;
}

export interface Moment {
  monotonicMs: number;
  wallMs: number;
}

export function momentOf(clock: Clock): Moment {
  return { monotonicMs: clock.monotonicMs(), wallMs: clock.wallMs() };
}
