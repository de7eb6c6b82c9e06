import { bareName, nearestName } from '../suggest.ts';

/** Types and statuses of machine actions known so far. Both sets are open: Microsoft's own descriptions disagree. */
export const ACTION_TYPES = [
  'RunAntiVirusScan',
  'Offboard',
  'LiveResponse',
  'CollectInvestigationPackage',
  'Isolate',
  'Unisolate',
  'StopAndQuarantineFile',
  'RestrictCodeExecution',
  'UnrestrictCodeExecution',
  'RequestSample',
  'Unknown',
] as const;

export const ACTION_STATUSES = ['Pending', 'InProgress', 'Succeeded', 'Failed', 'TimeOut', 'Cancelled'] as const;

/** The statuses of actions that a cancel can still reach. */
export const OPEN_STATUSES = ['Pending', 'InProgress'] as const;

/** Other spellings of a known name, as people and other programs write them. */
const ALIASES: Readonly<Record<string, string>> = { canceled: 'Cancelled', timedout: 'TimeOut' };
/** Part of a name that says which is meant: `Scan`, `Quarantine`. */
const LEAST_PART = 4;
const LONGEST_ENDING = 3;

/** The known name that a text is, whatever its case, blanks and hyphens; undefined for another one. */
export function knownName(given: string, known: readonly string[]): string | undefined {
  const bare = bareName(given);
  const alias = ALIASES[bare];
  if (alias !== undefined && known.includes(alias)) return alias;
  return known.find((name) => bareName(name) === bare);
}

/** The known name that was most likely meant by one that is not known: near to it, or a part of it. Undefined for one that is like none. */
export function meantName(given: string, known: readonly string[]): string | undefined {
  const bare = bareName(given);
  const whole = known.find((name) => bare.length >= LEAST_PART && bareName(name).includes(bare));
  const stem = known.find((name) => hasStemOf(bareName(name), bare));
  return nearestName(given, known) ?? whole ?? stem;
}

/** `isolation` for `isolate`: all but the last letter, and another ending. */
function hasStemOf(name: string, given: string): boolean {
  return given.startsWith(name.slice(0, -1)) && given.length <= name.length - 1 + LONGEST_ENDING;
}
