import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { systemClock } from '../../../src/clock.ts';
import { type CallResult, makeGate, type Pause, type Permit, type SharedGate } from '../../../src/quota/gate/gate.ts';
import { type VirtualTime, virtualTime } from '../../support/clock/virtual-time.ts';

let time: VirtualTime;
let pauses: Pause[];
let gate: SharedGate;
beforeEach(() => {
  time = virtualTime();
  pauses = [];
  gate = makeGate({ clock: systemClock, onPause: (pause) => pauses.push(pause) });
});
afterEach(() => {
  time[Symbol.dispose]();
});

const now = () => systemClock.monotonicMs();
const throttled = (retryAfterMs?: number): CallResult => ({ kind: 'throttled', retryAfterMs });
const unreachable = (subject = 'one'): CallResult => ({ kind: 'unreachable', subject });
const ANSWERED: CallResult = { kind: 'answered' };

/** Callers that wait at the gate; those that got through are in `permits`. */
function callers(count: number) {
  const permits: Permit[] = [];
  for (let i = 0; i < count; i += 1) void gate.pass().then((permit) => permits.push(permit));
  return permits;
}

const soon = () => time.pass(0);
const pauseLeft = () => (gate.pause === undefined ? undefined : gate.pause.untilMs - now());

/** Ten failures in a row over ten actions. */
async function loseTouch() {
  for (let i = 0; i < 10; i += 1) (await gate.pass()).report(unreachable(`action ${i}`));
}

describe('an open gate', () => {
  it('an open gate lets everybody pass', async () => {
    const permits = callers(20);
    await soon();
    expect(permits).toHaveLength(20);
    expect(permits.every((permit) => !permit.probe && permit.stillOpen())).toBe(true);
  });

  it('an open gate keeps the moment of the last answer', async () => {
    await time.pass(5000);
    (await gate.pass()).report(throttled(1000));
    expect(gate.lastSuccessMs).toBe(now() - 5000);
    await time.pass(2000);
    (await gate.pass()).report(ANSWERED);
    expect(gate.lastSuccessMs).toBe(now());
  });

  it('an open gate keeps no moment of a closing; a closed one keeps the first, however often it is extended', async () => {
    const [one, other] = [await gate.pass(), await gate.pass()];
    expect(gate.closedAtMs).toBeUndefined();
    await time.pass(700);
    one.report(throttled(1000));
    const closed = now();
    await time.pass(500);
    other.report(throttled(60_000));
    expect([gate.closedAtMs, pauseLeft()]).toEqual([closed, 61_000]);
    await time.pass(61_000);
    (await gate.pass()).report(ANSWERED);
    expect([gate.closedAtMs, pauseLeft()]).toEqual([undefined, undefined]);
  });

  it('an open gate counts a lost answer against the action, but no 429', async () => {
    expect((await gate.pass()).report(unreachable())).toEqual({ costsAttempt: true });
    expect((await gate.pass()).report(ANSWERED)).toEqual({ costsAttempt: true });
    expect((await gate.pass()).report(throttled(1000))).toEqual({ costsAttempt: false });
  });
});

