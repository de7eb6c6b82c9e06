/** What is decided of an action before it is called. The one table: question, plan, report and `resume --dry-run` say it in these words. */
export const DECISIONS = {
  cancel: { means: 'will be cancelled', leftOut: undefined, next: 'look up, and cancel if open' },
  unscreened: {
    means: 'will be cancelled without a lookup',
    leftOut: undefined,
    next: 'look up, and cancel if open',
  },
  'already-final': {
    means: 'already finished, no call is spent on it',
    leftOut: 'already finished',
    next: 'record as already finished',
  },
  excluded: { means: 'excluded by a guard', leftOut: 'excluded by guards', next: 'record as excluded by a guard' },
  'not-found': {
    means: 'not found in Defender',
    leftOut: 'not found in Defender',
    next: 'look up again: was not found in Defender',
  },
} as const satisfies Record<string, DecisionWords>;

interface DecisionWords {
  /** Of one action. */
  means: string;
  /** Of several, after their number; undefined for those that are called. */
  leftOut: string | undefined;
  /** What a session that goes on does with it. */
  next: string;
}

export type Decision = keyof typeof DECISIONS;

export const DECISION_NAMES = Object.keys(DECISIONS) as readonly Decision[];

export type DecisionCounts = Record<Decision, number>;

/** To be counted up. */
export function noDecisions(): DecisionCounts {
  return { cancel: 0, unscreened: 0, 'already-final': 0, excluded: 0, 'not-found': 0 };
}

/** Whether the action will be called. */
export function isToCall(decision: Decision): boolean {
  return DECISIONS[decision].leftOut === undefined;
}

/** How many of the counted actions will be called. */
export function toCallCount(counts: Readonly<DecisionCounts>): number {
  return DECISION_NAMES.filter(isToCall).reduce((sum, name) => sum + counts[name], 0);
}

/** `3 already finished`, for each decision by which some actions are left out; `say` writes their number. */
export function leftOutWords(counts: Readonly<DecisionCounts>, say: (n: number) => string = String): string[] {
  return DECISION_NAMES.flatMap((name) => {
    const { leftOut } = DECISIONS[name];
    return leftOut === undefined || counts[name] === 0 ? [] : [`${say(counts[name])} ${leftOut}`];
  });
}
