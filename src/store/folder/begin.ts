import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { Ledger } from '../../ledger/ledger.ts';
import { throwIfDamaged } from '../../ledger/read-ledger.ts';
import { LEDGER_FORMAT } from '../../ledger/record.ts';
import type { SenderId } from '../../ledger/sender.ts';
import { Projection } from '../../ledger/state/projection.ts';
import type { RunState } from '../../ledger/state/run-state.ts';
import { type Logger, silentLog } from '../../log.ts';
import { HERE } from '../../platform.ts';
import { keepAll } from '../../redact.ts';
import { refuseOther, refuseStarted } from '../refuse-other.ts';
import type { BeginSession } from '../store.ts';
import { FolderTape } from './folder-tape.ts';
import { changed, type HeldLedger, type OwnedFile, openTrouble, ownedFile, refusingChanges } from './hold.ts';
import type { OwnFile } from './own-file.ts';

/** What a ledger said when this session took it, and by how much its file's modification time was ahead of its last record. */
export interface ReadCalls {
  state: RunState;
  fileAheadMs: number;
}

/** An open ledger, and what only its folder knows of it. */
export interface OpenedLedger {
  ledger: Ledger;
  /** The file's modification time before this session minus the time of the last record then. */
  fileAheadMs: number;
  /** The plan that it takes the place of, as it was read, and where it lies now. */
  replaced: (ReadCalls & { path: string }) | undefined;
  /**
   * Takes the lock of this sender too, if anything is to be sent: once a token shows who it is for, that is who we are, whatever we were called. To be called before anything is
   * sent. Throws a LockedError (exit 11) when another run sends as this one from the folder.
   */
  holdSender(sender: SenderId): Promise<void>;
  /** See `Store.putPlanBack`. */
  putPlanBack(): Promise<string | undefined>;
}

/**
 * Begins the next session on a ledger that is held: takes the lock of the one sender (tenant, client and service, per folder) unless it sends nothing, cuts a torn tail, and writes
 * the `open` record. Throws what `HeldRun.begin` does.
 */
export async function beginSession(held: HeldLedger, session: BeginSession): Promise<OpenedLedger> {
  const { path, options, found, locks } = held;
  const { signal, clock, trace } = options;
  const { open, redact = keepAll } = session;
  const log = session.log ?? options.log ?? silentLog;
  const replaces = session.replacesPlan === true && found.records > 0;
  let opened: OwnedFile | undefined;
  try {
    throwIfDamaged(path, found.fault);
    if (replaces) refuseStarted(found.state, path);
    else refuseOther(found.state, { ...session, path });
    const sendsNothing = session.sendsNothing === true;
    if (!sendsNothing) await locks.takeSender(open);
    const kept = replaces ? await setAside(held, log) : undefined;
    opened = replaces || held.opened === undefined ? await newFile(held) : await asRead(held, held.opened, log);
    const { file, own } = opened;
    await warnOfMode(held, log);
    locks.all[0]?.lookAlso(own);
    const [state, head] = replaces ? [new Projection(), ''] : [found.state, found.head];
    if (replaces) trace?.restart();
    const assertFresh = () => locks.assertFresh();
    const keptAs = () => `${state.run.slice(0, 8)}-${state.sessions.length}`;
    const tape = new FolderTape({ file, own, assertFresh, keptAs, log });
    const ledger = new Ledger({ name: path, clock, log, redact, trace, state, head, tape, holds: locks.all });
    const run = state.run === '' ? (options.run ?? randomUUID()) : state.run;
    await refusingChanges(own.look(), path);
    const { tool, tenant, client, api, job } = open;
    const number = state.sessions.length + 1;
    await ledger
      .open({ format: LEDGER_FORMAT, run, session: number, tool, tenant, client, api, job })
      .catch((error: unknown) => {
        throw own.isReplaced ? changed(path) : error;
      });
    held.handOver();
    const holdSender = async (sender: SenderId) => {
      if (sendsNothing) return;
      const more = await locks.takeSender(sender);
      if (more !== undefined) ledger.alsoHold(more);
    };
    const { fileAheadMs } = held;
    if (kept === undefined)
      return { ledger, fileAheadMs, replaced: undefined, holdSender, putPlanBack: async () => undefined };
    const putPlanBack = async () => (isWhole(found.state) ? await swapBack(held, own, { kept, run }) : undefined);
    const replaced = { path: kept, state: found.state, fileAheadMs };
    return { ledger, fileAheadMs: 0, replaced, holdSender, putPlanBack };
  } catch (error) {
    if (opened !== held.opened) await opened?.file.close().catch(() => undefined);
    throw signal?.aborted && error === signal.reason ? error : openTrouble(error, path, options.existing);
  }
}

