import { randomUUID } from 'node:crypto';
import { dirname } from 'node:path';
import { UsageError } from '../../errors.ts';
import { type Disk, noFile } from './disk.ts';
import { openTrouble } from './open-trouble.ts';

/**
 * Makes a ledger's file of these bytes, all of it or nothing. `same`: there was one, byte for byte. Throws a UsageError where something else stands or
 * nothing can be written, a DiskError where there is no room, and what `bytes` throws.
 */
export async function putLedgerFile(
  disk: Disk,
  path: string,
  bytes: AsyncIterable<Uint8Array>,
): Promise<'made' | 'same'> {
  const part = `${path}.${randomUUID().slice(0, 8)}.part`;
  try {
    await disk.makeFolder(dirname(path));
    await write(disk, part, bytes);
    const there = await disk.entry(path);
    if (there === undefined) {
      await disk.rename(part, path);
      await disk.syncFolder(dirname(path));
      return 'made';
    }
    if (there.kind !== 'a file') throw noFile(path, there.kind);
    if (await areSame(disk.read(path), disk.read(part))) return 'same';
    throw new UsageError(
      `${path} is there already, and is another ledger or another state of it: move it away, then export again.`,
    );
  } catch (error) {
    throw openTrouble(error, path);
  } finally {
    await disk.remove(part).catch(() => undefined);
  }
}

async function write(disk: Disk, path: string, bytes: AsyncIterable<Uint8Array>): Promise<void> {
  const file = await disk.openAppend(path);
  try {
    for await (const chunk of bytes) {
      for (let rest = chunk; rest.length > 0; ) rest = rest.subarray(await file.write(rest));
    }
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function areSame(one: AsyncIterable<Uint8Array>, other: AsyncIterable<Uint8Array>): Promise<boolean> {
  const others = other[Symbol.asyncIterator]();
  let rest: Uint8Array = new Uint8Array();
  for await (const chunk of one) {
    for (let mine = chunk; mine.length > 0; ) {
      if (rest.length === 0) {
        const next = await others.next();
        if (next.done) return false;
        rest = next.value;
        continue;
      }
      const length = Math.min(mine.length, rest.length);
      if (Buffer.compare(mine.subarray(0, length), rest.subarray(0, length)) !== 0) return false;
      mine = mine.subarray(length);
      rest = rest.subarray(length);
    }
  }
  return rest.length === 0 && (await others.next()).done === true;
}
