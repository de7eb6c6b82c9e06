import type { Clock, SleepOptions } from '../../src/clock.ts';
import { makeDefender } from '../../src/defender/client.ts';
import type { Journal } from '../../src/defender/send.ts';
import type { WireRequest, WireResult } from '../../src/defender/transport.ts';
import type { AccessToken, TokenSource } from '../../src/identity/token-source.ts';
import type { Logger } from '../../src/log.ts';
import type { CallResult, Gate, Permit } from '../../src/quota/gate/gate.ts';
import type { Quota } from '../../src/quota/quota.ts';

const ID = '00000000-0000-4000-8000-00000000000a';
export const ENTITY = { id: ID, type: 'Isolate', status: 'Pending' };

export function ok(body: unknown = ENTITY, http = 200, headers: Record<string, string> = {}): WireResult {
  return { raw: { http, headers, body: JSON.stringify(body) } };
}

export function refused(http: number, code = 'Code', headers: Record<string, string> = {}): WireResult {
  return ok({ error: { code, message: '', target: 'corr' } }, http, headers);
}

/** Every part below the client, each step of each written down in the order it happened. */
export class Bench {
  readonly steps: string[] = [];
  nowMs = 1000;
  wallOffsetMs = Date.UTC(2026, 2, 1);
  /** What the wire gives, one a call. */
  answers: (WireResult | (() => WireResult | Promise<WireResult>))[] = [];
  readonly requests: WireRequest[] = [];
  tokens = ['token-1', 'token-2', 'token-3'];
  kind: TokenSource['kind'] = 'client-secret';
  /** Done while an intent is being synced, while the lock is asked, and while a reply is written. */
  onIntent: () => void | Promise<void> = () => {};
  onHeld: () => void | Promise<void> = () => {};
  onReply: () => void | Promise<void> = () => {};
  onToken: () => void = () => {};
  onRenew: () => void | Promise<void> = () => {};
  onPass: () => void | Promise<void> = () => {};
  gateOpen = true;
  /** Of the slot that was taken last. */
  slotUsable = true;
  readonly stop = new AbortController();
  readonly replies: object[] = [];

  readonly clock: Clock = {
    wallMs: () => this.wallOffsetMs + this.nowMs,
    monotonicMs: () => this.nowMs,
    sleep: (ms: number, { signal }: SleepOptions = {}) => {
      signal?.throwIfAborted();
      this.steps.push(`sleep ${ms}`);
      this.nowMs += ms;
      return Promise.resolve();
    },
  };

  readonly journal: Journal = {
    intent: async ({ route, attempt }) => {
      this.steps.push(`intent ${route} ${attempt}`);
      await this.onIntent();
      return this.steps.filter((step) => step.startsWith('intent')).length;
    },
    reply: async (fields) => {
      this.steps.push(`reply ${fields.error ?? fields.http}`);
      this.replies.push(fields);
      await this.onReply();
    },
    assertHeld: async () => {
      this.steps.push('held');
      await this.onHeld();
    },
  };

  readonly gate: Gate = {
    pass: async (signal): Promise<Permit> => {
      signal?.throwIfAborted();
      this.steps.push('pass');
      await this.onPass();
      return {
        probe: false,
        stillOpen: () => this.gateOpen,
        report: (result: CallResult) => {
          this.steps.push(`report ${result.kind}`);
          return { costsAttempt: result.kind !== 'throttled' };
        },
        cancel: () => {
          this.steps.push('pass back');
        },
      };
    },
    pause: undefined,
    lastSuccessMs: 0,
  };

  readonly quota: Quota = {
    take: (route, signal) => {
      signal?.throwIfAborted();
      this.steps.push(`slot ${route}`);
      this.slotUsable = true;
      return Promise.resolve({
        usable: () => this.slotUsable,
        settle: () => this.steps.push(`settle at ${this.nowMs}`),
        settleUnanswered: (sentAtMs: number) => this.steps.push(`unanswered since ${sentAtMs}`),
        release: () => this.steps.push('release'),
      });
    },
    left: () => [],
  };

  get tokenSource(): TokenSource {
    return {
      kind: this.kind,
      token: () => {
        this.steps.push('token');
        this.onToken();
        return Promise.resolve({ token: this.tokens[0] ?? '', expiresAtMs: undefined });
      },
      renew: async (held: AccessToken, claims) => {
        this.steps.push(`renew ${held.token}${claims === undefined ? '' : ` ${claims}`}`);
        await this.onRenew();
        if (held.token === this.tokens[0]) this.tokens.shift();
        return { token: this.tokens[0] ?? '', expiresAtMs: undefined };
      },
    };
  }

  readonly transport = async (request: WireRequest): Promise<WireResult> => {
    this.requests.push(request);
    this.steps.push(`send ${request.token}`);
    this.nowMs += 100;
    const answer = this.answers.shift() ?? ok();
    return typeof answer === 'function' ? await answer() : answer;
  };

  /** Steps that begin with one of these words. */
  of(...words: string[]): string[] {
    return this.steps.filter((step) => words.some((word) => step.startsWith(word)));
  }

  cancel({ log, ...more }: { stillDue?: () => boolean; attempt?: number; log?: Logger } = {}) {
    const { transport, journal, gate, clock, quota, tokenSource: tokens, stop } = this;
    const abandon = new AbortController().signal;
    const logged = log === undefined ? {} : { log };
    const parts = { transport, journal, gate, clock, quota, tokens, abandon, random: () => 0.5, ...logged };
    const request = { id: ID, comment: 'why', attempt: 1, ...more };
    return makeDefender(parts, 'http://api.test').cancel(request, stop.signal);
  }

  renewToken() {
    const { transport, journal, gate, clock, quota, tokenSource: tokens, stop } = this;
    const abandon = new AbortController().signal;
    const parts = { transport, journal, gate, clock, quota, tokens, abandon, random: () => 0.5 };
    return makeDefender(parts, 'http://api.test').renewToken(stop.signal);
  }
}
