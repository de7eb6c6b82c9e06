import { describe, expect, test } from 'vitest';
import { byOurClock } from '../../../src/ledger/call-age.ts';
import type { Ledger } from '../../../src/ledger/ledger.ts';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { type Action, isAccepted, isInDoubt, isOpen } from '../../../src/ledger/state/run-state.ts';
import { CLOCK_DOUBT_MS } from '../../../src/quota/call-times.ts';
import { begin, id, machine, makeHarness, PATH } from '../../store/folder/harness.ts';
import { FROZEN_JOB } from '../../support/frozen-job.ts';

function action(ledger: Ledger, n: number): Action {
  const found = ledger.state.actions.get(id(n));
  if (found === undefined) throw new Error(`no action ${n}`);
  return found;
}

async function started(count: number) {
  const harness = makeHarness();
  const ledger = await harness.open();
  await begin(ledger, count);
  return { ...harness, ledger };
}

describe('calls', () => {
  test('an intent without a reply is in doubt; a reply 200 is accepted until its outcome', async () => {
    const { ledger, clock } = await started(1);
    const sentAtMs = clock.wallMs();
    const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    const one = action(ledger, 1);
    expect({ doubt: isInDoubt(one), accepted: isAccepted(one), sent: one.sent }).toEqual({
      doubt: true,
      accepted: false,
      sent: 1,
    });
    clock.stand(250);
    await ledger.reply({ call, id: id(1), attempt: 1, ms: 250, http: 200, correlation: 'c' });
    expect({ doubt: isInDoubt(one), accepted: isAccepted(one) }).toEqual({ doubt: false, accepted: true });
    expect(one.last).toMatchObject({
      call,
      session: 1,
      intentAtMs: sentAtMs,
      repliedAtMs: sentAtMs + 250,
      correlation: 'c',
    });
    await ledger.outcome({ id: id(1), outcome: 'cancelled', attempts: 1 });
    expect({ accepted: isAccepted(one), open: isOpen(one) }).toEqual({ accepted: false, open: false });
  });

  test('a 200 whose body was not Defender’s is not accepted', async () => {
    const { ledger } = await started(1);
    const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200, error: 'foreign-body' });
    expect(isAccepted(action(ledger, 1))).toBe(false);
  });

  test('a call that was not sent is as if it had never been, its attempt included', async () => {
    const { ledger, clock } = await started(1);
    const first = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    await ledger.reply({ call: first, ms: 1, http: 500 });
    const one = action(ledger, 1);
    const before = one.last;
    const second = await ledger.intent({ route: 'cancel', id: id(1), attempt: 2 });
    expect(one.last?.attempt).toBe(2);
    await ledger.reply({ call: second, ms: 0, error: 'not-sent' });
    expect(one.last).toBe(before);
    expect(one.sent).toBe(1);
    expect(ledger.state.calls).toEqual({ cancel: 1, get: 0, list: 0, machines: 0 });
    expect(ledger.state.recentCalls(byOurClock(clock.wallMs()), 60_000)).toHaveLength(1);
    expect(await ledger.intent({ route: 'cancel', id: id(1), attempt: 2 })).toBe(3);
  });

  test('an action that is called once more is open until its next outcome, and as before when that call was not sent', async () => {
    const { ledger } = await started(1);
    const one = action(ledger, 1);
    await ledger.outcome({ id: id(1), outcome: 'failed', attempts: 5 });
    const unsent = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    expect({ open: isOpen(one), left: ledger.state.leftCount, failed: ledger.state.counts().failed }).toEqual({
      open: true,
      left: 1,
      failed: 0,
    });
    await ledger.reply({ call: unsent, ms: 0, error: 'not-sent' });
    expect({ outcome: one.outcome?.outcome, left: ledger.state.leftCount }).toEqual({ outcome: 'failed', left: 0 });

    await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    expect(isInDoubt(one)).toBe(true);
    await ledger.outcome({ id: id(1), outcome: 'cancelled', attempts: 1 });
    expect(ledger.state.counts()).toMatchObject({ failed: 0, cancelled: 1 });
    expect(ledger.state.leftCount).toBe(0);
  });

  test('calls count for their window from the latest moment at which they may have been counted', async () => {
    const { ledger, clock } = await started(1);
    const at = clock.wallMs();
    const answered = await ledger.intent({ route: 'get', id: id(1), attempt: 1 });
    const lost = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    clock.stand(1000);
    await ledger.reply({ call: answered, ms: 1000, http: 200 });
    await ledger.reply({ call: lost, ms: 1000, error: 'timeout' });
    const routes = (afterMs: number) =>
      ledger.state.recentCalls(byOurClock(at + afterMs + CLOCK_DOUBT_MS), 60_000).map(({ route }) => route);
    expect(routes(60_999)).toEqual(['get', 'list', 'cancel']);
    expect(routes(61_000)).toEqual(['list', 'cancel']);
    expect(routes(124_999)).toEqual(['list', 'cancel']);
    expect(routes(125_000)).toEqual([]);
    expect(ledger.state.recentCalls(byOurClock(at + 1000), 60_000)).toMatchObject([
      { route: 'get', intentAtMs: at, repliedAtMs: at + 1000, unanswered: false, skewMs: 0 },
      { route: 'list', intentAtMs: at, repliedAtMs: at + 1000, unanswered: true, skewMs: 0 },
      { route: 'cancel', intentAtMs: at, repliedAtMs: undefined, unanswered: false, skewMs: 0 },
    ]);
  });

  test('a call without an answer has the skew that was last seen, and a slow clock keeps a call longer', async () => {
    const { ledger, clock } = await started(1);
    const at = clock.wallMs();
    const call = await ledger.intent({ route: 'get', id: id(1), attempt: 1 });
    await ledger.reply({ call, ms: 1, http: 200, skewMs: 5000 });
    await ledger.intent({ route: 'get', id: id(1), attempt: 1 });
    expect(
      ledger.state.recentCalls(byOurClock(at + 64_999 + CLOCK_DOUBT_MS), 60_000).map(({ skewMs }) => skewMs),
    ).toEqual([5000, 5000]);
    expect(ledger.state.recentCalls(byOurClock(at + 65_000 + CLOCK_DOUBT_MS), 60_000)).toHaveLength(1);
  });

  test('calls are told apart by the client of their session', async () => {
    const harness = makeHarness();
    const first = await harness.open();
    await first.intent({ route: 'list', ids: 1, attempt: 1 });
    await first[Symbol.asyncDispose]();
    const open = {
      tool: 't',
      tenant: '11111111-1111-4111-8111-111111111111',
      client: 'new',
      api: 'https://api.example.com',
      job: FROZEN_JOB,
    };
    const { state } = await harness.open({ open });
    const recent = (client?: string) => state.recentCalls(byOurClock(harness.clock.wallMs()), 60_000, client).length;
    expect([recent(), recent('new'), recent('22222222-2222-4222-8222-222222222222')]).toEqual([1, 0, 1]);
  });
});

