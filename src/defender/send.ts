import type { Clock } from '../clock.ts';
import type { AccessToken } from '../identity/token-source.ts';
import type { IntentFields, ReplyFields } from '../ledger/record.ts';
import { type Logger, silentLog } from '../log.ts';
import { SLOW_SYNC_MS } from '../quota/call-times.ts';
import type { CallResult, Gate, Permit } from '../quota/gate/gate.ts';
import { type Answer, type Call, type NotSent, notSent, type Received, type SlottedCall } from './call.ts';
import { readAnswer } from './read-answer.ts';
import { makeSkewWatch } from './server-clock.ts';
import { ENTITY_BYTES, PAGE_BYTES, type Transport, type WireResult } from './transport.ts';

export interface SendParts {
  transport: Transport;
  journal: Journal;
  gate: Gate;
  clock: Clock;
  /** A line for each call at `debug`, and for each that was held back at `trace`. */
  log?: Logger;
  /** Aborted by a second signal: calls in flight are given up, and looked up by the next session. */
  abandon: AbortSignal;
}

export type Send = (call: SlottedCall, token: AccessToken, signal: AbortSignal) => Promise<Received>;

/** Node's codes for a certificate or a handshake that is refused. */
const TLS_FAULT = /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL/;

/**
 * The last steps of a call: gate open, intent durable, gate still open, slot still usable, send, reply. Between the check after the sync and the
 * send there is no wait, so nothing can close or lapse in between.
 */
export function makeSend(parts: SendParts): Send {
  const { transport, journal, gate, clock, abandon, log = silentLog } = parts;
  const skewAt = makeSkewWatch(clock);
  let toldOfTls = false;
  return async (call, token, signal) => {
    const readyAtMs = clock.monotonicMs();
    const permit = await gate.pass(signal);
    const gateWaitMs = Math.round(clock.monotonicMs() - readyAtMs);
    // A pause may have lasted for hours. What it made useless is not worth an intent.
    const useless = reasonNotToBegin(call, permit);
    if (useless !== undefined) {
      log.trace({ ...about(call), route: call.route, gateWaitMs }, `not sent: ${useless}`);
      return notSent(call, useless);
    }
    const intentAtMs = clock.monotonicMs();
    let number: number;
    try {
      number = await journal.intent(intentOf(call));
      await journal.assertHeld();
    } catch (error) {
      permit.cancel();
      throw error;
    }
    const why = reasonNotToSend(call, permit, clock.monotonicMs() - intentAtMs, signal);
    if (why !== undefined) {
      permit.cancel();
      await journal.reply({ ...replyTo(call, number, 0), error: 'not-sent' });
      log.trace({ call: number, ...about(call), route: call.route, gateWaitMs }, `not sent: ${why}`);
      signal.throwIfAborted();
      return notSent(call, why);
    }

    const sentAtMs = clock.monotonicMs();
    const result = await transport(
      {
        method: call.method,
        path: call.path,
        token: token.token,
        body: call.body,
        maxBytes: call.ids === undefined ? ENTITY_BYTES : PAGE_BYTES,
      },
      abandon,
    );
    const ms = Math.round(clock.monotonicMs() - sentAtMs);
    const nowWallMs = clock.wallMs();
    const answer = answerOf(call, result, nowWallMs, log);
    const skewMs = 'raw' in result ? skewAt(result.raw, nowWallMs) : undefined;
    const reply = replyTo(call, number, ms);
    addFacts(reply, answer, result, skewMs);
    // Queued in the same turn as the answer came, before anybody is told of it and before the gate can throw, pause or log.
    const recorded = journal.reply(reply);
    const { costsAttempt } = permit.report(callResultOf(answer, call));
    // Nearly nobody reads it, and to gather it would cost more than all else that is done here.
    if (log.isLevelEnabled('debug')) {
      const intentMs = Math.round(sentAtMs - intentAtMs);
      // Named one by one: a call's body, its path and its token have no place in a log.
      const waits = { intentMs, gateWaitMs, slotWaitMs: call.slotWaitMs, probe: permit.probe };
      log.debug({ ...reply, route: call.route, ids: call.ids, ...waits }, answer.kind);
    }
    // Waiting does not mend it, so whoever waits is told why: once.
    if (answer.kind === 'lost' && TLS_FAULT.test(answer.error) && !toldOfTls) {
      toldOfTls = true;
      log.warn(tlsTrouble(answer.error));
    }
    await recorded;
    return { answer, attempt: call.attempt, sentAtMs, answered: 'raw' in result, costsAttempt };
  };
}

