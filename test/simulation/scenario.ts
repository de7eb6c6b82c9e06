import type { Order } from '../../src/ledger/record.ts';
import type { Window } from '../../src/quota/quota.ts';
import { type FaultName, streamOf } from './faults.ts';
import { drawFleet, type FleetScenario, sessionsOf } from './fleet/fleet-scenario.ts';
import { drawForgery, type Forgery } from './forge.ts';
import { Random } from './seed.ts';
import { drawSession, quiet, type SessionFaults } from './session-faults.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const CENTURY_MS = 100 * 365 * 24 * HOUR;

/** A world, drawn from its seed. */
export interface Scenario {
  seed: number;
  without: ReadonlySet<FaultName>;
  actions: number;
  windows: readonly Window[];
  share: number;
  routes: 'shared' | 'separate';
  rule: { kind: 'sliding' | 'first-call' | 'offset'; offsetMs: number; rejectedCount: boolean };
  counts: 'at-send' | 'at-answer' | 'between';
  concurrency: number;
  latency: readonly [least: number, most: number];
  /** Per call. */
  calls: {
    resetBefore: number;
    resetAfter: number;
    lost: number;
    late: number;
    truncated: number;
    foreign: number;
    foreignAfter: number;
    unavailable: number;
    unavailableAfter: number;
    odd: number;
    unauthorized: number;
    refusedList: number;
    /** A refusal without a body, or with somebody else's. */
    bare: number;
    /** A body that is compressed, unasked. */
    encoded: number;
  };
  otherClientPerMinute: number;
  tokenLifeMs: number;
  reads: boolean;
  source: 'file' | 'stdin' | 'query';
  plansFirst: boolean;
  screen: 'auto' | 'always' | 'never';
  /** Who is called first. */
  order: Order;
  /** Whether who may read actions may list devices too. */
  listsDevices: boolean;
  /** A CSV has priorities. */
  priorities: boolean;
  guards: {
    onlyType: boolean;
    maxFailures: { percent: number } | { count: number };
    first: number | undefined;
    maxDurationMs: number | undefined;
    maxActions: number | undefined;
    createdAfter: boolean;
  };
  confirmForMs: number;
  patienceMs: number;
  list: {
    maxIds: number;
    page: number;
    forgets: number;
    /** What stands for the link to the next page; `none` and `empty` leave it out. */
    links: 'right' | 'repeated' | 'empty' | 'none';
    /** Whether pages say how many entities there are in all. */
    counts: boolean;
  };
  /** The part of the actions whose entities lack something. */
  odd: number;
  spelling: 'documented' | 'other';
  fractions: boolean;
  /** Where clocks lie, one does not: what an honest clock shows can be known. */
  honestClock: 'wall' | 'server' | 'both';
  /** A plan is started by the head that was reviewed; `changed`: somebody changes it after the review. */
  review: { changed: boolean } | undefined;
  forged: Forgery | undefined;
  /** Earlier ledgers of the job lie in the folder, and may be removed. */
  earlier: boolean;
  fsClock: 'wall' | 'own';
  logLevel: 'info' | 'trace';
  /** Workers do it, and not an operator: what happens to them stands in `sessions` too. */
  fleet: FleetScenario | undefined;
  sessions: readonly SessionFaults[];
}

const WINDOWS: readonly (readonly Window[])[] = [
  [
    { calls: 5, perMs: 10_000 },
    { calls: 20, perMs: 2 * MINUTE },
  ],
  [{ calls: 3, perMs: 5000 }],
  [
    { calls: 10, perMs: MINUTE },
    { calls: 40, perMs: 10 * MINUTE },
  ],
  [{ calls: 1, perMs: 2000 }],
  [
    { calls: 8, perMs: 20_000 },
    { calls: 12, perMs: 3 * MINUTE },
  ],
];
const REAL: readonly Window[] = [
  { calls: 100, perMs: MINUTE },
  { calls: 1500, perMs: HOUR },
];