describe('outcomes', () => {
  test('the last outcome of an action counts', async () => {
    const { ledger } = await started(3);
    await ledger.outcome({ id: id(1), outcome: 'failed', attempts: 5 });
    await ledger.outcome({ id: id(2), outcome: 'unconfirmed', attempts: 1 });
    expect(ledger.state.leftCount).toBe(2);
    expect([...ledger.state.left()].map((each) => each.id)).toEqual([id(2), id(3)]);
    await ledger.outcome({
      id: id(1),
      outcome: 'cancelled',
      attempts: 6,
      status: 'Cancelled',
      detail: 'by its answer',
    });
    expect(ledger.state.counts()).toMatchObject({ failed: 0, unconfirmed: 1, cancelled: 1 });
    expect(action(ledger, 1).outcome).toMatchObject({ outcome: 'cancelled', calls: 6, detail: 'by its answer' });
    await ledger.outcome({ id: id(1), outcome: 'unknown', attempts: 7 });
    expect(ledger.state.leftCount).toBe(3);
  });
});

describe('the tally for --max-failures', () => {
  test('the tally for --max-failures counts what was accepted or settled after a call, and as failures those whose last outcome is one', async () => {
    const { ledger } = await started(4);
    expect(ledger.state.tally).toEqual({ called: 0, failures: 0 });
    for (const [n, answer] of [{ http: 200 }, { http: 409 }, { error: 'timeout' }].entries()) {
      const call = await ledger.intent({ route: 'cancel', id: id(n + 1), attempt: 1 });
      await ledger.reply({ call, ms: 1, ...answer });
    }
    expect(ledger.state.tally).toEqual({ called: 1, failures: 0 });
    await ledger.outcome({ id: id(2), outcome: 'failed', attempts: 1 });
    await ledger.outcome({ id: id(3), outcome: 'unknown', attempts: 1 });
    // Never called.
    await ledger.outcome({ id: id(4), outcome: 'already-final', attempts: 0 });
    expect(ledger.state.tally).toEqual({ called: 3, failures: 2 });
  });

  test('the tally for --max-failures keeps a failure that is tried again until its next outcome', async () => {
    const { ledger } = await started(1);
    const first = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    await ledger.reply({ call: first, ms: 1, http: 409 });
    await ledger.outcome({ id: id(1), outcome: 'failed', attempts: 1 });
    const second = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
    expect(ledger.state.tally).toEqual({ called: 1, failures: 1 });
    await ledger.reply({ call: second, ms: 1, http: 200 });
    expect(ledger.state.tally).toEqual({ called: 1, failures: 1 });
    await ledger.outcome({ id: id(1), outcome: 'cancelled', attempts: 2 });
    expect(ledger.state.tally).toEqual({ called: 1, failures: 0 });
  });
});

