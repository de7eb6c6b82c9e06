import type { Clock } from '../../clock.ts';
import type { Logger } from '../../log.ts';
import type { SharedPauses } from '../../quota/quota.ts';
import type { QuotaScope } from './quota-scope.ts';

/** What the database gives back of a pause that we told it of ends later by the time that both ways took. */
const SAME_PAUSE_MS = 1000;

/** The pause of a sender in the database. Each answer to a question for slots shows it. */
export class Pauses implements SharedPauses {
  readonly #scope: QuotaScope;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #listeners: ((untilMs: number) => void)[] = [];
  /** Of the latest pause that we told of or heard of, so that neither is said back. */
  #untilMs = Number.NEGATIVE_INFINITY;

  constructor(scope: QuotaScope, { clock, log }: { clock: Clock; log: Logger }) {
    this.#scope = scope;
    this.#clock = clock;
    this.#log = log;
  }

  tell(untilMs: number): void {
    if (!this.#isNew(untilMs)) return;
    this.#scope
      .pause(untilMs)
      .catch((error: unknown) => this.#log.debug({ err: error }, 'other processes were not told of a pause'));
  }

  listen(hear: (untilMs: number) => void): void {
    this.#listeners.push(hear);
  }

  /** An answer showed that nobody is given a slot for so long. */
  seen(pausedMs: number): void {
    const untilMs = this.#clock.monotonicMs() + pausedMs;
    if (pausedMs > 0 && this.#isNew(untilMs)) for (const hear of this.#listeners) hear(untilMs);
  }

  #isNew(untilMs: number): boolean {
    if (untilMs - this.#untilMs < SAME_PAUSE_MS) return false;
    this.#untilMs = untilMs;
    return true;
  }
}
