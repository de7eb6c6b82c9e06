import { setMaxListeners } from 'node:events';
import type { Clock } from '../clock.ts';
import { RefusedError } from '../errors.ts';
import type { Logger } from '../log.ts';
import type { AcquireRequest, CredentialSource } from './credential-source.ts';
import { signInWithRetries } from './sign-in-call.ts';
import { SignInUnreachableError } from './sign-in-errors.ts';
import { type AccessToken, pauseMs, renewInMs, type TokenSource, usableMarginMs } from './token-source.ts';

export interface RenewalParts {
  clock: Clock;
  log: Logger;
  /** In [0, 1), for the back-off. */
  random: () => number;
  /**
   * How long a caller that needs a token goes on asking an authority out of reach, once a first token has been had.
   * The first sign-in never waits: its failure is told within 15 s.
   * @default 0
   */
  patienceMs?: number;
}

interface Held {
  readonly token: AccessToken;
  readonly lifeMs: number;
  /** Monotonic. Infinity for an opaque token. */
  readonly endsAtMs: number;
  readonly renewAtMs: number;
}

/** A 401 that has not led to another token yet. */
interface Demand {
  readonly refused: string;
  readonly claims: string | undefined;
}

interface Renewal {
  readonly demand: Demand | undefined;
  /** Behind the scenes: its refusal may only mean that no person was asked. */
  readonly quiet: boolean;
  readonly promise: Promise<AccessToken>;
}

/**
 * Keeps the last good token and renews it in time. The states are told by three fields:
 *
 * - `#held` and no `#demand`: the token is good until shortly before its end and is handed out, whatever the authority
 *   does meanwhile. From a quarter of its life on it is renewed in the background; a failed renewal is tried again with growing pauses.
 * - `#demand`: Defender refused the token in hand. It is not handed out any more, and only a renewal that was begun for
 *   this demand (or brought another token, when no claims were asked for) ends the state.
 * - neither: nothing usable is in hand, so callers wait for the one renewal they all share.
 *
 * A caller's signal ends that caller's wait and never the shared renewal.
 */
export class RenewingTokenSource implements TokenSource, AsyncDisposable {
  readonly #source: CredentialSource;
  readonly #parts: RenewalParts;
  readonly #stop = new AbortController();
  #held: Held | undefined;
  #demand: Demand | undefined;
  #renewal: Renewal | undefined;
  #timer = new AbortController();
  #failures = 0;
  #retryAtMs = Number.NEGATIVE_INFINITY;

