import { shareOf } from '../../../src/quota/windows.ts';
import type { Facts } from '../facts.ts';
import type { Sent } from '../transport.ts';
import type { Invariant } from './rule.ts';

export const COUNTING_RULES: readonly Invariant[] = [
  {
    name: 'quota',
    promise: 'In no span of a window more calls count than it allows, over restarts and whatever a clock says.',
    check: {
      count: ({ counted }, facts) => {
        const { scenario, now, clockWasSlow, history } = facts;
        const unknowable = (sent: Sent) => clockWasSlow(sent) || history.isForgotten(sent);
        for (const { calls, perMs } of shareOf(scenario.windows, scenario.share)) {
          const first = counted[counted.length - 1 - calls];
          const agoMs = first?.countedAtMs === undefined ? undefined : now() - first.countedAtMs;
          if (agoMs === undefined || agoMs >= perMs) continue;
          if (counted.slice(-1 - calls).some(unknowable)) continue;
          return `${calls + 1} calls within ${agoMs} ms, and ${calls} per ${perMs} ms are allowed`;
        }
        return undefined;
      },
      refused: (calls, facts) =>
        isKnowable(facts) && calls > 0
          ? `${calls} calls were refused, and nobody else used the application`
          : undefined,
    },
  },
];

/** The strict server above all tells of windows whose beginning the client cannot know. */
function isKnowable({ clockWasRight, history }: Facts): boolean {
  return clockWasRight && !history.hasForgotten;
}
