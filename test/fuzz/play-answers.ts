import fc from 'fast-check';
import { systemClock } from '../../src/clock.ts';
import { decodeBody } from '../../src/defender/decode-body.ts';
import { type RawAnswer, readAnswer } from '../../src/defender/read-answer.ts';
import type { Transport, WireRequest, WireResult } from '../../src/defender/transport.ts';
import { CountermandError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { routeOf } from '../../src/sandbox/routes.ts';
import { ids, makeRun } from '../engine/run.ts';
import { Wire } from '../engine/wire.ts';
import type { VirtualTime } from '../support/clock/virtual-time.ts';
import { type AnswerCase, type Asked, answerCase, type SentAnswer, sentAnswer } from './answer-cases.ts';
import { expectedKind } from './expected-answer.ts';

export interface Play {
  actions: number;
  /** One after the other; after them Defender is as it should be. Undefined is Defender's own answer, a text the reason of none. */
  answers: readonly (AnswerCase | string | undefined)[];
  concurrency: number;
  screen: 'auto' | 'always' | 'never';
  mayRead: boolean | undefined;
  onlyType: readonly string[];
}

export const play: fc.Arbitrary<Play> = fc.record({
  actions: fc.oneof(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 18, max: 40 })),
  answers: fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.constant(undefined) },
      { weight: 6, arbitrary: answerCase },
      { weight: 1, arbitrary: fc.constantFrom('timeout', 'ECONNRESET', 'too-large', 'network-error') },
    ),
    { maxLength: 25 },
  ),
  concurrency: fc.integer({ min: 1, max: 4 }),
  screen: fc.constantFrom('auto', 'auto', 'auto', 'always', 'never'),
  mayRead: fc.constantFrom(true, true, undefined),
  onlyType: fc.constantFrom([], [], ['Isolate']),
});

interface Sent {
  asked: Asked;
  token: string;
  atMs: number;
  answeredMs: number;
  answer: SentAnswer | undefined;
  result: WireResult;
}

/**
 * A run of the real engine and client over answers of any kind. Throws an Error that names the promise which was broken:
 * - it ends, by itself or by an error that a person can act on;
 * - each intent has one reply, written before the run ends;
 * - a cancel is not sent again after an answer that settles it, nor after a lost one before it was looked up;
 * - a refused token is renewed, and not used again.
 */
export async function playAnswers(given: Play, time: VirtualTime): Promise<void> {
  const all = ids(given.actions);
  const honest = new Wire();
  for (const id of all) honest.store.add({ id });
  const left = [...given.answers];
  const sent: Sent[] = [];
  const transport: Transport = async (request) => {
    const asked = askedBy(request);
    const next = left.shift();
    const call = { asked, token: request.token ?? '', atMs: performance.now() };
    const answer = typeof next === 'object' ? sentAnswer(next, asked) : undefined;
    const result = await resultOf(next, answer, request, honest.transport);
    sent.push({ ...call, answeredMs: performance.now(), answer, result });
    if (answer !== undefined && 'raw' in result) checkReading(asked, answer, result);
    return result;
  };
  const journal = { intents: new Map<number, number>(), open: 0 };
  const run = await makeRun({
    ids: all,
    wire: Object.assign(Object.create(honest) as Wire, { transport }),
    job: {
      ...{ concurrency: given.concurrency, screen: given.screen },
      guards: { onlyType: given.screen === 'never' ? [] : given.onlyType, maxFailures: { percent: 100 } },
    },
    mayRead: given.mayRead,
    ledger: (ledger) => counted(ledger, journal),
  });
  const error = await run.cancel(time);
  if (error !== undefined && !(error instanceof CountermandError)) {
    throw new Error('the run ended by an error that nobody can act on', { cause: error });
  }
  for (const [call, replies] of journal.intents) {
    if (replies !== 1) throw new Error(`call ${call} has ${replies} replies in the ledger`);
  }
  for (const id of all) checkCancels(id, sent);
  checkTokens(sent);
  if (error === undefined && [...run.ledger.state.actions.values()].some(({ outcome }) => outcome === undefined)) {
    throw new Error('the run ended without an error and left actions without an outcome');
  }
}

function askedBy({ method, path }: WireRequest): Asked {
  const [target = '', search = ''] = path.split('?');
  const { route, id } = routeOf(method, target);
  if (route === 'other' || route === 'machines') throw new Error(`a call to another route: ${method} ${path}`);
  const filter = new URLSearchParams(search).get('$filter') ?? '';
  return { route, ids: id === undefined ? (filter.match(/[0-9a-f-]{36}/g) ?? []) : [id] };
}