/** The file that was read, without its torn tail, if nobody has touched it since: a while may have passed. */
async function asRead({ path, found, locks }: HeldLedger, opened: OwnedFile, log: Logger): Promise<OwnedFile> {
  const { file, own } = opened;
  await refusingChanges(own.assertUntouched(), path);
  const bytes = file.size - found.bytes;
  if (bytes === 0) return opened;
  await locks.assertHeld();
  await file.truncate(found.bytes);
  await file.datasync();
  log.warn({ bytes }, `the last write to ${path} was cut off: its ${bytes} bytes were removed`);
  return opened;
}

/** Throws a ChangedLedgerError where somebody else has begun one meanwhile. */
async function newFile({ path, options: { disk } }: HeldLedger): Promise<OwnedFile> {
  const file = await disk.openAppend(path);
  try {
    if (file.size > 0) throw changed(path);
    const opened = await ownedFile(path, file, disk);
    await disk.syncFolder(dirname(path));
    return opened;
  } catch (error) {
    await file.close().catch(() => undefined);
    throw error;
  }
}

/** A plan is renamed, not removed: its lookups of the last hour still count against the quota, and the folder is searched for them. Returns where it is. */
async function setAside({ path, options, opened, found, locks }: HeldLedger, log: Logger): Promise<string> {
  if (opened !== undefined) await refusingChanges(opened.own.look(), path);
  await locks.assertHeld();
  const kept = `${path}.replaced-${found.state.run.slice(0, 8)}`;
  await options.disk.rename(path, kept);
  await opened?.file.close();
  log.warn(
    { kept },
    `the plan that was at ${path} is kept as ${kept}: its lookups count against the quota for an hour, and then it can be deleted`,
  );
  return kept;
}

/** A plan that came to its end: it can be started, and somebody may have its head. */
function isWhole({ intake, readingUnfinished, sessions }: RunState): boolean {
  return intake !== undefined && !readingUnfinished && sessions.at(-1)?.closed?.reason === 'planned';
}

/** Both are renamed: what the failed one looked up counts as well. It gets a name that says what it is, and by which it can be reported. */
async function swapBack(
  { path, options: { disk }, locks }: HeldLedger,
  own: OwnFile,
  { kept, run }: { kept: string; run: string },
): Promise<string | undefined> {
  const [, stem = path, ending = ''] = /^(.*)(\.jsonl)$/s.exec(path) ?? [];
  const failed = `${stem}.failed-${run.slice(0, 8)}${ending}`;
  await locks.assertHeld();
  await own.look();
  if ((await disk.entry(kept)) === undefined || (await disk.entry(failed)) !== undefined) return undefined;
  await disk.rename(path, failed);
  await disk.rename(kept, path);
  await disk.syncFolder(dirname(path));
  return failed;
}

async function warnOfMode({ path, options: { disk } }: HeldLedger, log: Logger): Promise<void> {
  if (!HERE.hasModes) return;
  const mode = (await disk.stat(path))?.mode;
  if (mode === undefined || (mode & 0o077) === 0) return;
  log.warn(
    `the ledger ${path} can be read by others (mode ${mode.toString(8)}): it holds device names and users; keep its folder private`,
  );
}
