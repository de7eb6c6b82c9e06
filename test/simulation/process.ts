/** What the world sees of a process, and how it stops it. */
export interface ProcessOptions {
  pid: number;
  name: string;
  /** It is killed when so many timers and completions have reached it; undefined: not this way. */
  killAfter?: number | undefined;
  onKill(): void;
}

/**
 * A process of the simulated machine. Everything that reaches the program from outside goes through `deliver`: nothing reaches a
 * dead process, so that its promises are never settled, and what reaches a frozen one waits.
 */
export class SimProcess {
  readonly pid: number;
  readonly name: string;
  /** By how much its monotonic clock stands behind, because its machine slept. */
  suspendedMs = 0;
  events = 0;
  killAfter: number | undefined;
  /** Calls into the kernel that a kill does not undo. */
  readonly inKernel = new Set<() => void>();
  readonly #onKill: () => void;
  readonly #waiting: (() => void)[] = [];
  readonly #onGone: (() => void)[] = [];
  #state: 'alive' | 'frozen' | 'dead' | 'ended' = 'alive';
  #frozenAtMs = 0;

  constructor({ pid, name, killAfter, onKill }: ProcessOptions) {
    this.pid = pid;
    this.name = name;
    this.killAfter = killAfter;
    this.#onKill = onKill;
  }

  /** Whether its pid exists. */
  get exists(): boolean {
    return this.#state === 'alive' || this.#state === 'frozen';
  }

  get isDead(): boolean {
    return this.#state === 'dead';
  }

  get isFrozen(): boolean {
    return this.#state === 'frozen';
  }

  /** Told once, when it is killed or has come to its end. */
  whenGone(tell: () => void): void {
    this.#onGone.push(tell);
  }

  deliver(what: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'frozen') {
      this.#waiting.push(what);
      return;
    }
    this.events++;
    if (this.events === this.killAfter) {
      this.kill();
      return;
    }
    what();
  }

  /** Does something to the outside now, or when it goes on. */
  act(what: () => void): void {
    if (this.#state === 'dead') return;
    if (this.#state === 'frozen') this.#waiting.push(what);
    else what();
  }

  /** What the kernel has begun for it is done before its pid goes, unless the power went. */
  kill(power = true): void {
    if (!this.exists) return;
    this.#state = 'dead';
    this.#waiting.length = 0;
    const inKernel = [...this.inKernel];
    this.inKernel.clear();
    if (power) for (const finish of inKernel) finish();
    this.#onKill();
    this.#tellGone();
  }

  /** It came to its end by itself. What it left behind may still arrive. */
  end(): void {
    if (this.#state === 'dead' || this.#state === 'ended') return;
    this.#state = 'ended';
    this.#tellGone();
  }

  #tellGone(): void {
    for (const tell of this.#onGone.splice(0)) tell();
  }

  freeze(): void {
    if (this.#state !== 'alive') return;
    this.#state = 'frozen';
    this.#frozenAtMs = performance.now();
  }

  /** `slept`: the whole machine did, and its monotonic clock with it. */
  thaw(slept: boolean): void {
    if (this.#state !== 'frozen') return;
    this.#state = 'alive';
    if (slept) this.suspendedMs += performance.now() - this.#frozenAtMs;
    for (const what of this.#waiting.splice(0)) this.deliver(what);
  }
}
