import type { SimProcess } from './process.ts';
import type { Sent } from './transport.ts';

interface LastCancel {
  sent: Sent;
  /** A lookup of its action was sent after it. */
  lookedAt: boolean;
}

/** What was sent in a world, as far as its rules ask for it. */
export class CallHistory {
  /** Calls that were counted, by the windows they count in. */
  readonly #counted = new Map<string, Sent[]>();
  /** By ledger and action. Another ledger knows nothing of it. */
  readonly #last = new Map<string, LastCancel>();
  readonly #refused = new Map<SimProcess, Map<string, number>>();
  /** Until when a process was told to wait, true ms. */
  readonly #pauses = new Map<SimProcess, number>();
  /** Pages of a query since the last intake, by process. */
  readonly #pages = new Map<SimProcess, number>();
  /** How many sessions a process began after its first, and in which one a call was sent. */
  readonly #sessions = new Map<SimProcess, number>();
  readonly #sentIn = new WeakMap<Sent, number>();
  readonly #forgottenCalls = new WeakSet<Sent>();
  readonly #forgottenActions = new Set<string>();
  /** By ledger. */
  readonly #all = new Map<string, Sent[]>();
  #forgotten = 0;

  /** All that counted so far in these windows, this one last. */
  counted(key: string, sent: Sent): readonly Sent[] {
    const counted = this.#counted.get(key) ?? [];
    this.#counted.set(key, counted);
    counted.push(sent);
    return counted;
  }

  sent(run: string, sent: Sent): void {
    this.#sentIn.set(sent, this.#sessionOf(sent.by));
    const all = this.#all.get(run);
    if (all === undefined) this.#all.set(run, [sent]);
    else all.push(sent);
    const { request, by } = sent;
    if (request.route === 'cancel') {
      this.#last.set(`${run} ${request.id}`, { sent, lookedAt: false });
      return;
    }
    for (const id of [...request.ids, request.id]) {
      const last = this.#last.get(`${run} ${id}`);
      if (last !== undefined) last.lookedAt = true;
    }
    if (request.route === 'list' && request.ids.length === 0) this.#pages.set(by, this.pages(by) + 1);
  }

  told(sent: Sent, nowMs: number): void {
    const { by, request, http, retryAfterMs } = sent;
    if ((this.#sentIn.get(sent) ?? 0) !== this.#sessionOf(by)) return;
    if (http === 401) {
      const refused = this.#refused.get(by) ?? new Map<string, number>();
      this.#refused.set(by, refused);
      refused.set(request.token, (refused.get(request.token) ?? 0) + 1);
    }
    if (http === 429 && retryAfterMs !== undefined) {
      this.#pauses.set(by, Math.max(this.pausedUntil(by), nowMs + retryAfterMs));
    }
  }

  last(run: string, id: string): LastCancel | undefined {
    return this.#last.get(`${run} ${id}`);
  }

  refusals(by: SimProcess, token: string): number {
    return this.#refused.get(by)?.get(token) ?? 0;
  }

  pausedUntil(by: SimProcess): number {
    return this.#pauses.get(by) ?? Number.NEGATIVE_INFINITY;
  }

  /** A process that hosts many begins another session, which knows nothing of what the one before it was told. */
  begins(by: SimProcess): void {
    this.#pages.delete(by);
    this.#pauses.delete(by);
    this.#refused.delete(by);
    this.#sessions.set(by, this.#sessionOf(by) + 1);
  }

  #sessionOf(by: SimProcess): number {
    return this.#sessions.get(by) ?? 0;
  }

  pages(by: SimProcess): number {
    return this.#pages.get(by) ?? 0;
  }

  /** What was called stands in no ledger any more: nobody who comes later can know of it. */
  forgetAll(run: string): void {
    for (const sent of this.#all.get(run)?.splice(0) ?? []) this.forget(run, sent);
  }

  forget(run: string, sent: Sent): void {
    this.#forgotten++;
    this.#forgottenCalls.add(sent);
    if (sent.request.route === 'cancel') this.#forgottenActions.add(`${run} ${sent.request.id}`);
  }

  isForgotten(sent: Sent): boolean {
    return this.#forgottenCalls.has(sent);
  }

  /** Whether there was a cancel of it that its ledger says nothing of. */
  isForgottenAction(run: string, id: string): boolean {
    return this.#forgottenActions.has(`${run} ${id}`);
  }

  get hasForgotten(): boolean {
    return this.#forgotten > 0;
  }
}
