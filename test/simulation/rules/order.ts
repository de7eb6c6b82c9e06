import { isSameName } from '../../../src/defender/entity.ts';
import type { Facts } from '../facts.ts';
import type { LedgerWatch } from '../ledger-watch.ts';
import type { Invariant } from './rule.ts';

/** What was looked up less long ago than this is called on; see src/engine/screening.ts. A minute less, for what is on its way. */
const SURELY_FRESH_MS = 4 * 60_000;

/** Who is called first. */
export const ORDER_RULES: readonly Invariant[] = [
  {
    name: 'turn',
    promise: 'Nobody is cancelled for the first time before more of those that go before it than are in flight.',
    check: {
      cancel: ({ id, worker, watch, intent }, facts) => {
        const { scenario, clockWasRight } = facts;
        // What a hand wrote, and a clock that was set, make other things known than lookups did.
        if (worker.disturbed || worker.swappedAtMs !== undefined || worker.retry.size > 0) return undefined;
        if (!clockWasRight || scenario.forged !== undefined || scenario.screen === 'never') return undefined;
        if (callsOf(watch, id, intent.call) > 0) return undefined;
        const called = new Set(
          [...watch.intents.values()].flatMap((each) => (each.route === 'cancel' ? [each.id] : [])),
        );
        const passed = [...watch.agreed].filter(
          (other) => !called.has(other) && isCallable(other, watch, facts) && goesBefore(other, id, watch, facts),
        );
        // Those in flight, as many whose slot came too late, and as many that wait for their turn again.
        if (passed.length < 3 * scenario.concurrency) return undefined;
        return `${id} passes ${passed.length} by ${watch.order}, ${passed[0]} among them`;
      },
    },
  },
];

function callsOf(watch: LedgerWatch, id: string, before: number): number {
  return [...watch.intents.values()].filter((each) => each.route === 'cancel' && each.id === id && each.call < before)
    .length;
}

/** Looked up by this session a short while ago, open, and nothing keeps it from being called. */
function isCallable(id: string, watch: LedgerWatch, { defender, isExcluded, now }: Facts): boolean {
  const seen = watch.screened.get(id);
  const truth = defender.truth.get(id);
  if (seen === undefined || truth === undefined || watch.outcomes.has(id)) return false;
  if (seen.byHand || seen.session !== watch.sessions || now() - seen.atMs > SURELY_FRESH_MS) return false;
  const isOpen = ['Pending', 'InProgress'].some((status) => isSameName(status, seen.status));
  return isOpen && truth.odd === undefined && truth.type !== 'Unisolate' && !isExcluded(truth);
}

/** By priority, then by what the order says of those that were looked up when it was chosen, then by the source. */
function goesBefore(one: string, other: string, watch: LedgerWatch, facts: Facts): boolean {
  const priority = (id: string) => watch.priorities.get(id) ?? 0;
  const key = (id: string) => keyOf(id, watch, facts);
  const [byPriority, byKey] = [priority(one) - priority(other), key(one) - key(other)];
  if (byPriority !== 0) return byPriority > 0;
  if (byKey !== 0) return byKey > 0;
  for (const id of watch.admitted) if (id === one || id === other) return id === one;
  return false;
}

const UNKNOWN = Number.MIN_SAFE_INTEGER;

function keyOf(id: string, { order, known }: LedgerWatch, { defender }: Facts): number {
  const truth = defender.truth.get(id);
  if (order === 'source' || truth === undefined || !known.has(id)) return UNKNOWN;
  return (order === 'newest' ? truth.createdMs : truth.lastSeenMs) ?? UNKNOWN;
}