describe('a 429', () => {
  it('a 429 closes the gate for as long as it asks and a second more', async () => {
    (await gate.pass()).report(throttled(8000));
    expect(gate.pause).toEqual({ reason: 'throttled', untilMs: now() + 9000 });
    expect(pauses).toEqual([gate.pause]);
    const permits = callers(3);
    await time.pass(8999);
    expect(permits).toHaveLength(0);
    await time.pass(1);
    expect(permits).toHaveLength(1);
  });

  it('a 429 closes it for a minute and a second when it does not say', async () => {
    (await gate.pass()).report(throttled());
    expect(pauseLeft()).toBe(61_000);
  });

  it('a 429 makes a permit worthless that was given before, also once the gate is open again', async () => {
    const [early, late] = [await gate.pass(), await gate.pass()];
    early.report(throttled(1000));
    expect(late.stillOpen()).toBe(false);
    await time.pass(2000);
    (await gate.pass()).report(ANSWERED);
    expect(gate.pause).toBeUndefined();
    expect(late.stillOpen()).toBe(false);
    late.cancel();
  });

  it('a 429 is followed by one call alone, whose success lets the others go on', async () => {
    (await gate.pass()).report(throttled(1000));
    const permits = callers(5);
    await time.pass(60_000);
    expect(permits.map(({ probe }) => probe)).toEqual([true]);
    expect(permits[0]?.stillOpen()).toBe(true);
    permits[0]?.report(ANSWERED);
    await soon();
    expect(gate.pause).toBeUndefined();
    expect(permits.map(({ probe }) => probe)).toEqual([true, false, false, false, false]);
  });

  it('a 429 to the probe doubles the wait, up to five minutes', async () => {
    (await gate.pass()).report(throttled());
    const waits: (number | undefined)[] = [pauseLeft()];
    for (let i = 0; i < 4; i += 1) {
      const probe = await passWhenDue();
      expect(probe.report(throttled())).toEqual({ costsAttempt: false });
      waits.push(pauseLeft());
    }
    expect(waits).toEqual([61_000, 121_000, 241_000, 301_000, 301_000]);
    expect(pauses).toHaveLength(5);
  });

  it('a 429 that asks for longer than the doubled wait gets it', async () => {
    (await gate.pass()).report(throttled(10_000));
    (await passWhenDue()).report(throttled(600_000));
    expect(pauseLeft()).toBe(601_000);
    (await passWhenDue()).report(throttled(1000));
    expect(pauseLeft()).toBe(301_000);
  });

  it('a 429 to a call that was in flight extends the pause only when its end is later', async () => {
    const [first, sooner, later] = [await gate.pass(), await gate.pass(), await gate.pass()];
    first.report(throttled(10_000));
    sooner.report(throttled(5000));
    expect(pauseLeft()).toBe(11_000);
    expect(pauses).toHaveLength(1);
    later.report(throttled(20_000));
    expect(pauseLeft()).toBe(21_000);
    expect(pauses).toHaveLength(2);
  });

  it('a 429 to each of sixteen calls in flight is one pause, told again only when it ends a second or more later', async () => {
    const inFlight = await Promise.all(Array.from({ length: 18 }, () => gate.pass()));
    for (const permit of inFlight.splice(0, 16)) {
      permit.report(throttled(10_000));
      await time.pass(50);
    }
    // The last one to come counts, told or not.
    expect(pauseLeft()).toBe(11_000 - 50);
    expect(pauses).toHaveLength(1);
    await time.pass(200);
    inFlight[0]?.report(throttled(10_000));
    expect(pauses).toHaveLength(2);
    expect(pauses[1]).toEqual(gate.pause);
    await time.pass(500);
    inFlight[1]?.report(throttled(10_000));
    expect(pauses).toHaveLength(2);
  });

  it('a 429 to a call that was in flight does not double the wait', async () => {
    const inFlight = await Promise.all(Array.from({ length: 16 }, () => gate.pass()));
    for (const permit of inFlight) permit.report(throttled(10_000));
    expect(pauseLeft()).toBe(11_000);
  });

  it('a 429 that comes back while the probe waits to be sent takes the probe back', async () => {
    const [first, late] = [await gate.pass(), await gate.pass()];
    first.report(throttled(1000));
    const probe = await passWhenDue();
    late.report(throttled(3000));
    expect(probe.stillOpen()).toBe(false);
    const permits = callers(2);
    probe.cancel();
    await time.pass(3999);
    expect(permits).toHaveLength(0);
    await time.pass(1);
    expect(permits.map((permit) => permit.probe)).toEqual([true]);
  });

  it('a 429 that comes back while the probe is out keeps the gate closed after the probe was answered, until its own wait is over', async () => {
    const [first, late] = [await gate.pass(), await gate.pass()];
    first.report(throttled(1000));
    const probe = await passWhenDue();
    late.report(throttled(3000));
    const passes = callers(2);
    await time.pass(2000);
    probe.report(ANSWERED);
    expect(pauseLeft()).toBe(2000);
    await time.pass(1999);
    expect(passes).toHaveLength(0);
    await time.pass(1);
    expect(passes.map((pass) => pass.probe)).toEqual([true]);
    passes[0]?.report(ANSWERED);
    await soon();
    expect(passes.map((pass) => pass.probe)).toEqual([true, false]);
  });

  it('a 429 again and again for 40 minutes costs one call a wait', async () => {
    const beganMs = now();
    (await gate.pass()).report(throttled());
    let calls = 1;
    const permits = callers(1);
    while (now() - beganMs < 40 * 60_000) {
      await time.runUntil(() => permits.length === 1);
      permits.pop()?.report(throttled());
      calls += 1;
      void gate.pass().then((permit) => permits.push(permit));
      await soon();
    }
    // 61 + 121 + 241 s, then every 301 s.
    expect(calls).toBe(1 + 3 + Math.ceil((2400 - 423) / 301));
    expect(pauses).toHaveLength(calls);
  });
});

describe('a probe', () => {
  it('a probe that sends nothing hands its part to the next who waits', async () => {
    (await gate.pass()).report(throttled(1000));
    const permits = callers(3);
    await time.pass(2000);
    permits[0]?.cancel();
    await soon();
    expect(permits.map(({ probe }) => probe)).toEqual([true, true]);
  });

  it('a probe that sends nothing while nobody waits leaves its part to who comes next', async () => {
    (await gate.pass()).report(throttled(1000));
    (await passWhenDue()).cancel();
    const permits = callers(2);
    await soon();
    expect(permits.map(({ probe }) => probe)).toEqual([true]);
  });

  it('a probe without an answer keeps the gate closed, and is tried again', async () => {
    (await gate.pass()).report(throttled(1000));
    expect((await passWhenDue()).report(unreachable())).toEqual({ costsAttempt: false });
    expect(gate.pause).toEqual({ reason: 'out-of-reach', untilMs: now() + 1000 });
  });

  it('a probe is not chosen from callers that gave up', async () => {
    (await gate.pass()).report(throttled(1000));
    const stop = new AbortController();
    const gaveUp = expect(gate.pass(stop.signal)).rejects.toBe('enough');
    const permits = callers(1);
    stop.abort('enough');
    await gaveUp;
    await time.pass(2000);
    expect(permits.map(({ probe }) => probe)).toEqual([true]);
    await expect(gate.pass(AbortSignal.abort('too late'))).rejects.toBe('too late');
  });
});

