import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import { UNANSWERED_MS } from '../../quota/call-times.ts';
import type { Slot } from '../../quota/quota.ts';
import { type QuotaScope, USE_MS } from './quota-scope.ts';
import { askAgain } from './trouble.ts';

/** So often all slots in hand are kept, as long as there are any. */
const KEEP_MS = 15_000;
/** After the database failed: a slot that is told of late is only held for longer, one that is kept too late is lost. */
const AGAIN_MS = 1000;

export interface SlotEvents {
  /** Monotonic moment at which the call counted at the latest; undefined where nothing was sent. */
  onEnd(id: string, countedAtMs: number | undefined): void;
  /** The database knows it now. */
  onTold(countedAtMs: number | undefined): void;
}

export interface SlotParts {
  clock: Clock;
  log: Logger;
  /** For how long (ms) from now on it is worth trying to tell the last ends, begun at this moment (monotonic). */
  leftMs(begunAtMs: number): number;
}

interface InHand {
  usableUntilMs: number;
}

interface End {
  id: string;
  /** Answered, at the latest when the database is told of it; not answered; not sent. */
  kind: 'settled' | 'unanswered' | 'released';
  countedAtMs: number;
}

/**
 * The slots of one process: those in hand, which are kept every 15 s, and those that are over, of which the database is told in batches. One statement at
 * a time, so that no slot is kept after it was settled.
 */
export class Slots {
  readonly #scope: QuotaScope;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #events: SlotEvents;
  readonly #leftMs: SlotParts['leftMs'];
  readonly #inHand = new Map<string, InHand>();
  #ended: End[] = [];
  #work: Promise<void> = Promise.resolve();
  #telling = false;
  #keeping = false;
  readonly #closed = new AbortController();

  constructor(scope: QuotaScope, events: SlotEvents, { clock, log, leftMs }: SlotParts) {
    this.#scope = scope;
    this.#events = events;
    this.#clock = clock;
    this.#log = log;
    this.#leftMs = leftMs;
  }

  /** A slot that was granted at `askedAtMs` (monotonic) at the earliest. */
  make(id: string, askedAtMs: number): Slot {
    const inHand = { usableUntilMs: askedAtMs + USE_MS };
    this.#inHand.set(id, inHand);
    void this.#keep();
    let over = false;
    const end = (kind: End['kind'], countedAtMs: number) => {
      if (over) return;
      over = true;
      this.#inHand.delete(id);
      this.#ended.push({ id, kind, countedAtMs });
      this.#events.onEnd(id, kind === 'released' ? undefined : countedAtMs);
      void this.#tell();
    };
    return {
      usable: () => this.#clock.monotonicMs() < inHand.usableUntilMs,
      settle: () => end('settled', this.#clock.monotonicMs()),
      settleUnanswered: (sentAtMs) => end('unanswered', sentAtMs + UNANSWERED_MS),
      release: () => end('released', this.#clock.monotonicMs()),
    };
  }

  /** After what is being told now, with nothing told meanwhile. */
  async alone<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#work;
    const done = before.then(work);
    this.#work = done.then(
      () => {},
      () => {},
    );
    return await done;
  }

  /** Tells the database what it has not been told yet, unless it stays away. */
  async close(): Promise<void> {
    this.#closed.abort();
    const begunAtMs = this.#clock.monotonicMs();
    const tellAll = () => this.alone(() => this.#tellAll());
    await askAgain(tellAll, { clock: this.#clock, leftMs: () => this.#leftMs(begunAtMs) }).catch((error: unknown) =>
      this.#log.debug({ err: error }, NOT_TOLD),
    );
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    try {
      while (this.#ended.length > 0 && !this.#closed.signal.aborted) {
        await this.alone(() => this.#tellAll()).catch(async (error: unknown) => {
          this.#log.debug({ err: error }, NOT_TOLD);
          await this.#sleep(AGAIN_MS);
        });
      }
    } finally {
      this.#telling = false;
    }
  }

  async #tellAll(): Promise<void> {
    const ended = this.#ended.splice(0);
    if (ended.length === 0) return;
    const idsOf = (kind: End['kind']) => ended.filter((end) => end.kind === kind).map(({ id }) => id);
    const unanswered = ended.filter(({ kind }) => kind === 'unanswered');
    try {
      await this.#scope.settle({ settled: idsOf('settled'), unanswered, released: idsOf('released') });
    } catch (error) {
      this.#ended.unshift(...ended);
      throw error;
    }
    const nowMs = this.#clock.monotonicMs();
    for (const { kind, countedAtMs } of ended) {
      if (kind === 'released') this.#events.onTold(undefined);
      else this.#events.onTold(kind === 'settled' ? nowMs : countedAtMs);
    }
  }

  async #keep(): Promise<void> {
    if (this.#keeping) return;
    this.#keeping = true;
    let waitMs = KEEP_MS;
    try {
      for (;;) {
        await this.#sleep(waitMs);
        if (this.#inHand.size === 0 || this.#closed.signal.aborted) return;
        waitMs = await this.alone(() => this.#keepAll()).then(
          () => KEEP_MS,
          (error: unknown) => {
            this.#log.debug({ err: error }, 'slots could not be kept');
            return AGAIN_MS;
          },
        );
      }
    } finally {
      this.#keeping = false;
    }
  }

  async #keepAll(): Promise<void> {
    const ids = [...this.#inHand.keys()];
    const askedAtMs = this.#clock.monotonicMs();
    const kept = await this.#scope.keep(ids);
    for (const id of ids) {
      const inHand = this.#inHand.get(id);
      if (inHand !== undefined) inHand.usableUntilMs = kept.has(id) ? askedAtMs + USE_MS : Number.NEGATIVE_INFINITY;
    }
  }

  #sleep(ms: number): Promise<void> {
    return this.#clock.sleep(ms, { signal: this.#closed.signal, ref: false }).catch(() => {});
  }
}

const NOT_TOLD = 'the database was not told what became of slots: they are held for longer';