function tlsTrouble(error: string): string {
  if (/ERR_SSL/.test(error)) {
    return `Defender's host does not speak TLS as it should (${error}), so no calls can be made: check the port, and http or https, of the address`;
  }
  return (
    `the TLS certificate of Defender's host is not trusted (${error}), so no calls can be made: name its CA's file in ` +
    'NODE_EXTRA_CA_CERTS, or check the address'
  );
}

/** What the wire gave, as an answer. One that cannot be read for a reason nobody has thought of is lost like any other, and so it is recorded. */
function answerOf(call: Call, result: WireResult, nowWallMs: number, log: Logger): Answer {
  if (!('raw' in result)) return { kind: 'lost', error: result.error, http: undefined };
  try {
    return readAnswer(call, result.raw, nowWallMs);
  } catch (error) {
    log.error({ err: error, route: call.route, http: result.raw.http }, 'an answer could not be read, which is a bug');
    return { kind: 'lost', error: 'unreadable', http: result.raw.http };
  }
}

/** Gives the permit back where there is a reason, or the asking fails. */
function reasonNotToBegin({ stillDue, slot }: SlottedCall, permit: Permit): NotSent | undefined {
  let goesOn = false;
  try {
    if (stillDue?.() === false) return 'not-due';
    if (!slot.usable()) return 'slot';
    goesOn = true;
    return undefined;
  } finally {
    if (!goesOn) permit.cancel();
  }
}

function about({ id, attempt }: Call): Pick<ReplyFields, 'id' | 'attempt'> {
  return id === undefined ? { attempt } : { id, attempt };
}

function intentOf({ route, id, ids, attempt }: Call): Omit<IntentFields, 'call'> {
  if (id !== undefined) return { route, id, attempt };
  return ids === undefined ? { route, attempt } : { route, ids, attempt };
}

function replyTo({ id, attempt }: Call, call: number, ms: number): ReplyFields {
  return id === undefined ? { call, attempt, ms } : { call, id, attempt, ms };
}

function reasonNotToSend(
  { slot }: SlottedCall,
  permit: Permit,
  syncMs: number,
  signal: AbortSignal,
): NotSent | undefined {
  if (!permit.stillOpen() || signal.aborted) return 'gate';
  if (syncMs >= SLOW_SYNC_MS) return 'slow-sync';
  return slot.usable() ? undefined : 'slot';
}

/** What the gate makes of an answer: only Defender's own words count as being reached. */
function callResultOf(answer: Answer, { subject }: Call): CallResult {
  if (answer.kind === 'throttled') return { kind: 'throttled', retryAfterMs: answer.retryAfterMs };
  if (answer.kind === 'unavailable' || answer.kind === 'lost') return { kind: 'unreachable', subject };
  return { kind: 'answered' };
}

function addFacts(reply: ReplyFields, answer: Answer, result: WireResult, skewMs: number | undefined): void {
  if ('raw' in result) reply.http = result.raw.http;
  if (skewMs !== undefined) reply.skewMs = skewMs;
  if ('code' in answer && answer.code !== undefined) reply.code = answer.code;
  if ('correlation' in answer && answer.correlation !== undefined) reply.correlation = answer.correlation;
  if ('retryAfterMs' in answer && answer.retryAfterMs !== undefined) reply.retryAfterMs = answer.retryAfterMs;
  if (answer.kind === 'lost') reply.error = answer.error;
}

/** Where calls are written down before they are sent and after they were answered. A Ledger is one. */
export interface Journal {
  /** Resolves when it is durable; returns the number of the call. */
  intent(fields: Omit<IntentFields, 'call'>): Promise<number>;
  reply(fields: ReplyFields): Promise<void>;
  assertHeld(): Promise<void>;
}

/** For commands that only look, outside any run. */
export const noJournal: Journal = {
  intent: () => Promise.resolve(0),
  reply: () => Promise.resolve(),
  assertHeld: () => Promise.resolve(),
};
