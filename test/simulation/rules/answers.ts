import type { Invariant } from './rule.ts';

/** What is made of what Defender says. */
export const ANSWER_RULES: readonly Invariant[] = [
  {
    name: 'refusals',
    promise: 'A 401 or 403 is recorded as what it is, whatever its body.',
    check: {
      record: ({ record }) =>
        record.kind === 'reply' && (record.http === 401 || record.http === 403) && record.error !== undefined
          ? `call ${record.call}: HTTP ${record.http}, ${record.error}`
          : undefined,
    },
  },
  {
    name: 'whole list',
    promise: 'The intake of a query holds every action that Defender has.',
    check: {
      record: ({ record, watch }, { scenario, defender }) => {
        if (record.kind !== 'intake' || scenario.source !== 'query') return undefined;
        const admitted = watch.admittedSoFar();
        const missing = [...defender.truth.values()].filter(({ id, odd }) => odd === undefined && !admitted.has(id));
        return missing.length === 0 ? undefined : `${missing.length} of ${defender.truth.size} actions are missing`;
      },
    },
  },
];