  constructor(source: CredentialSource, parts: RenewalParts) {
    this.#source = source;
    this.#parts = parts;
    // Every call in flight may wait on it at once, and Node would take more than ten for a leak.
    setMaxListeners(0, this.#stop.signal);
  }

  get kind() {
    return this.#source.kind;
  }

  async token(signal?: AbortSignal): Promise<AccessToken> {
    const waitingSinceMs = this.#now();
    for (;;) {
      signal?.throwIfAborted();
      this.#stop.signal.throwIfAborted();
      const usable = this.#usable();
      if (usable !== undefined) {
        this.#renewAhead();
        return usable;
      }
      const renewal = this.#renewal ?? this.#begin({ quiet: false });
      try {
        const token = await orAborted(renewal.promise, signal);
        // A renewal that was under way before a 401 may not answer it: then look again.
        if (this.#demand === undefined) return token;
      } catch (error) {
        if (renewal.quiet && error instanceof RefusedError) continue;
        const leftMs = waitingSinceMs + (this.#parts.patienceMs ?? 0) - this.#now();
        if (!(error instanceof SignInUnreachableError) || this.#held === undefined || leftMs <= 0) throw error;
        const delayMs = Math.min(Math.max(0, this.#retryAtMs - this.#now()), leftMs);
        await this.#parts.clock.sleep(delayMs, { signal: this.#anySignal(signal) });
      }
    }
  }

  renew(refused: AccessToken, claims?: string, signal?: AbortSignal): Promise<AccessToken> {
    const inHand = this.#held?.token.token;
    if (this.#demand === undefined) {
      if (inHand === refused.token) this.#demand = { refused: refused.token, claims };
    } else if (claims !== undefined && this.#demand.claims === undefined) {
      this.#demand = { ...this.#demand, claims };
    }
    return this.token(signal);
  }

  /** Ends the background renewal and every wait. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort(new Error('the token source was closed'));
    this.#timer.abort();
    await this.#renewal?.promise.catch(() => undefined);
  }

  #now(): number {
    return this.#parts.clock.monotonicMs();
  }

  #usable(): AccessToken | undefined {
    const held = this.#held;
    if (held === undefined || this.#demand !== undefined) return undefined;
    return this.#leftMs(held) > usableMarginMs(held.lifeMs) ? held.token : undefined;
  }

  /** By both clocks, the nearer end: the wall clock may be set, and the monotonic one stands still while a machine sleeps. */
  #leftMs({ token, endsAtMs }: Held): number {
    const byWallMs =
      token.expiresAtMs === undefined ? Number.POSITIVE_INFINITY : token.expiresAtMs - this.#parts.clock.wallMs();
    return Math.min(byWallMs, endsAtMs - this.#now());
  }

  #renewAhead(): void {
    const held = this.#held;
    if (held === undefined || this.#renewal !== undefined) return;
    if (this.#now() < Math.max(held.renewAtMs, this.#retryAtMs)) return;
    const { promise } = this.#begin({ quiet: true });
    promise.catch((error: unknown) => {
      if (this.#stop.signal.aborted || this.#demand !== undefined) return;
      const endsAt = new Date(this.#parts.clock.wallMs() + this.#leftMs(held)).toISOString();
      const reason = error instanceof Error ? error.message : 'unknown error';
      // One warning an outage; what follows is repetition.
      const level = this.#failures === 1 ? 'warn' : 'debug';
      this.#parts.log[level](
        { failures: this.#failures, endsAt },
        `the token could not be renewed (${reason}); the current one is valid until ${endsAt}`,
      );
    });
  }

  /** Wakes for the next background renewal, without keeping the process alive. */
  #arm(): void {
    this.#timer.abort();
    const held = this.#held;
    if (held === undefined || held.renewAtMs === Number.POSITIVE_INFINITY || this.#stop.signal.aborted) return;
    const timer = new AbortController();
    this.#timer = timer;
    const inMs = Math.max(0, Math.max(held.renewAtMs, this.#retryAtMs) - this.#now());
    this.#parts.clock.sleep(inMs, { signal: timer.signal, ref: false }).then(
      () => this.#renewAhead(),
      () => undefined,
    );
  }

  #begin({ quiet }: { quiet: boolean }): Renewal {
    const demand = this.#demand;
    const request: AcquireRequest = { quiet, forceRefresh: demand !== undefined, claims: demand?.claims };
    const renewal: Renewal = {
      demand,
      quiet,
      promise: signInWithRetries(this.#source, request, { ...this.#parts, stop: this.#stop.signal }).then(
        (token) => {
          this.#keep(token, demand);
          return token;
        },
        (error: unknown) => {
          this.#renewal = undefined;
          this.#failures += 1;
          const retryAfterMs = error instanceof SignInUnreachableError ? error.retryAfterMs : undefined;
          this.#retryAtMs = this.#now() + pauseMs(this.#failures, retryAfterMs, this.#parts.random);
          this.#arm();
          throw error;
        },
      ),
    };
    this.#renewal = renewal;
    return renewal;
  }

  #keep(token: AccessToken, demand: Demand | undefined): void {
    const now = this.#now();
    const lifeMs =
      token.expiresAtMs === undefined ? Number.POSITIVE_INFINITY : token.expiresAtMs - this.#parts.clock.wallMs();
    this.#held = { token, lifeMs, endsAtMs: now + lifeMs, renewAtMs: now + renewInMs(lifeMs) };
    this.#renewal = undefined;
    this.#failures = 0;
    this.#retryAtMs = Number.NEGATIVE_INFINITY;
    const open = this.#demand;
    if (open === demand || (open?.claims === undefined && open?.refused !== token.token)) this.#demand = undefined;
    this.#arm();
  }

  #anySignal(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#stop.signal : AbortSignal.any([signal, this.#stop.signal]);
  }
}

function orAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
