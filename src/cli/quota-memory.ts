import { dirname, join } from 'node:path';
import { measureSkew } from '../defender/server-clock.ts';
import type { Job } from '../job/job.ts';
import { fileDisk } from '../ledger/file-disk.ts';
import type { FileLedger } from '../ledger/file-ledger.ts';
import { recentCallsInFolder } from '../ledger/folder-calls.ts';
import type { SenderId } from '../ledger/sender.ts';
import type { Seed } from '../quota/quota.ts';
import { lookBackMs, seedsFrom } from '../quota/seeds.ts';
import type { CliContext } from './context.ts';
import type { Identity } from './sign-in.ts';
import { userAgent } from './version.ts';

export interface QuotaMemoryOptions {
  job: Job;
  ledger: Pick<FileLedger, 'book' | 'path'>;
  /** As the token shows it. */
  sender: SenderId;
  identity: Pick<Identity, 'dispatcher' | 'hosts'>;
  /** Nobody may be asked: the past is told by this machine's clock alone. */
  offline: boolean;
  signal: AbortSignal;
}

/**
 * What this ledger and its neighbours say was called in the longest window, as the quota is filled with it. Where there is any past, Defender's clock
 * is read first: a clock that was set wrong since then would let the past look older than it is.
 */
export async function rememberCalls(
  { job, ledger, sender, identity, offline, signal }: QuotaMemoryOptions,
  { clock, log }: Pick<CliContext, 'clock' | 'log'>,
): Promise<Seed[]> {
  const folder = dirname(ledger.path);
  const skewMs = offline || !(await hasPast(ledger, ledger.path)) ? undefined : await measure(identity, clock, signal);
  if (skewMs !== undefined) log.debug({ skewMs }, "Defender's clock minus ours");
  const nowMs = clock.wallMs();
  const askMs = nowMs + (skewMs ?? 0);
  const withinMs = lookBackMs(job.quota.windows);
  const others = { folder, disk: fileDisk, log, nowMs: askMs, withinMs, except: ledger.path };
  const past = [
    ...ledger.book.recentCalls(askMs, withinMs, sender.client),
    ...(await recentCallsInFolder({ ...sender, ...others })),
  ];
  return seedsFrom(past, nowMs, skewMs);
}

function measure(
  { dispatcher, hosts }: QuotaMemoryOptions['identity'],
  clock: CliContext['clock'],
  signal: AbortSignal,
) {
  return measureSkew({ dispatcher, apiUrl: hosts.apiUrl, clock, userAgent: userAgent(), signal });
}

/** By what is there and not by its age, which a wrong clock would misjudge. */
async function hasPast({ book }: Pick<FileLedger, 'book'>, path: string): Promise<boolean> {
  if (book.lastCall > 0) return true;
  const folder = dirname(path);
  return (await fileDisk.list(folder)).some((name) => name.endsWith('.jsonl') && join(folder, name) !== path);
}
