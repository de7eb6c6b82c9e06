import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Job } from '../../job/job.ts';
import type { ClocksNow } from '../../ledger/call-age.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { PastCall } from '../../ledger/state/run-state.ts';
import type { Logger } from '../../log.ts';
import { agedCalls, lookBackMs } from '../../quota/past-calls.ts';
import type { AgedCall } from '../../quota/quota.ts';
import type { OpenedLedger, ReadCalls } from './begin.ts';
import type { Disk } from './disk.ts';
import { mayBeSame, recentCallsInFolder, type SeenCalls } from './folder-calls.ts';

export interface PastCallsOptions extends Pick<Job['quota'], 'windows'> {
  /** Of the session's ledger, or of the one that it would have. */
  path: string;
  /** Opened, and written to, by this session; undefined where it has none. */
  opened: Pick<OpenedLedger, 'ledger' | 'fileAheadMs' | 'replaced'> | undefined;
  /** As the token shows it. */
  sender: SenderId;
  disk: Disk;
  /** Defender's clock minus ours (ms), undefined where its answer does not tell. Left out where nobody may be asked. */
  measureSkew?: (() => Promise<number | undefined>) | undefined;
  /** What was read before. @default nothing */
  seen?: SeenCalls | undefined;
}

/**
 * What this ledger and its neighbours say was called in the longest window, as the quota is filled with it. Where there is any past, Defender's clock
 * is read first: a clock that was set wrong since then would let the past look older than it is.
 */
export async function findPastCalls(
  { windows, path, opened, sender, disk, measureSkew, seen }: PastCallsOptions,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<AgedCall[]> {
  let asked: Promise<ClocksNow> | undefined;
  const clocks = () => {
    asked ??= readClocks(opened === undefined ? undefined : path, disk, clock, measureSkew).then((now) => {
      log.debug({ ...now }, "our clock, Defender's and that of the ledger's file system");
      return now;
    });
    return asked;
  };
  const withinMs = lookBackMs(windows);
  const own: PastCall[] = [];
  for (const { state, fileAheadMs } of readBySession(opened, sender)) {
    if (state.lastCall > 0) own.push(...state.recentCalls(await clocks(), withinMs, sender.client, fileAheadMs));
  }
  const except = opened === undefined ? [] : [path, opened.replaced?.path ?? path];
  const folder = dirname(path);
  const isThere = opened !== undefined || (await disk.stat(folder)) !== undefined;
  const others = isThere
    ? await recentCallsInFolder({ ...sender, folder, disk, log, clocks, withinMs, except, seen })
    : [];
  const past = [...own, ...others];
  return past.length === 0 ? [] : agedCalls(past, await clocks());
}

/** What this session has read already: its ledger, and the plan that it replaces, where that is of this sender. */
function readBySession(opened: PastCallsOptions['opened'], sender: SenderId): ReadCalls[] {
  if (opened === undefined) return [];
  const { ledger, fileAheadMs, replaced } = opened;
  const own = { state: ledger.state, fileAheadMs };
  const isSame = replaced?.state.sessions.every((session) => mayBeSame(session.opened, sender));
  return replaced !== undefined && isSame ? [own, replaced] : [own];
}

/** The file system's clock is read off what this session wrote last, the ledger or its lock: if that is a while ago, calls look younger by it. */
async function readClocks(
  ledger: string | undefined,
  disk: Disk,
  clock: Clock,
  measureSkew: PastCallsOptions['measureSkew'],
): Promise<ClocksNow> {
  const skewMs = await measureSkew?.();
  const wallMs = clock.wallMs();
  const paths = ledger === undefined ? [] : [ledger, `${ledger}.lock`];
  const written = await Promise.all(paths.map((path) => disk.stat(path)));
  const times = written.flatMap((found) => found?.modifiedMs ?? []);
  return {
    wallMs,
    defenderMs: skewMs === undefined ? undefined : wallMs + skewMs,
    fileMs: times.length === 0 ? undefined : Math.max(...times),
  };
}
