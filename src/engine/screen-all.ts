import { isFinalStatus } from '../defender/entity.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';
import { type DecisionCounts, noDecisions } from '../ledger/decisions.ts';
import { NOT_FOUND_STATUS } from '../ledger/record.ts';
import type { Screened } from '../ledger/state/run-state.ts';
import { type Decided, decide } from './guards.ts';
import { makeScreening, refuseUnread } from './screening.ts';
import type { EngineParts } from './session.ts';
import type { Task } from './task.ts';

/** Longer lists are not looked up before the question: that alone would take most of an hour's quota. */
export const SCREEN_AT_MOST = 50_000;

/** An action whose state moved between the plan and now. */
export interface Change {
  id: string;
  computer: string | null;
  was: string;
  now: string;
}

export interface ScreenedAll {
  /** What changed since an earlier lookup (a plan's). */
  changes: Change[];
  /** Open actions that were left out because the list is too long. */
  notLookedUp: number;
}

export interface ScreenAllOptions {
  /** Also what is known already, whatever its age, but for final statuses, which stay. */
  anew: boolean;
  /** Told before each batch: how many actions were looked up so far, of how many. */
  onLooked?(done: number, total: number): void;
}

/** Looks up the whole list before anybody is asked. Actions that were called already have their own way and are left alone. */
export async function screenAll(parts: EngineParts, { anew, onLooked }: ScreenAllOptions): Promise<ScreenedAll> {
  const { ledger, stop, job } = parts;
  const screening = makeScreening(parts);
  const result: ScreenedAll = { changes: [], notLookedUp: 0 };
  if (!screening.on) return result;
  refuseUnread(parts);
  const wanted: (Pick<Task, 'id' | 'found' | 'unseen'> & { was: Screened | undefined })[] = [];
  for (const action of ledger.state.actions.values()) {
    const { id, screen: was, outcome, last } = action;
    if (outcome !== undefined || last !== undefined) continue;
    const known =
      was !== undefined && (anew ? isFinalStatus(was.status) : screening.isFresh({ action, unseen: false }));
    if (known) continue;
    if (wanted.length < SCREEN_AT_MOST) wanted.push({ id, was, found: undefined, unseen: false });
    else result.notLookedUp++;
  }
  for (let at = 0; at < wanted.length; at += LOOKUP_SIZE) {
    onLooked?.(at, wanted.length);
    const batch = wanted.slice(at, at + LOOKUP_SIZE);
    await screening.look(batch, stop.signal);
    for (const { id, was } of batch) {
      const screen = ledger.state.actions.get(id)?.screen;
      if (was === undefined || screen === undefined) continue;
      const isOther = was.type !== screen.type;
      const change = { id, computer: screen.computer, was: shownAs(was, isOther), now: shownAs(screen, isOther) };
      const kept = decide(was, job.guards).kind !== decide(screen, job.guards).kind;
      if (change.was !== change.now || kept) result.changes.push(change);
    }
  }
  return result;
}

function shownAs({ status, type }: Screened, withType: boolean): string {
  if (status === NOT_FOUND_STATUS) return 'not found in Defender';
  return withType ? `${status} (${type || 'of unknown type'})` : status;
}

/** What the plan says of every action that has no outcome yet. */
export function decideAll({ job, ledger }: Pick<EngineParts, 'job' | 'ledger'>): Map<string, Decided> {
  const decided = new Map<string, Decided>();
  for (const { id, screen, outcome } of ledger.state.actions.values()) {
    if (outcome === undefined) decided.set(id, decide(screen, job.guards));
  }
  return decided;
}

/** The same in numbers, for a list of which a million may be kept. */
export interface CountedList {
  total: number;
  by: DecisionCounts;
  /** How many actions of each type are to be called, as far as is known. */
  typesToCancel: Map<string, number>;
  /** On how many devices those are, as far as is known. */
  machines: number;
  /** Actions to be called that will not be looked up, or of which a lookup showed no type. */
  unseen: number;
}

export function countDecisions(
  { job, ledger }: Pick<EngineParts, 'job' | 'ledger'>,
  without: ReadonlySet<string> = new Set(),
): CountedList {
  const by = noDecisions();
  const typesToCancel = new Map<string, number>();
  const machines = new Set<string>();
  let total = 0;
  let unseen = 0;
  for (const { id, screen, outcome } of ledger.state.actions.values()) {
    if (outcome !== undefined || without.has(id)) continue;
    const { kind: decision } = decide(screen, job.guards);
    total++;
    by[decision]++;
    if (decision === 'unscreened' && (job.screen === 'never' || screen !== undefined)) unseen++;
    const type = screen?.type;
    if (decision !== 'cancel' || !type) continue;
    typesToCancel.set(type, (typesToCancel.get(type) ?? 0) + 1);
    const device = screen.machineId ?? screen.computer;
    if (device !== null) machines.add(device.toLowerCase());
  }
  return { total, by, typesToCancel, machines: machines.size, unseen };
}
