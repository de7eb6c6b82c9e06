import fc from 'fast-check';
import { commentFault } from '../../../src/comment.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { OUTCOME_NAMES, type Outcome } from '../../../src/ledger/outcomes.ts';
import {
  type CloseReason,
  type PauseReason,
  type RejectReason,
  ROUTES,
  type Route,
} from '../../../src/ledger/record.ts';
import { type Harness, id } from './harness.ts';

/** One thing a run may do to its ledger. */
export type Step =
  | { do: 'admit'; n: number; comment: string | undefined }
  | { do: 'reject'; reason: RejectReason; text: string }
  | { do: 'intake' }
  | { do: 'screen'; n: number; text: string }
  | { do: 'intent'; route: Route; n: number }
  | { do: 'reply'; answer: { http?: number; error?: string }; skewMs: number | undefined }
  | { do: 'outcome'; n: number; outcome: Outcome; detail: string | undefined }
  | { do: 'pause'; reason: PauseReason }
  | { do: 'wait'; ms: number }
  | { do: 'resume'; close: CloseReason | undefined };

const n = fc.integer({ min: 1, max: 8 });
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }),
  fc.constantFrom(
    'DOMAIN\\user',
    '","chain":"0123456789abcdef0123456789abcdef"}',
    'line\nfeed',
    '\ud800',
    'Zoë',
    '{"seq":1',
  ),
);
const comment = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 12 }).filter((each) => commentFault(each) === undefined),
  fc.constantFrom('DOMAIN\\user', '","chain":"0123456789abcdef0123456789abcdef"}', 'line\nfeed', 'Zoë', '{"seq":1'),
);
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('admit' as const), n, comment: maybe(comment) }) },
  fc.record({
    do: fc.constant('reject' as const),
    reason: fc.constantFrom<RejectReason>('not-an-id', 'bad-row', 'duplicate'),
    text,
  }),
  fc.record({ do: fc.constant('intake' as const) }),
  fc.record({ do: fc.constant('screen' as const), n, text }),
  fc.record({ do: fc.constant('intent' as const), route: fc.constantFrom<Route>(...ROUTES), n }),
  fc.record({
    do: fc.constant('reply' as const),
    answer: fc.constantFrom(
      ...[200, 400, 429, 503].map((http) => ({ http })),
      ...['not-sent', 'timeout'].map((error) => ({ error })),
      { http: 200, error: 'foreign-body' },
    ),
    skewMs: maybe(fc.integer({ min: -9000, max: 9000 })),
  }),
  fc.record({
    do: fc.constant('outcome' as const),
    n,
    outcome: fc.constantFrom<Outcome>(...OUTCOME_NAMES),
    detail: maybe(text),
  }),
  fc.record({
    do: fc.constant('pause' as const),
    reason: fc.constantFrom<PauseReason>('throttled', 'out-of-reach'),
  }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 40_000 }) }),
  fc.record({
    do: fc.constant('resume' as const),
    close: maybe(fc.constantFrom<CloseReason>('interrupted', 'finished', 'deadline')),
  }),
);

/** What a run may do to its ledger, in any order. */
export const script: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 30 });

/** Plays a script on a fresh disk; returns the ledger of the last session, still open. Steps that are out of place are left out. */
export async function play(harness: Harness, steps: readonly Step[]): Promise<Ledger> {
  let ledger = await harness.open();
  let unanswered: number[] = [];
  let reading = false;
  for (const each of steps) {
    const { state } = ledger;
    const ready = state.intake !== undefined && state.start !== undefined && !reading;
    switch (each.do) {
      case 'admit':
        if (!reading) ledger.beginIntake();
        reading = true;
        await ledger.admit({
          id: id(each.n),
          line: 1,
          ...(each.comment === undefined ? {} : { comment: each.comment }),
        });
        break;
      case 'reject':
        if (!reading) ledger.beginIntake();
        reading = true;
        await ledger.reject({ line: 1, reason: each.reason, text: each.text });
        break;
      case 'intake':
        if (!reading) ledger.beginIntake();
        reading = false;
        await ledger.intake({ admitted: 1, rejected: 1, bytes: 1, sha256: 'ab'.repeat(32) });
        await ledger.start({ by: 'yes', count: 1 });
        break;
      case 'screen': {
        const { text: status } = each;
        const screened = { status, type: status, machineId: status, computer: null, requestor: status, created: null };
        await ledger.screen([{ id: id(each.n), ...screened }]);
        break;
      }
      case 'intent':
        if (each.route === 'cancel' && !ready) break;
        unanswered.push(await ledger.intent({ route: each.route, ...askedFor(each.route, each.n), attempt: 1 }));
        break;
      case 'reply': {
        const call = unanswered.shift();
        const { answer, skewMs } = each;
        const fields = { ...answer, ...(skewMs && { skewMs }) };
        if (call !== undefined) await ledger.reply({ call, ms: 1, ...fields });
        break;
      }
      case 'outcome':
        if (!ready) break;
        await ledger.outcome({
          id: id(each.n),
          outcome: each.outcome,
          attempts: 1,
          ...(each.detail && { detail: each.detail }),
        });
        break;
      case 'pause':
        await ledger.pause({ until: '2026-01-01T00:00:00.000Z', reason: each.reason });
        break;
      case 'wait':
        await harness.clock.advance(each.ms);
        break;
      case 'resume':
        if (each.close !== undefined) await ledger.close(each.close);
        await ledger[Symbol.asyncDispose]().catch(() => undefined);
        ledger = await harness.open();
        unanswered = [];
        reading = false;
        break;
    }
  }
  return ledger;
}

function askedFor(route: Route, n: number): { id: string } | { ids: number } {
  return route === 'cancel' || route === 'get' ? { id: id(n) } : { ids: n };
}
