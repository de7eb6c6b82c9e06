import { bareName, nearestName } from '../suggest.ts';
import type { Job } from './job.ts';

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
const MIN_PART = 4;
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
  const whole = known.find((name) => bare.length >= MIN_PART && bareName(name).includes(bare));
  const stem = known.find((name) => hasStemOf(bareName(name), bare));
  return nearestName(given, known) ?? whole ?? stem;
}

/** `isolation` for `isolate`: all but the last letter, and another ending. */
function hasStemOf(name: string, given: string): boolean {
  return given.startsWith(name.slice(0, -1)) && given.length <= name.length - 1 + LONGEST_ENDING;
}

interface Names {
  type: readonly string[];
  status: readonly string[];
}

/** A sentence for each type and status that a filter or a guard asks for and nobody has seen yet: both sets are open, so it may be a new one. */
export function unlikeNames({ type, status }: Names): string[] {
  const unlike = (names: readonly string[], known: readonly string[], what: string) =>
    names
      .filter((name) => !known.includes(name))
      .map(
        (name) =>
          `"${name}" is no ${what} known so far, and matches nothing unless Defender has it: ${known.join(', ')}`,
      );
  return [...unlike(type, ACTION_TYPES, 'type'), ...unlike(status, ACTION_STATUSES, 'status')];
}

/** The same of all that a job asks for. */
export function unlikeNamesIn({ guards, source }: Job): string[] {
  const query = source.kind === 'query' ? source.query : { type: [], status: [] };
  const types = [...guards.onlyType, ...query.type];
  return unlikeNames({ type: types.filter((name, index) => types.indexOf(name) === index), status: query.status });
}

/** What is said wherever actions are called, or were, whose types nobody saw; empty for none. */
export function unseenTypes(count: number): string {
  if (count === 0) return '';
  const what =
    count === 1
      ? 'the type of 1 action was not seen: it may be a release'
      : `the types of ${count} actions were not seen: releases may be among them`;
  return `${what} (Unisolate, UnrestrictCodeExecution), and cancelling a pending release leaves its device cut off`;
}
