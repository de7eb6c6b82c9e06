/** What is said wherever actions are called, or were, whose types nobody saw; empty for none. */
export function unseenTypes(count: number): string {
  if (count === 0) return '';
  const what =
    count === 1
      ? 'the type of 1 action was not seen: it may be a release'
      : `the types of ${count} actions were not seen: releases may be among them`;
  return `${what} (Unisolate, UnrestrictCodeExecution), and cancelling a pending release leaves its device cut off`;
}