describe('readings of the source', () => {
  const intake = { admitted: 0, rejected: 1, bytes: 1, sha256: 'ab'.repeat(32) };

  test('rejects are of the last reading', async () => {
    const harness = makeHarness();
    const first = await harness.open();
    first.beginIntake();
    await first.reject({ line: 1, reason: 'bad-row', text: 'x' });
    await first.reject({ line: 2, reason: 'duplicate', text: 'x' });
    await first[Symbol.asyncDispose]();
    const second = await harness.open();
    expect(second.state.rejected).toEqual({ 'not-an-id': 0, 'bad-row': 1, duplicate: 1 });
    second.beginIntake();
    await second.reject({ line: 1, reason: 'not-an-id', text: 'x' });
    await second.intake(intake);
    expect(second.state.rejected).toEqual({ 'not-an-id': 1, 'bad-row': 0, duplicate: 0 });
    second.beginIntake();
    await second.intake({ ...intake, rejected: 0 });
    expect(second.state.rejected).toEqual({ 'not-an-id': 0, 'bad-row': 0, duplicate: 0 });
    expect(second.state.intakes.map(({ session, rejected }) => [session, rejected])).toEqual([
      [2, 1],
      [2, 0],
    ]);
  });

  test('what a later reading no longer names is missing only for the process that read', async () => {
    const { ledger, disk } = await started(3);
    ledger.beginIntake();
    await ledger.admit({ id: id(2), line: 1 });
    expect([...ledger.state.missing()]).toEqual([]);
    await ledger.intake(intake);
    await ledger.outcome({ id: id(3), outcome: 'cancelled', attempts: 1 });
    expect([...ledger.state.missing()].map((each) => each.id)).toEqual([id(1)]);
    const { state } = await readLedger(PATH, disk);
    expect([...state.missing()]).toEqual([]);
  });
});

test('a session that was killed lasted until its last record, however much later the next one begins', async () => {
  const { clock, open } = await started(1);
  const diedAtMs = clock.wallMs();
  clock.stand(3_600_000);
  const next = await open({ processes: machine(2) });
  expect(next.state.sessions.map(({ lastAtMs }) => lastAtMs)).toEqual([diedAtMs, clock.wallMs()]);
});

test('sessions, starts and pauses are kept for the report', async () => {
  const { ledger, clock } = await started(1);
  const at = clock.wallMs();
  await ledger.pause({ until: '2026-03-01T12:01:00.000Z', reason: 'throttled' });
  await ledger.screen([
    { id: id(1), status: 'Pending', type: 'Isolate', machineId: null, computer: 'pc', requestor: 'a', created: null },
  ]);
  clock.stand(10);
  await ledger.close('deadline');
  const { state } = ledger;
  expect(state.start).toMatchObject({ by: 'yes', count: 1, session: 1 });
  expect(state.pauses).toEqual([{ until: '2026-03-01T12:01:00.000Z', reason: 'throttled', atMs: at, session: 1 }]);
  expect(state.sessions[0]).toMatchObject({
    number: 1,
    closed: { reason: 'deadline', atMs: at + 10, counts: {} },
    lastAtMs: at + 10,
  });
  expect({ first: state.firstAtMs, last: state.lastAtMs, seq: state.lastSeq }).toEqual({
    first: at,
    last: at + 10,
    seq: 7,
  });
  expect(action(ledger, 1).screen).toMatchObject({ atMs: at, status: 'Pending', machineId: null, computer: 'pc' });
});
