import type { Invariant } from './rule.ts';

/** What becomes of the files. */
export const FILE_RULES: readonly Invariant[] = [
  {
    name: 'earlier ledgers',
    promise: 'No ledger is removed but a finished one of the same job and tenant that is old enough.',
    check: { removed: ({ by, path }) => `${by} removes ${path}` },
  },
  {
    name: 'series',
    promise: 'A job that is begun again goes on with its newest unfinished ledger.',
    check: {
      elsewhere: ({ worker }) =>
        worker.kind === 'nightly' && !worker.disturbed && worker.swappedAtMs === undefined
          ? `${worker.process.name} begins another ledger than ${worker.path}`
          : undefined,
    },
  },
  {
    name: 'durable',
    promise: 'What was on the platter stays in the ledger.',
    check: { lost: (record) => `record ${record} was on the platter and is gone` },
  },
  {
    name: 'intact',
    promise: 'A ledger that only the program wrote can always be read to its end.',
    check: {
      garbage: (line) => `a line that is no JSON: ${line.slice(0, 80)}`,
      damaged: (what) => what,
    },
  },
  {
    name: 'not ours',
    promise: 'Nothing is written into a file that is not a ledger of ours.',
    check: { foreign: ({ worker, path }) => `${worker?.process.name} appends to ${path}` },
  },
  {
    name: 'lock',
    promise: 'A lock that was renewed within the last minute is taken from nobody who lives.',
    check: {
      unlocked: ({ by, path, holder, ageMs }) =>
        `${by} takes the lock ${path} from ${holder}, which renewed it ${ageMs} ms ago`,
    },
  },
];