async function resultOf(
  next: AnswerCase | string | undefined,
  answer: SentAnswer | undefined,
  request: WireRequest,
  honest: Transport,
): Promise<WireResult> {
  if (next === undefined) return await honest(request);
  await systemClock.sleep(100);
  if (answer === undefined) return { error: String(next) };
  const { http, headers, bytes } = answer;
  const body = await decodeBody(bytes, headers, 100_000);
  return {
    raw: 'error' in body ? { http, headers, body: '', unread: body.error } : { http, headers, body: body.text },
  };
}

function checkReading(asked: Asked, answer: SentAnswer, result: { raw: RawAnswer }): void {
  const call = asked.route === 'list' ? { route: asked.route } : { route: asked.route, id: asked.ids[0] ?? '' };
  const { kind } = readAnswer(call, result.raw, Date.now());
  const expected = expectedKind(answer, asked);
  if (expected !== undefined && kind !== expected) {
    throw new Error(`HTTP ${answer.http} ${answer.text?.slice(0, 300)} was taken for ${kind}, not ${expected}`);
  }
}

function counted(ledger: Ledger, journal: { intents: Map<number, number> }): Ledger {
  return new Proxy(ledger, {
    get: (target, name) => {
      if (name === 'intent') {
        return async (fields: Parameters<Ledger['intent']>[0]) => {
          const call = await target.intent(fields);
          journal.intents.set(call, 0);
          return call;
        };
      }
      if (name === 'reply') {
        return async (fields: Parameters<Ledger['reply']>[0]) => {
          journal.intents.set(fields.call, (journal.intents.get(fields.call) ?? 0) + 1);
          await target.reply(fields);
        };
      }
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value as (...args: unknown[]) => unknown).bind(target) : value;
    },
  });
}

/** What may follow an answer to a cancel, by the table of docs/design.md, section 5. */
function checkCancels(id: string, sent: readonly Sent[]): void {
  const calls = sent.filter(({ asked }) => asked.ids.includes(id));
  const posts = calls.filter(({ asked }) => asked.route === 'cancel');
  for (const [at, post] of posts.entries()) {
    const next = posts[at + 1];
    if (next === undefined) break;
    const kind = kindOf(post);
    const between = (call: Sent) =>
      call.asked.route !== 'cancel' && call.atMs >= post.answeredMs && call.atMs <= next.atMs;
    // Who may not look it up sends once more.
    const looked = calls.some(between) || sent.some((call) => isForbiddenLookup(call) && call.answeredMs <= next.atMs);
    if (kind === 'settled') throw new Error(`${id} was cancelled again after ${describe(post)}`);
    if (kind === 'lost' && !looked)
      throw new Error(`${id} was cancelled again after ${describe(post)} without a lookup`);
  }
  if (posts.length > 12) throw new Error(`${id} was cancelled ${posts.length} times`);
}

function isForbiddenLookup({ asked, result }: Sent): boolean {
  return asked.route !== 'cancel' && 'raw' in result && result.raw.http === 403;
}

function kindOf({ asked, answer, result }: Sent): 'settled' | 'lost' | 'repeated' {
  if (!('raw' in result)) return result.error === 'too-large' ? 'settled' : 'lost';
  const { http, unread } = result.raw;
  const kind =
    (answer === undefined ? undefined : expectedKind(answer, asked)) ??
    readAnswer({ route: 'cancel', id: asked.ids[0] ?? '' }, result.raw, 0).kind;
  if (kind === 'action') return 'settled';
  if (kind === 'error') return http === 401 ? 'repeated' : 'settled';
  if (kind === 'lost') return unread === undefined ? 'lost' : 'settled';
  return 'repeated';
}

function describe({ answer, result }: Sent): string {
  if (!('raw' in result)) return result.error;
  return `HTTP ${result.raw.http} ${(answer?.text ?? result.raw.unread ?? '').slice(0, 200)}`;
}

function checkTokens(sent: readonly Sent[]): void {
  // A call that waits for the gate to open has its token in hand already.
  const failures = sent.filter(({ result }) => !('raw' in result) || result.raw.http !== 200);
  if (failures.length >= 10 || failures.some(({ result }) => 'raw' in result && result.raw.http === 429)) return;
  for (const { token, answeredMs, result } of sent) {
    if (!('raw' in result) || result.raw.http !== 401) continue;
    const again = sent.find((call) => call.token === token && call.atMs > answeredMs + 1000);
    if (again !== undefined) throw new Error('a refused token was used again');
  }
}
