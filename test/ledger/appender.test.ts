import { beforeEach, expect, test } from 'vitest';
import { DiskError, LockedError } from '../../src/errors.ts';
import { Appender } from '../../src/ledger/appender.ts';
import { silentLog } from '../../src/log.ts';
import { FolderTape, type FolderTapeParts } from '../../src/store/folder/folder-tape.ts';
import { turn } from '../support/clock/manual-clock.ts';

type HeldParts = FolderTapeParts['file'];

const ours: FolderTapeParts['own'] = {
  isNameless: false,
  look: () => Promise.resolve(),
  assertUntouched: () => Promise.resolve(),
  keep: () => Promise.resolve(),
};

/** A file whose every write and sync ends when it is told to. */
class HeldFile implements HeldParts {
  written = '';
  readonly writes: ((bytes: number) => void)[] = [];
  readonly syncs: { done: () => void; fail: (error: Error) => void }[] = [];

  write(bytes: Uint8Array): Promise<number> {
    const text = Buffer.from(bytes).toString();
    return new Promise((resolve) => {
      this.writes.push((count) => {
        this.written += text.slice(0, count);
        resolve(count);
      });
    });
  }

  datasync(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.syncs.push({ done: resolve, fail: reject });
    });
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

let file: HeldFile;
let appender: Appender;
beforeEach(() => {
  file = new HeldFile();
  const tape = new FolderTape({ file, own: ours, assertFresh: () => {}, keptAs: () => 'kept', log: silentLog });
  appender = new Appender(tape, 'a.jsonl');
});

/** Pushes a line and notes in the list when it is on disk. */
function append(line: string, durable: string[]): Promise<void> {
  appender.push(`${line}\n`);
  return appender.synced().then(() => {
    durable.push(line);
  });
}

test('what is queued while a sync is under way is written meanwhile, and durable only with the next sync', async () => {
  const durable: string[] = [];
  const first = append('one', durable);
  await turn();
  file.writes.shift()?.(4);
  await turn();
  expect(file.syncs).toHaveLength(1);

  const second = append('two', durable);
  await turn();
  file.writes.shift()?.(4);
  await turn();
  expect(file.written).toBe('one\ntwo\n');
  file.syncs.shift()?.done();
  await first;
  await turn();
  expect(durable).toEqual(['one']);
  expect(file.syncs).toHaveLength(1);
  file.syncs.shift()?.done();
  await second;
  expect(durable).toEqual(['one', 'two']);
});

test('a sync that begins while lines are being written does not count for them', async () => {
  const durable: string[] = [];
  const first = append('one', durable);
  await turn();
  file.writes.shift()?.(4);
  await turn();
  const second = append('two', durable);
  await turn();
  file.syncs.shift()?.done();
  await first;
  await turn();
  expect(file.syncs).toHaveLength(0);
  file.writes.shift()?.(4);
  await turn();
  file.syncs.shift()?.done();
  await second;
  expect(durable).toEqual(['one', 'two']);
});

test('the rest of a short write is not written after a sync that failed, and everybody is told', async () => {
  const first = append('one', []).catch((error: unknown) => error);
  await turn();
  file.writes.shift()?.(4);
  await turn();
  const second = append('two', []).catch((error: unknown) => error);
  await turn();
  file.syncs.shift()?.fail(new Error('EIO'));
  expect(await first).toBeInstanceOf(DiskError);
  expect(await second).toBe(await first);
  file.writes.shift()?.(2);
  await turn();
  expect(file.writes).toHaveLength(0);
  expect(file.written).toBe('one\ntw');
  expect(() => appender.push('three\n')).toThrow(DiskError);
  await appender.close();
});

test('a lock that runs out while the file is looked at lets no write through behind what a successor wrote', async () => {
  let look = () => {};
  const untouched = new Promise<void>((resolve) => {
    look = resolve;
  });
  let isFresh = true;
  const assertFresh = () => {
    if (!isFresh) throw new LockedError('the lock was not renewed');
  };
  const own = { ...ours, assertUntouched: () => untouched };
  const tape = new FolderTape({ file, own, assertFresh, keptAs: () => 'kept', log: silentLog });
  const written = tape.write(Buffer.from('one\n'));
  // As by a process that is stopped here, and goes on minutes later.
  isFresh = false;
  look();
  await expect(written).rejects.toThrow(LockedError);
  expect(file.writes).toHaveLength(0);
});