describe('ten calls in a row without an answer', () => {
  it('ten calls in a row without an answer over ten different actions close the gate, and the tenth costs no attempt', async () => {
    for (let i = 0; i < 9; i += 1) {
      expect((await gate.pass()).report(unreachable(`action ${i}`))).toEqual({ costsAttempt: true });
    }
    expect(gate.pause).toBeUndefined();
    expect((await gate.pass()).report(unreachable('action 9'))).toEqual({ costsAttempt: false });
    expect(gate.pause).toEqual({ reason: 'out-of-reach', untilMs: now() + 1000 });
  });

  it('ten calls in a row without an answer over the same action leave it open', async () => {
    for (let i = 0; i < 30; i += 1) (await gate.pass()).report(unreachable('always this one'));
    expect(gate.pause).toBeUndefined();
  });

  it('ten calls in a row without an answer are no row when one among them was answered', async () => {
    for (let i = 0; i < 30; i += 1) {
      (await gate.pass()).report(i % 9 === 8 ? ANSWERED : unreachable(`action ${i}`));
    }
    expect(gate.pause).toBeUndefined();
  });

  it('ten calls in a row without an answer are followed by one probe at a time, from a second apart to a minute', async () => {
    await loseTouch();
    const waits: (number | undefined)[] = [pauseLeft()];
    for (let i = 0; i < 8; i += 1) {
      expect((await passWhenDue()).report(unreachable('the probe'))).toEqual({ costsAttempt: false });
      waits.push(pauseLeft());
    }
    expect(waits).toEqual([1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000, 60_000]);
  });

  it('ten calls in a row without an answer end with the first probe that is answered, and the next outage begins at a second again', async () => {
    await loseTouch();
    (await passWhenDue()).report(unreachable());
    (await passWhenDue()).report(ANSWERED);
    expect(gate.pause).toBeUndefined();
    await loseTouch();
    expect(pauseLeft()).toBe(1000);
  });

  it('ten calls in a row without an answer cost no attempt to those that were in flight, and do not move the probe', async () => {
    const late = await gate.pass();
    await loseTouch();
    expect(late.report(unreachable('late'))).toEqual({ costsAttempt: false });
    expect(pauseLeft()).toBe(1000);
  });

  it('ten calls in a row without an answer become a throttling when the probe meets 429', async () => {
    await loseTouch();
    (await passWhenDue()).report(throttled(7000));
    expect(gate.pause).toEqual({ reason: 'throttled', untilMs: now() + 8000 });
  });
});

it('a closed gate that nobody waits at leaves no timer behind', async () => {
  (await gate.pass()).report(throttled(1000));
  const stop = new AbortController();
  const gaveUp = expect(gate.pass(stop.signal)).rejects.toBe('enough');
  stop.abort('enough');
  await gaveUp;
  await expect(time.runUntil(() => false)).rejects.toThrow('nothing is left that could happen');
});

/** Waits for the end of the pause and passes as its probe. */
async function passWhenDue(): Promise<Permit> {
  const permits = callers(1);
  await time.runUntil(() => permits.length === 1);
  const [pass] = permits;
  expect(pass?.probe).toBe(true);
  return pass as Permit;
}

describe('a pause of another process', () => {
  it('a pause of another process closes the gate until then, and one probe of our own goes first', async () => {
    gate.hear(now() + 30_000);
    expect(pauses).toEqual([{ reason: 'throttled', untilMs: now() + 30_000 }]);
    const permits = callers(3);
    await time.pass(29_999);
    expect(permits).toHaveLength(0);
    await time.pass(1);
    expect(permits.map(({ probe }) => probe)).toEqual([true]);
    permits[0]?.report(ANSWERED);
    await soon();
    expect(permits).toHaveLength(3);
  });

  it('a pause of another process makes permits that were given before useless', async () => {
    const permit = await gate.pass();
    gate.hear(now() + 30_000);
    expect(permit.stillOpen()).toBe(false);
  });

  it('a pause of another process only lengthens one of our own, and by a second at least', async () => {
    (await gate.pass()).report(throttled(10_000));
    for (const laterMs of [-5000, 0, 999]) gate.hear(now() + 11_000 + laterMs);
    expect(pauseLeft()).toBe(11_000);
    gate.hear(now() + 12_000);
    expect(pauseLeft()).toBe(12_000);
  });

  it('a pause of another process that is as good as over closes nothing', () => {
    gate.hear(now() + 999);
    expect(gate.pause).toBe(undefined);
  });
});
