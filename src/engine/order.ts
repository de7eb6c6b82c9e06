import { lastSeenOf } from '../defender/last-seen.ts';
import type { Order } from '../ledger/record.ts';
import { type Action, isOpen, type RunState } from '../ledger/state/run-state.ts';
import type { EngineParts } from './session.ts';

/** What says which action is called next: a row's priority, then this, then the place in the source. */
export interface CallOrder {
  readonly asked: Order;
  /** What is gone by, which is the source's order where the other one cannot be had. */
  readonly by: Order;
  /** Why that is another one. */
  readonly why: 'not-looked-up' | { unread: string } | undefined;
  /** When devices were last seen, epoch ms, by their IDs in lower case. */
  readonly lastSeenMs: ReadonlyMap<string, number>;
}

const NO_DEVICES: ReadonlyMap<string, number> = new Map();

export const SOURCE_ORDER: CallOrder = { asked: 'source', by: 'source', why: undefined, lastSeenMs: NO_DEVICES };

/**
 * The order of this session's calls, once the list was looked up: it goes by what lookups show of the actions, and for `last-seen` the devices are
 * listed, a call or a few. Rejects with the stop signal's reason, and where the token is refused; whatever else keeps the devices from being read
 * costs the order alone. `retry`: actions with a final outcome that are called once more.
 */
export async function chooseOrder(
  { job, ledger, defender, stop }: Pick<EngineParts, 'job' | 'ledger' | 'defender' | 'stop'>,
  retry: ReadonlySet<string> = new Set(),
): Promise<CallOrder> {
  const asked = job.order;
  const as = (by: Order, why: CallOrder['why'], lastSeenMs = NO_DEVICES): CallOrder => ({ asked, by, why, lastSeenMs });
  if (asked === 'source') return SOURCE_ORDER;
  if (job.screen === 'never') return as('source', 'not-looked-up');
  const devices = asked === 'newest' ? undefined : devicesOf(ledger.state, retry);
  // Where all are on one device, or on none that is known, there is nothing to choose.
  if (devices === undefined || devices.size < 2) return as(asked, undefined);
  const read = await lastSeenOf(defender, devices, stop.signal);
  return 'unread' in read ? as('source', read) : as(asked, undefined, read.lastSeenMs);
}

function devicesOf({ actions }: Pick<RunState, 'actions'>, retry: ReadonlySet<string>): Set<string> {
  const devices = new Set<string>();
  for (const action of actions.values()) {
    const device = action.screen?.machineId?.toLowerCase();
    if (device && (isOpen(action) || retry.has(action.id))) devices.add(device);
  }
  return devices;
}

/** Said where the order is not the one that was asked for; undefined where it is. */
export function orderTrouble({ asked, why }: CallOrder): string | undefined {
  if (why === undefined) return undefined;
  const cause =
    why === 'not-looked-up'
      ? 'needs lookups, and --screen never disables them'
      : `needs the list of devices, which Defender does not show (${why.unread}); it takes Machine.Read.All or Machine.ReadWrite.All`;
  return `--order ${asked} ${cause}: actions are called in source order`;
}

/** Of a day or a device that is not known. */
const UNKNOWN_MS = -1;

/** By which an action comes before those with a smaller one; of equal ones the source decides. */
function keyOf({ screen }: Action, { by, lastSeenMs }: CallOrder): number {
  if (by === 'source' || screen === undefined) return UNKNOWN_MS;
  const ms = by === 'newest' ? Date.parse(screen.created ?? '') : lastSeenMs.get(screen.machineId?.toLowerCase() ?? '');
  return ms === undefined || Number.isNaN(ms) ? UNKNOWN_MS : Math.max(UNKNOWN_MS, ms);
}

/** Below 0 where one is called before the other, 0 where the order does not say. */
export function inTurn(one: Action, other: Action, order: CallOrder): number {
  return other.priority - one.priority || keyOf(other, order) - keyOf(one, order);
}

/** Whether the actions are called as they stand. */
export function isAsGiven(actions: Iterable<Action>, { by }: Pick<CallOrder, 'by'>): boolean {
  if (by !== 'source') return false;
  for (const { priority } of actions) if (priority !== 0) return false;
  return true;
}

/**
 * The actions in the order in which they are called. A million are sorted in seconds: by numbers alone, since a function that compares takes several
 * times as long, and without a copy of any.
 */
export function* ordered(given: Iterable<Action>, order: CallOrder): Generator<Action> {
  const actions = [...given];
  const count = actions.length;
  const turns = turnsOf(actions, order);
  // With its place behind it, no two are equal, and equal ones stay as they stand. Below 2⁵³ for all that a ledger may hold.
  for (let place = 0; place < count; place++) turns[place] = (turns[place] ?? 0) * count + place;
  for (const turn of turns.sort()) {
    const action = actions[turn % count];
    if (action !== undefined) yield action;
  }
}

/** How many go before each, whatever their places. */
function turnsOf(actions: readonly Action[], order: CallOrder): Float64Array {
  const turns = before(numbers(actions, (action) => keyOf(action, order)));
  if (isAsGiven(actions, { by: 'source' })) return turns;
  const byPriority = before(numbers(actions, ({ priority }) => priority));
  for (let place = 0; place < turns.length; place++) {
    turns[place] = -((byPriority[place] ?? 0) * turns.length + (turns[place] ?? 0));
  }
  return before(turns);
}

/** `Float64Array.from` would make a list of a million numbers first. */
function numbers(actions: readonly Action[], of: (action: Action) => number): Float64Array {
  const all = new Float64Array(actions.length);
  for (const [place, action] of actions.entries()) all[place] = of(action);
  return all;
}

/** For each value, how many are larger. */
function before(values: Float64Array): Float64Array {
  const sorted = values.slice().sort();
  return values.map((value) => {
    let [low, high] = [0, sorted.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((sorted[middle] ?? 0) <= value) low = middle + 1;
      else high = middle;
    }
    return sorted.length - low;
  });
}