export function drawScenario(seed: number, without: ReadonlySet<FaultName> = new Set(), atMost = 1000): Scenario {
  const root = new Random(`seed ${seed}`);
  const on = (name: FaultName) => !without.has(name);
  const base = root.fork('base');
  const real = base.chance(0.12);
  const drawn = base.chance(0.03) ? base.int(100, 260) : base.spread(5, 60);
  const faultsOf = (name: FaultName, probability: number) => {
    const random = root.fork(streamOf(name));
    const hit = random.chance(probability) && on(name);
    return { hit, random };
  };

  const latency = faultsOf('latency', 0.45);
  const resets = faultsOf('resets', 0.4);
  const lost = faultsOf('lost-answers', 0.35);
  const spoiled = faultsOf('spoiled-bodies', 0.35);
  const statuses = faultsOf('statuses', 0.45);
  const other = faultsOf('other-client', 0.15);
  const tokens = faultsOf('tokens', 0.3);
  const guards = faultsOf('guards', 0.3);
  const limits = faultsOf('limits', 0.35);
  const lists = faultsOf('odd-lists', 0.25);
  const rate = ({ hit, random }: { hit: boolean; random: Random }, most = 0.15) =>
    hit && random.chance(0.75) ? random.next() * most : 0;

  const lying = faultsOf('lying-clocks', 0.2);
  const review = faultsOf('reviewed-head', 0.1);
  const count = base.pick([0, 0, 1, 1, 2, 3, 4]);
  const honestClock = lying.hit ? lying.random.pick(['wall', 'server'] as const) : 'both';
  const sessions = Array.from({ length: review.hit ? Math.max(2, count) : count }, (_, n) => {
    const drawn = agreeing(drawSession(root.fork(`session ${n}`), on), honestClock);
    // A plan that is to be reviewed is made in peace.
    return review.hit && n === 0 ? quiet(drawn) : drawn;
  });
  const bare = faultsOf('bare-answers', 0.2);
  const encoded = faultsOf('encodings', 0.1);
  const odd = faultsOf('odd-entities', 0.08);
  const pages = faultsOf('odd-pages', 0.15);
  const forged = faultsOf('forged-ledger', 0.06);
  const orders = faultsOf('orders', 0.4);
  const reads = !(faultsOf('permissions', 0.12).hit && root.fork('reads').chance(0.5));
  const fleet = drawFleet(root, on, (drawn) => agreeing(drawn, honestClock));
  const drawnSource = base.pick(['file', 'file', 'file', 'stdin', 'query'] as const);
  // stdin is nobody's who submits.
  const source = fleet !== undefined && drawnSource === 'stdin' ? 'file' : drawnSource;
  const pageTraits = {
    links: pages.hit ? pages.random.pick(['repeated', 'empty', 'none'] as const) : ('right' as const),
    counts: pages.hit && pages.random.chance(0.6),
  };
  return {
    seed,
    without,
    actions: Math.min(drawn, atMost),
    windows: real ? REAL : base.pick(WINDOWS),
    share: base.chance(0.1) ? 0.5 : 1,
    routes: base.chance(0.15) ? 'separate' : 'shared',
    rule: {
      kind: base.pick(['sliding', 'sliding', 'first-call', 'offset'] as const),
      offsetMs: base.int(0, HOUR),
      rejectedCount: base.chance(0.5),
    },
    counts: base.pick(['at-send', 'at-answer', 'between', 'between'] as const),
    concurrency: base.pick([1, 2, 5, 16, 16]),
    latency: latency.hit
      ? latency.random.pick([
          [5, 2000],
          [1000, 10_000],
          [20, 60_000],
        ] as const)
      : [5, 300],
    calls: {
      resetBefore: rate(resets),
      resetAfter: rate(resets),
      lost: rate(lost, 0.12),
      late: rate(lost, 0.08),
      truncated: rate(spoiled),
      foreign: rate(spoiled),
      foreignAfter: rate(spoiled),
      unavailable: rate(statuses, 0.25),
      unavailableAfter: rate(statuses, 0.2),
      odd: rate(statuses, 0.06),
      unauthorized: rate(tokens, 0.04),
      refusedList: rate(lists, 0.2),
      bare: rate(bare, 0.8),
      encoded: rate(encoded, 0.1),
    },
    otherClientPerMinute: other.hit ? other.random.spread(1, 60) : 0,
    tokenLifeMs: tokens.hit ? tokens.random.spread(6 * MINUTE, HOUR) : HOUR,
    reads: source === 'query' || reads,
    source,
    plansFirst: source !== 'query' && (base.chance(0.2) || review.hit),
    screen: base.pick(['auto', 'auto', 'auto', 'always', 'never'] as const),
    order: orders.hit ? orders.random.pick(['newest', 'last-seen', 'last-seen', 'source'] as const) : 'source',
    listsDevices: !(orders.hit && orders.random.chance(0.2)),
    priorities: orders.hit && orders.random.chance(0.5),
    guards: {
      onlyType: guards.hit && guards.random.chance(0.6),
      createdAfter: guards.hit && guards.random.chance(0.4),
      maxFailures: limits.hit ? limits.random.pick([{ percent: 10 }, { count: 2 }, { percent: 50 }]) : { percent: 100 },
      first: limits.hit && limits.random.chance(0.3) ? limits.random.int(1, 5) : undefined,
      maxDurationMs: limits.hit && limits.random.chance(0.4) ? limits.random.spread(10_000, HOUR) : undefined,
      maxActions: limits.hit && limits.random.chance(0.15) ? limits.random.int(1, 40) : undefined,
    },
    confirmForMs: base.pick([2 * MINUTE, 2 * MINUTE, 10_000, 0]),
    patienceMs: base.pick([HOUR, 20 * MINUTE]),
    list: lists.hit
      ? {
          maxIds: lists.random.pick([5, 15, 40, 100]),
          page: lists.random.pick([3, 20, 10_000]),
          forgets: lists.random.chance(0.5) ? 0.2 : 0,
          ...pageTraits,
        }
      : { maxIds: 100, page: pages.hit ? pages.random.pick([3, 20]) : 10_000, forgets: 0, ...pageTraits },
    odd: odd.hit ? odd.random.pick([0.05, 0.3]) : 0,
    spelling: faultsOf('spellings', 0.1).hit ? 'other' : 'documented',
    fractions: faultsOf('retry-after', 0.5).hit,
    earlier: faultsOf('earlier-ledgers', 0.3).hit,
    honestClock,
    review: review.hit && fleet === undefined ? { changed: review.random.chance(0.8) } : undefined,
    forged: forged.hit && fleet === undefined ? drawForgery(forged.random) : undefined,
    fsClock: base.pick(['wall', 'own'] as const),
    logLevel: base.chance(0.15) ? 'trace' : 'info',
    fleet,
    sessions: fleet === undefined ? sessions : sessionsOf(fleet),
  };
}

/** Of all clocks one at least is honest: where every one lies, nothing could be known. */
function agreeing(faults: SessionFaults, honest: Scenario['honestClock']): SessionFaults {
  const { lie } = faults;
  if (honest === 'both') return { ...faults, lie: undefined };
  if (honest === 'wall') return { ...faults, wallJump: undefined, jumpBetweenMs: 0 };
  // A machine has a clock, and none of them goes to the year 9999.
  return { ...faults, lie: lie === 'absent' || (lie !== undefined && lie.byMs > CENTURY_MS) ? undefined : lie };
}
