import { constants } from 'node:fs';
import { access } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SenderId } from '../../ledger/sender.ts';
import { fileDisk } from '../../store/folder/file-disk.ts';
import { readHolder } from '../../store/folder/held-lock.ts';
import { describe, isDead, systemProcesses } from '../../store/folder/holder.ts';
import { senderLockPath } from '../../store/folder/open.ts';
import type { Finding } from '../check-findings.ts';

/** Whether a ledger can be made in the folder, and whether another run sends from it as this application. Writes nothing. */
export async function ledgerFindings(folder: string, sender: SenderId): Promise<Finding[]> {
  const topic = 'ledgers';
  const there = await nearestFolder(folder);
  const writable = await access(there, constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable) {
    const text = `${there} cannot be written, so no ledger can be made in ${folder}; change its permissions, or give --ledger`;
    return [{ level: 'wrong', topic, text, exitCode: 2 }];
  }
  const holder = await liveSender(senderLockPath(folder, sender));
  if (holder === undefined) return [{ level: 'ok', topic, text: `ledgers can be written in ${folder}` }];
  const text = `${holder} sends as this application from ${folder} just now; a run would exit 11, wait until that one ends`;
  return [{ level: 'warning', topic, text }];
}

async function nearestFolder(folder: string): Promise<string> {
  const isThere = await fileDisk.stat(folder).catch(() => undefined);
  const parent = dirname(folder);
  return isThere !== undefined || parent === folder ? folder : nearestFolder(parent);
}

async function liveSender(lock: string): Promise<string | undefined> {
  const { holder, gone } = await readHolder(fileDisk, lock).catch(() => ({ holder: undefined, gone: true }));
  if (gone || (holder !== undefined && isDead(holder, systemProcesses()))) return undefined;
  return describe(holder);
}
