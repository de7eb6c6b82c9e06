import { dirname } from 'node:path';
import type { CliContext } from '../../cli/context.ts';
import type { Job } from '../../job/job.ts';
import type { ClocksNow } from '../../ledger/call-age.ts';
import type { SenderId } from '../../ledger/sender.ts';
import { agedCalls, lookBackMs } from '../../quota/past-calls.ts';
import type { AgedCall } from '../../quota/quota.ts';
import type { Disk } from './disk.ts';
import type { FileLedger } from './file-ledger.ts';
import { recentCallsInFolder } from './folder-calls.ts';

export interface PastCallsOptions {
  job: Pick<Job, 'quota'>;
  /** Opened, and written to, by this session. */
  ledger: Pick<FileLedger, 'state' | 'fileAheadMs' | 'path'>;
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
  { job, ledger, sender, disk, measureSkew }: PastCallsOptions,
  { clock, log }: Pick<CliContext, 'clock' | 'log'>,
): Promise<AgedCall[]> {
  const { state, fileAheadMs, path } = ledger;
  let asked: Promise<ClocksNow> | undefined;
  const clocks = () => {
    asked ??= readClocks(path, disk, clock, measureSkew).then((now) => {
      log.debug({ ...now }, "our clock, Defender's and that of the ledger's file system");
      return now;
    });
    return asked;
  };
  const withinMs = lookBackMs(job.quota.windows);
  const own = state.lastCall > 0 ? state.recentCalls(await clocks(), withinMs, sender.client, fileAheadMs) : [];
  const folder = dirname(path);
  const others = await recentCallsInFolder({ ...sender, folder, disk, log, clocks, withinMs, except: path });
  const past = [...own, ...others];
  return past.length === 0 ? [] : agedCalls(past, await clocks());
}

/** The file system's clock is read off what this session wrote last, the ledger or its lock: if that is a while ago, calls look younger by it. */
async function readClocks(
  ledger: string,
  disk: Disk,
  clock: CliContext['clock'],
  measureSkew: PastCallsOptions['measureSkew'],
): Promise<ClocksNow> {
  const skewMs = await measureSkew?.();
  const wallMs = clock.wallMs();
  const written = await Promise.all([ledger, `${ledger}.lock`].map((path) => disk.stat(path)));
  const times = written.flatMap((found) => found?.modifiedMs ?? []);
  return {
    wallMs,
    defenderMs: skewMs === undefined ? undefined : wallMs + skewMs,
    fileMs: times.length === 0 ? undefined : Math.max(...times),
  };
}
