import type { Window } from '../../src/quota/quota.ts';
import type { Scenario } from './scenario.ts';

/** One window as the service counts it. */
export interface Rule {
  readonly window: Window;
  allows(nowMs: number): boolean;
  count(nowMs: number): void;
  againInMs(nowMs: number): number;
}

export function makeRule(window: Window, { kind, offsetMs }: Scenario['rule']): Rule {
  const { calls, perMs } = window;
  if (kind === 'sliding') {
    let moments: number[] = [];
    const trim = (now: number) => {
      moments = moments.filter((at) => at > now - perMs);
    };
    return {
      window,
      allows: (now) => {
        trim(now);
        return moments.length < calls;
      },
      count: (now) => void moments.push(now),
      againInMs: (now) => (moments[moments.length - calls] ?? now) + perMs - now,
    };
  }
  let begun = Number.NEGATIVE_INFINITY;
  let used = 0;
  const turn = (now: number) => {
    const current = kind === 'offset' ? Math.floor((now + offsetMs) / perMs) * perMs - offsetMs : begun;
    if (kind === 'offset' ? current !== begun : now >= begun + perMs) {
      begun = kind === 'offset' ? current : now;
      used = 0;
    }
  };
  return {
    window,
    allows: (now) => {
      turn(now);
      return used < calls;
    },
    count: () => {
      used++;
    },
    againInMs: (now) => begun + perMs - now,
  };
}
