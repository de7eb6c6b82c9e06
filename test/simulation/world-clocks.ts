import type { Scenario } from './scenario.ts';
import type { ClockLie } from './session-faults.ts';

/** What the clocks of a world show beside the true time, and who is believed wrongly. */
export class WorldClocks {
  /** Our wall clock minus the truth. */
  offsetMs = 0;
  /** What Defender's `Date` shows beside the truth. */
  #server: ClockLie = { byMs: 0 };
  /** The part of `offsetMs` that is this session's lie. */
  #lieMs = 0;
  readonly #honest: Scenario['honestClock'];

  constructor(honest: Scenario['honestClock']) {
    this.#honest = honest;
  }

  jump(byMs: number): void {
    this.offsetMs += byMs;
  }

  /** The clock that lies in this world says this from now on; undefined: the truth. */
  lie(lie: ClockLie | undefined): void {
    if (this.#honest === 'both') return;
    if (this.#honest === 'wall') {
      this.#server = lie ?? { byMs: 0 };
      return;
    }
    const byMs = lie === undefined || lie === 'absent' ? 0 : lie.byMs;
    this.offsetMs += byMs - this.#lieMs;
    this.#lieMs = byMs;
  }

  get serverIsRight(): boolean {
    return this.#server !== 'absent' && this.#server.byMs === 0;
  }

  /** Defender's clock, epoch ms; undefined where its answers have no date. */
  serverMs(): number | undefined {
    return this.#server === 'absent' ? undefined : Date.now() + this.#server.byMs;
  }
}
