import type { OpenFields } from '../../src/ledger/record.ts';
import type { Disk } from '../../src/store/folder/disk.ts';
import { readKinds } from '../../src/store/folder/folder-calls.ts';

/** The `open` records of a ledger, one a session: who ran what. The chain is not checked. */
export async function readSessions({ path, disk }: { path: string; disk: Disk }): Promise<OpenFields[]> {
  const sessions: OpenFields[] = [];
  for await (const record of readKinds(path, disk, ['open'])) {
    if (typeof record !== 'number' && record.kind === 'open') sessions.push(record);
  }
  return sessions;
}
