import type { Oddities } from '../defender/query.ts';

/** Counts what a list showed beside what was asked for, so that it is said once and nothing is left out without a word. */
export function countOddities(): Oddities & { sentences(): string[] } {
  let withoutId = 0;
  let notAskedFor = 0;
  return {
    withoutId: (count) => {
      withoutId += count;
    },
    notAskedFor: () => {
      notAskedFor += 1;
    },
    sentences: () => [
      ...(withoutId === 0 ? [] : [`left out: ${withoutId} entries of Defender's list have no action ID`]),
      ...(notAskedFor === 0
        ? []
        : [`left out: ${notAskedFor} actions in Defender's list do not match the filter that was sent`]),
    ],
  };
}
