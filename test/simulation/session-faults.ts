import { type DiskTrouble, NO_TROUBLE } from './disk.ts';
import { type FaultName, streamOf } from './faults.ts';
import type { Random } from './seed.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What hands other than the program's do to a ledger's file. */
const TAMPERINGS = [
  /** A copy of it is renamed over it, as `sed -i` and many editors do. */
  'same-bytes',
  /** An older copy is renamed over it. */
  'older-copy',
  /** An older copy is written into it. */
  'copied-back',
  /** It is cut somewhere. */
  'cut',
  'removed',
  /** Some other text is renamed over it. */
  'other-file',
] as const;

export type Tampering = (typeof TAMPERINGS)[number];

/** How far a clock is from the truth, or that it is not there (which only the server's can be). */
export type ClockLie = { byMs: number } | 'absent';

export interface SessionFaults {
  killAfter: number | undefined;
  powerLossAtMs: number | undefined;
  signalsAtMs: readonly number[];
  freeze: { atMs: number; forMs: number; slept: boolean } | undefined;
  wallJump: { atMs: number; byMs: number } | undefined;
  competing: { atMs: number; ledger: 'same' | 'other'; host: 'same' | 'other' } | undefined;
  outage: { atMs: number; forMs: number; how: 'reset' | 'hang' | '503' | 'page' } | undefined;
  authorityAway: { atMs: number; forMs: number } | undefined;
  permissionLost: { atMs: number; forMs: number } | undefined;
  revoke: number | undefined;
  disk: DiskTrouble;
  retry: readonly string[];
  sourceChange: boolean;
  /** After it another ledger of the folder is worked on, as the same application. */
  secondLedger: { killAfter: number | undefined } | undefined;
  /** Before the next session. */
  gapMs: number;
  jumpBetweenMs: number;
  /** What the clock that lies in this world says in this session; undefined: the truth. */
  lie: ClockLie | undefined;
  /** What is done by hand to the ledger. */
  tampering: { atMs: number | 'between'; how: Tampering } | undefined;
  /** When the ledger gets a second hard link, and another process starts on it through that. */
  secondPathAtMs: number | undefined;
  /** By how much the ledgers' modification times are off after this session; undefined: not set. */
  fileTimesMs: number | undefined;
  /** The next process runs elsewhere, as a container does. */
  movesHost: boolean;
}

/** When something happens to a session: often early, where the most goes on. */
function moment(random: Random): number {
  return random.spread(1, random.pick([2000, 60_000, 20 * MINUTE]));
}

export function drawSession(random: Random, on: (name: FaultName) => boolean): SessionFaults {
  const draw = <T>(name: FaultName, probability: number, make: (random: Random) => T): T | undefined => {
    const own = random.fork(streamOf(name));
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
    competing: draw('competing-process', 0.15, (r) => ({
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
    secondLedger: draw('second-ledger', 0.15, (r) => ({ killAfter: r.chance(0.3) ? r.spread(30, 1000) : undefined })),
    gapMs: draw('gaps', 0.8, (r) => (r.chance(0.2) ? 0 : r.spread(1, 2 * DAY))) ?? 0,
    jumpBetweenMs: draw('wall-clock', 0.1, (r) => (r.chance(0.5) ? wallStep(r.fork('between')) : 0)) ?? 0,
    movesHost: random.fork('host').chance(0.2),
    lie: draw('lying-clocks', 0.75, drawLie),
    tampering: draw('swapped-ledger', 0.08, (r) => ({
      how: r.pick(TAMPERINGS),
      atMs: r.chance(0.4) ? ('between' as const) : r.chance(0.3) ? r.int(1, 12) : moment(r),
    })),
    secondPathAtMs: draw('second-path', 0.04, (r) => (r.chance(0.3) ? 0 : moment(r))),
    fileTimesMs: draw('file-times', 0.3, (r) =>
      r.pick([-56 * 365 * DAY, 56 * 365 * DAY, -r.spread(MINUTE, 40 * DAY), r.spread(MINUTE, 40 * DAY)]),
    ),
  };
}

function wallStep(random: Random): number {
  return (random.chance(0.5) ? 1 : -1) * random.spread(500, 4 * HOUR);
}

/** Hours that somebody set wrong, a battery that is empty, or nonsense. */
function drawLie(random: Random): ClockLie {
  if (random.chance(0.15)) return 'absent';
  if (random.chance(0.25)) return { byMs: random.pick([-56 * 365 * DAY, 73 * 365 * DAY, 7973 * 365 * DAY]) };
  return { byMs: (random.chance(0.5) ? 1 : -1) * random.spread(3000, 2 * HOUR) };
}

/** A session to which nothing happens; what comes after it stays as drawn. */
export function quiet(drawn: SessionFaults): SessionFaults {
  return {
    ...drawn,
    killAfter: undefined,
    powerLossAtMs: undefined,
    signalsAtMs: [],
    freeze: undefined,
    wallJump: undefined,
    competing: undefined,
    outage: undefined,
    authorityAway: undefined,
    permissionLost: undefined,
    revoke: undefined,
    disk: NO_TROUBLE,
    tampering: undefined,
    secondPathAtMs: undefined,
  };
}
