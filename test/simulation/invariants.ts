import type { Facts } from './facts.ts';
import { ANSWER_RULES } from './rules/answers.ts';
import { COUNTING_RULES } from './rules/counting.ts';
import { ENDING_RULES } from './rules/endings.ts';
import { FILE_RULES } from './rules/files.ts';
import { FLEET_RULES } from './rules/fleet.ts';
import { OUTCOME_RULES } from './rules/outcomes.ts';
import { REPORT_RULES } from './rules/reports.ts';
import type { Events, Invariant } from './rules/rule.ts';
import { SENDING_RULES } from './rules/sending.ts';
import { SESSION_RULES } from './rules/sessions.ts';

/** Everything that must hold in every world: the table of README.md, held against it by a test. */
export const INVARIANTS: readonly Invariant[] = [
  ...SENDING_RULES,
  ...COUNTING_RULES,
  ...ANSWER_RULES,
  ...FILE_RULES,
  ...OUTCOME_RULES,
  ...REPORT_RULES,
  ...SESSION_RULES,
  ...ENDING_RULES,
  ...FLEET_RULES,
];

/** Asks all rules about what happens; `violate` hears of each that does not hold. */
export type Emit = <K extends keyof Events>(kind: K, event: Events[K]) => void;

export function makeEmit(facts: Facts, violate: (invariant: string, detail: string) => void): Emit {
  const asked = new Map<keyof Events, Invariant[]>();
  for (const invariant of INVARIANTS) {
    for (const kind of Object.keys(invariant.check) as (keyof Events)[]) {
      asked.set(kind, [...(asked.get(kind) ?? []), invariant]);
    }
  }
  return (kind, event) => {
    for (const { name, check } of asked.get(kind) ?? []) {
      const detail = check[kind]?.(event, facts);
      if (detail !== undefined) violate(name, detail);
    }
  };
}
