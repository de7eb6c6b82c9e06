import type { Window } from '../../src/quota/quota.ts';
import type { DiskTrouble } from './disk.ts';
import { Random } from './seed.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** Everything that can be taken out of a world while a failure is narrowed down. */
export const FAULTS = [
  'latency',
  'resets',
  'lost-answers',
  'spoiled-bodies',
  'statuses',
  'outages',
  'other-client',
  'tokens',
  'authority',
  'permissions',
  'disk-writes',
  'disk-syncs',
  'disk-locks',
  'slow-disk',
  'kills',
  'power-loss',
  'signals',
  'freezes',
  'wall-clock',
  'rivals',
  'turns',
  'retries',
  'source-changes',
  'guards',
  'limits',
  'young-actions',
  'natural-ends',
  'odd-lists',
  'gaps',
] as const;

export type FaultName = (typeof FAULTS)[number];

export interface SessionFaults {
  killAfter: number | undefined;
  powerLossAtMs: number | undefined;
  signalsAtMs: readonly number[];
  freeze: { atMs: number; forMs: number; slept: boolean } | undefined;
  wallJump: { atMs: number; byMs: number } | undefined;
  rival: { atMs: number; ledger: 'same' | 'other'; host: 'same' | 'other' } | undefined;
  outage: { atMs: number; forMs: number; how: 'reset' | 'hang' | '503' | 'page' } | undefined;
  authorityAway: { atMs: number; forMs: number } | undefined;
  permissionLost: { atMs: number; forMs: number } | undefined;
  revoke: number | undefined;
  disk: DiskTrouble;
  retry: readonly string[];
  sourceChange: boolean;
  /** After it another ledger of the folder is worked on, as the same application. */
  turn: { killAfter: number | undefined } | undefined;
  /** Before the next session. */
  gapMs: number;
  jumpBetweenMs: number;
  /** The next process runs elsewhere, as a container does. */
  movesHost: boolean;
}

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
  };
  otherClientPerMinute: number;
  tokenLifeMs: number;
  reads: boolean;
  source: 'file' | 'stdin' | 'query';
  plansFirst: boolean;
  screen: 'auto' | 'always' | 'never';
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
  list: { maxIds: number; page: number; forgets: number };
  fsClock: 'wall' | 'own';
  logLevel: 'info' | 'trace';
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
    const random = root.fork(name);
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

  const count = base.pick([0, 0, 1, 1, 2, 3, 4]);
  const sessions = Array.from({ length: count }, (_, n) => drawSession(root.fork(`session ${n}`), on));
  const reads = !(faultsOf('permissions', 0.12).hit && root.fork('reads').chance(0.5));
  const source = base.pick(['file', 'file', 'file', 'stdin', 'query'] as const);
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
    },
    otherClientPerMinute: other.hit ? other.random.spread(1, 60) : 0,
    tokenLifeMs: tokens.hit ? tokens.random.spread(6 * MINUTE, HOUR) : HOUR,
    reads: source === 'query' || reads,
    source,
    plansFirst: source !== 'query' && base.chance(0.2),
    screen: base.pick(['auto', 'auto', 'auto', 'always', 'never'] as const),
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
        }
      : { maxIds: 100, page: 10_000, forgets: 0 },
    fsClock: base.pick(['wall', 'own'] as const),
    logLevel: base.chance(0.15) ? 'trace' : 'info',
    sessions,
  };
}

/** When something happens to a session: often early, where the most goes on. */
function moment(random: Random): number {
  return random.spread(1, random.pick([2000, 60_000, 20 * MINUTE]));
}

function drawSession(random: Random, on: (name: FaultName) => boolean): SessionFaults {
  const draw = <T>(name: FaultName, probability: number, make: (random: Random) => T): T | undefined => {
    const own = random.fork(name);
    return own.chance(probability) && on(name) ? make(own) : undefined;
  };
  const writes = draw('disk-writes', 0.15, (r) => ({
    shortWrite: r.chance(0.6) ? r.next() * 0.5 : 0,
    noSpace: r.chance(0.4) ? r.next() * 0.02 : 0,
    ioError: r.chance(0.4) ? r.next() * 0.02 : 0,
  }));
  const freeze = draw('freezes', 0.15, (r) => ({
    // Often while it opens its ledger, which takes a few ms.
    atMs: r.chance(0.4) ? r.int(1, 8) : moment(r),
    forMs: r.spread(r.chance(0.5) ? 1000 : 100_000, 2 * HOUR),
    slept: r.chance(0.4),
  }));
  const wallJump = draw('wall-clock', 0.1, (r) => ({ atMs: moment(r), byMs: wallStep(r) }));
  return {
    killAfter: draw('kills', 0.45, (r) => r.spread(3, r.pick([100, 500, 3000]))),
    powerLossAtMs: draw('power-loss', 0.2, moment),
    signalsAtMs:
      draw('signals', 0.15, (r) => {
        const at = moment(r);
        return r.chance(0.3) ? [at, at + r.int(1, 20_000)] : [at];
      }) ?? [],
    freeze,
    // A clock that is set back by just what a machine then sleeps deceives both of its clocks: nothing short of a fence could tell.
    wallJump: freeze?.slept ? undefined : wallJump,
    rival: draw('rivals', 0.15, (r) => ({
      atMs: moment(r),
      ledger: r.pick(['same', 'other'] as const),
      host: r.pick(['same', 'other'] as const),
    })),
    outage: draw('outages', 0.15, (r) => ({
      atMs: moment(r),
      forMs: r.spread(1000, HOUR),
      how: r.pick(['reset', 'hang', '503', 'page'] as const),
    })),
    authorityAway: draw('authority', 0.1, (r) => ({
      atMs: r.chance(0.3) ? 0 : moment(r),
      forMs: r.spread(1000, HOUR),
    })),
    permissionLost: draw('permissions', 0.06, (r) => ({ atMs: moment(r), forMs: r.spread(1000, HOUR) })),
    revoke: draw('tokens', 0.1, moment),
    disk: {
      shortWrite: writes?.shortWrite ?? 0,
      noSpace: writes?.noSpace ?? 0,
      ioError: writes?.ioError ?? 0,
      syncError: draw('disk-syncs', 0.1, (r) => r.next() * 0.03) ?? 0,
      lockError: draw('disk-locks', 0.06, (r) => r.next() * 0.02) ?? 0,
      slow: draw('slow-disk', 0.12, (r) => r.next() * 0.1) ?? 0,
      slowMs: random.fork('slow').pick([500, 8000, 70_000]),
    },
    retry:
      draw('retries', 0.2, (r) =>
        r.pick([['failed'], ['failed', 'unknown', 'forbidden', 'not-found'], ['unconfirmed']]),
      ) ?? [],
    sourceChange: draw('source-changes', 0.15, () => true) ?? false,
    turn: draw('turns', 0.15, (r) => ({ killAfter: r.chance(0.3) ? r.spread(30, 1000) : undefined })),
    gapMs: draw('gaps', 0.8, (r) => (r.chance(0.2) ? 0 : r.spread(1, 2 * DAY))) ?? 0,
    jumpBetweenMs: draw('wall-clock', 0.1, (r) => (r.chance(0.5) ? wallStep(r.fork('between')) : 0)) ?? 0,
    movesHost: random.fork('host').chance(0.2),
  };
}

function wallStep(random: Random): number {
  return (random.chance(0.5) ? 1 : -1) * random.spread(500, 4 * HOUR);
}
