import Bottleneck from 'bottleneck';
import type { Clock } from '../../../src/clock.ts';
import { MARGIN_MS, UNANSWERED_MS } from '../../../src/quota/call-times.ts';
import type { Quota, Slot, Window } from '../../../src/quota/quota.ts';

/** Held slots as one might write them at first. Each option steps into one trap. */
export interface TrapOptions {
  minute: Window;
  hour: Window;
  clock: Clock;
  /** Bottleneck's own way to combine limiters: both permits are freed by the end of the one job. */
  chained?: boolean;
  /** Held for the bare window. */
  withoutMargin?: boolean;
}

export function makeTrapQuota({ minute, hour, clock, chained = false, withoutMargin = false }: TrapOptions): Quota {
  const minuteLimiter = new Bottleneck({ maxConcurrent: minute.calls });
  const hourLimiter = new Bottleneck({ maxConcurrent: hour.calls });
  if (chained) minuteLimiter.chain(hourLimiter);
  const marginMs = withoutMargin ? 0 : MARGIN_MS;

  const hold = (perMs: number, settled: Promise<number>) =>
    settled.then((countedMs) => clock.sleep(countedMs + perMs + marginMs - clock.monotonicMs(), { ref: false }));

  return {
    take: () =>
      new Promise<Slot>((resolve, reject) => {
        let settle: (countedMs: number) => void = () => {};
        const settled = new Promise<number>((done) => {
          settle = done;
        });
        const slot: Slot = {
          usable: () => true,
          settle: () => settle(clock.monotonicMs()),
          settleUnanswered: (sentAtMs) => settle(sentAtMs + UNANSWERED_MS),
          release: () => settle(Number.NEGATIVE_INFINITY),
        };
        const inMinute = () => {
          resolve(slot);
          return hold(minute.perMs, settled);
        };
        const inHour = () => {
          minuteLimiter.schedule(inMinute).catch(reject);
          return hold(hour.perMs, settled);
        };
        (chained ? minuteLimiter.schedule(inMinute) : hourLimiter.schedule(inHour)).catch(reject);
      }),
    left: () => [],
  };
}

/** The machine's clock as Node has it: timers may fire up to a millisecond early. */
export function earlyClock(): Clock {
  return {
    wallMs: () => Date.now(),
    monotonicMs: () => performance.now(),
    sleep: (ms) => new Promise((resolve) => setTimeout(resolve, Math.max(0, ms - 1))),
  };
}
