import { isFinalStatus, type MachineAction } from '../defender/entity.ts';
import { GuardError, RefusedError, WorkLeftError } from '../errors.ts';
import { unseenTypes } from '../job/known-names.ts';
import { NOT_FOUND_STATUS, type ScreenFields } from '../ledger/record.ts';
import type { Action, Screened } from '../ledger/state/run-state.ts';
import { guardsThatLook } from './guards.ts';
import { shownOf } from './lookup-batcher.ts';
import type { Found } from './lookups.ts';
import type { EngineParts } from './session.ts';
import type { Task } from './task.ts';

/** What is known of an open action is looked up again when it is older than this at the moment of its call, or of an earlier session. */
const FRESH_MS = 5 * 60_000;
/** So many unknown IDs at the very start mean that the list holds something else. */
const ALL_UNKNOWN = 20;

export interface Screening {
  /** Whether actions are looked up before they are called. */
  readonly on: boolean;
  /** Whether what is known of the action is good enough to call it on. */
  isFresh(known: Pick<Task, 'action' | 'unseen'>): boolean;
  /** Looks up these actions (100 a call), and records what is shown. Throws a GuardError when the first twenty of a run are all unknown. */
  look(tasks: readonly Pick<Task, 'id' | 'found' | 'unseen'>[], signal: AbortSignal): Promise<void>;
  /** Records what a query showed of admitted actions that were not called yet, as if it had been looked up. */
  saw(actions: readonly MachineAction[]): Promise<void>;
}

/**
 * Throws a RefusedError where actions are to be looked up and the token may not: what is not looked up may be the release of a device, and
 * cancelling that is not for us to decide.
 */
export function refuseUnread({ job, lookups }: Pick<EngineParts, 'job' | 'lookups'>): void {
  if (job.screen === 'never' || lookups.canRead) return;
  const needed = guardsThatLook(job.guards);
  const grant = 'grant the application Machine.Read.All (API WindowsDefenderATP, with admin consent)';
  if (needed.length > 0 || job.screen === 'always') {
    const what = needed.length > 0 ? needed.join(', ') : '--screen always';
    throw new RefusedError(
      `${what} needs to look actions up, and the token may not read them: ${grant}, or leave that out`,
    );
  }
  throw new RefusedError(
    `the token may not read machine actions, so their types cannot be seen, and releases may be among them: ${grant}, or give ` +
      '--screen never to cancel them unseen',
  );
}

export function makeScreening({ job, ledger, lookups, clock, log }: EngineParts): Screening {
  const needed = job.screen === 'always' || guardsThatLook(job.guards).length > 0;
  let probation = !hasKnown(ledger.state.actions.values()) && ledger.state.actions.size > ALL_UNKNOWN;
  let unknown = 0;
  let calledUnseen = 0;
  // What an earlier session says of a type is the ledger's word alone, and whoever can write the file can write that anew.
  const isOurs = ({ session }: Screened) => session === ledger.state.sessions.length;

  return {
    on: job.screen !== 'never',
    isFresh: ({ action: { screen }, unseen }) =>
      unseen ||
      (screen !== undefined && (isFinalStatus(screen.status) || (isOurs(screen) && isRecent(screen, clock.wallMs())))),
    look: async (tasks, signal) => {
      const ids = tasks.map(({ id }) => id);
      refuseUnread({ job, lookups });
      const found = await lookups.many(ids, signal);
      await ledger.screen(ids.flatMap((id) => screenRow(id, found.get(id)) ?? []));
      for (const task of tasks) {
        task.found = found.get(task.id);
        if (task.found?.kind === 'unreadable') {
          if (!task.unseen) calledUnseen++;
          task.unseen = true;
          if (needed) throw cannotScreen(task.found.why);
        } else if (probation) {
          if (task.found?.kind === 'found') probation = false;
          else if (++unknown >= ALL_UNKNOWN) throw allUnknown();
        }
      }
      // Refused in this lookup, as happens to a token that does not show what it may do.
      refuseUnread({ job, lookups });
      const untyped = [...found.values()].filter((shown) => isUntyped(shown)).length;
      if (untyped > 0) log.warn(unseenTypes(untyped));
      if (tasks.some((task) => task.unseen)) {
        log.warn(`some actions cannot be looked up and are called without it; ${unseenTypes(calledUnseen)}`);
      }
    },
    saw: (actions) =>
      ledger.screen(
        actions.flatMap((action) => {
          const id = action.id.toLowerCase();
          const known = ledger.state.actions.get(id);
          return known === undefined || known.last !== undefined ? [] : shownOf(id, action);
        }),
      ),
  };
}

/** What a lookup shows, as the ledger keeps it; undefined when it shows nothing. */
function screenRow(id: string, found: Found | undefined): ScreenFields | undefined {
  if (found?.kind === 'found') return shownOf(id, found.action);
  if (found?.kind !== 'unknown') return undefined;
  return { id, status: NOT_FOUND_STATUS, type: '', machineId: null, computer: null, requestor: null, created: null };
}

/** Open, and nothing says what it does. */
function isUntyped(found: Found): boolean {
  return found.kind === 'found' && found.action.type === '' && !isFinalStatus(found.action.status);
}

/** A lookup from the future (a clock that was set back) is not recent. */
function isRecent(screen: Screened, nowMs: number): boolean {
  const ageMs = nowMs - screen.atMs;
  return ageMs >= 0 && ageMs <= FRESH_MS;
}

function hasKnown(actions: Iterable<Action>): boolean {
  for (const { screen, sent } of actions) {
    if (sent > 0 || (screen !== undefined && screen.status !== NOT_FOUND_STATUS)) return true;
  }
  return false;
}

function cannotScreen(why: 'no-permission' | 'no-answer'): Error {
  return why === 'no-permission'
    ? new RefusedError(
        'Defender refused to look actions up (HTTP 403), which the guards or --screen always need: grant the application ' +
          'Machine.Read.All (API WindowsDefenderATP, with admin consent), then resume',
      )
    : new WorkLeftError(
        'lookups are being answered by something other than Defender (a proxy or sign-in page?), and the guards or --screen always ' +
          'need it: check the proxy and --api-url, then run again',
      );
}

function allUnknown(): GuardError {
  return new GuardError(
    `Defender knows none of the first ${ALL_UNKNOWN} IDs, so these are probably not machine action IDs of this tenant, and ` +
      'nothing was cancelled: check the column (device IDs are forty hex digits, action IDs are GUIDs) and the tenant',
  );
}
