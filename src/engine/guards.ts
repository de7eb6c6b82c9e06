import { isFinalStatus, isSameName, normalName } from '../defender/entity.ts';
import { UsageError } from '../errors.ts';
import type { Guards, Job } from '../job/job.ts';
import type { Decision } from '../ledger/decisions.ts';
import { NOT_FOUND_STATUS } from '../ledger/record.ts';
import type { Screened } from '../ledger/state/run-state.ts';

/** Cancelling these while they are pending leaves a machine cut off, or unable to run its programs. */
const UNDOING: ReadonlySet<string> = new Set(['unisolate', 'unrestrictcodeexecution']);

type Seen = Pick<Screened, 'type' | 'requestor' | 'machineId' | 'computer' | 'created'>;

/** Why the guards keep an action out, in words; undefined when they let it in. What a guard asks for and a lookup does not show keeps it out. */
export function keptOutBy(guards: Guards, seen: Seen): string | undefined {
  const { onlyType, onlyRequestor, onlyMachine, createdAfter, createdBefore } = guards;
  if (!allowsType(onlyType, seen.type))
    return `only-type: ${seen.type === '' ? 'its type is not shown' : `it is ${seen.type}`}`;
  if (!allows(onlyRequestor, seen.requestor))
    return `only-requestor: it was requested by ${seen.requestor ?? 'nobody named'}`;
  if (!allows(onlyMachine, seen.machineId, seen.computer)) {
    return `only-machine: it is for ${seen.computer ?? seen.machineId ?? 'no machine named'}`;
  }
  const created = seen.created === null ? Number.NaN : Date.parse(seen.created);
  if (createdAfter !== undefined && !(created >= Date.parse(createdAfter))) {
    return `created-after: it was created ${seen.created ?? 'at no known time'}`;
  }
  if (createdBefore !== undefined && !(created <= Date.parse(createdBefore))) {
    return `created-before: it was created ${seen.created ?? 'at no known time'}`;
  }
  return undefined;
}

/** The guard that needs no flag. Only for an action that is still open: one that is over undoes nothing any more. */
export function undoesAnUndo(guards: Guards, { type }: Pick<Seen, 'type'>): string | undefined {
  if (!UNDOING.has(normalName(type)) || guards.onlyType.some((only) => isSameName(only, type))) return undefined;
  return `undo: cancelling a pending ${type} would leave the machine cut off (--only-type ${type} cancels it, and no type that it does not name)`;
}

/** The guards that need a lookup, by the names of their flags. */
export function guardsThatLook(guards: Guards): string[] {
  return [
    guards.onlyType.length > 0 ? '--only-type' : '',
    guards.onlyRequestor.length > 0 ? '--only-requestor' : '',
    guards.onlyMachine.length > 0 ? '--only-machine' : '',
    guards.createdAfter === undefined ? '' : '--created-after',
    guards.createdBefore === undefined ? '' : '--created-before',
  ].filter((name) => name !== '');
}

/** Throws a UsageError where guards are to hold for actions that nobody may look at: an action outside must never be called. */
export function refuseUnseen({ guards, screen }: Pick<Job, 'guards' | 'screen'>): void {
  const needed = guardsThatLook(guards);
  if (screen !== 'never' || needed.length === 0) return;
  throw new UsageError(
    `${needed.join(', ')} ${needed.length === 1 ? 'needs' : 'need'} lookups, and --screen never disables them: remove one of the two`,
  );
}

function allowsType(only: readonly string[], type: string): boolean {
  return only.length === 0 || only.some((wanted) => isSameName(wanted, type));
}

function allows(only: readonly string[], ...values: (string | null)[]): boolean {
  return only.length === 0 || only.some((wanted) => values.some((value) => value !== null && same(wanted, value)));
}

function same(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

/** What a plan says of an action. */
export interface Decided {
  kind: Decision;
  /** Which guard, which status; undefined where the decision says it all. */
  reason: string | undefined;
}

const UNSCREENED: Decided = { kind: 'unscreened', reason: undefined };

/** Defender shows the action, but not what it does: as good as not looked up. */
const NO_TYPE: Decided = { kind: 'unscreened', reason: 'Defender shows no type of it' };

/** What is to be done with an action that was not called yet, by what its last lookup showed. */
export function decide(screen: Omit<Screened, 'atMs' | 'session'> | undefined, guards: Guards): Decided {
  if (screen === undefined) return UNSCREENED;
  if (screen.status === NOT_FOUND_STATUS) return { kind: 'not-found', reason: undefined };
  const kept = keptOutBy(guards, screen);
  if (kept !== undefined) return { kind: 'excluded', reason: kept };
  if (isFinalStatus(screen.status)) return { kind: 'already-final', reason: screen.status };
  const undo = undoesAnUndo(guards, screen);
  if (undo !== undefined) return { kind: 'excluded', reason: undo };
  if (screen.type === '') return NO_TYPE;
  return { kind: 'cancel', reason: undefined };
}
