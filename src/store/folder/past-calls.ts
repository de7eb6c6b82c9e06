import { dirname } from 'node:path';
import type { Clock } from '../../clock.ts';
import type { Job } from '../../job/job.ts';
import type { ClocksNow } from '../../ledger/call-age.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { Logger } from '../../log.ts';
import { agedCalls, lookBackMs } from '../../quota/past-calls.ts';
import type { AgedCall } from '../../quota/quota.ts';
import type { Disk } from './disk.ts';
import { recentCallsInFolder } from './folder-calls.ts';
import type { OpenedLedger } from './open.ts';

export interface PastCallsOptions extends Pick<Job['quota'], 'windows'> {
  /** Of the session's ledger, or of the one that it would have. */
  path: string;
  /** Opened, and written to, by this session; undefined where it has none. */
  opened: { ledger: Pick<OpenedLedger['ledger'], 'state'>; fileAheadMs: number } | undefined;
  /** As the token shows it. */
  sender: SenderId;
  disk: Disk;
  /** Defender's clock minus ours (ms), undefined where its answer does not tell. Left out where nobody may be asked. */
  measureSkew?: (() => Promise<number | undefined>) | undefined;
}

/**
 * What this ledger and its neighbours say was called in the longest window, as the quota is filled with it. Where there is any past, Defender's clock
 * is read first: a clock that was set wrong since then would let the past look older than it is.
 */
export async function findPastCalls(
  { windows, path, opened, sender, disk, measureSkew }: PastCallsOptions,
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
  const state = opened?.ledger.state;
  const own =
    opened === undefined || state === undefined || state.lastCall === 0
      ? []
      : state.recentCalls(await clocks(), withinMs, sender.client, opened.fileAheadMs);
  const folder = dirname(path);
  const except = opened === undefined ? '' : path;
  const isThere = opened !== undefined || (await disk.stat(folder)) !== undefined;
  const others = isThere ? await recentCallsInFolder({ ...sender, folder, disk, log, clocks, withinMs, except }) : [];
  const past = [...own, ...others];
  return past.length === 0 ? [] : agedCalls(past, await clocks());
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
