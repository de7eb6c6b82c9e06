import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../../src/clock.ts';
import { silentLog } from '../../../src/log.ts';
import { fileDisk } from '../../../src/store/folder/file-disk.ts';
import { FolderStore } from '../../../src/store/folder/folder-store.ts';
import { ManualClock } from '../../support/clock/manual-clock.ts';
import { storeSuite } from '../suite.ts';
import { machine } from './harness.ts';
import { MemoryDisk } from './memory-disk.ts';

/** Processes of one machine, that are there until they are killed. */
function processes() {
  const alive = new Map<number, string>();
  let last = 0;
  return () => {
    const pid = ++last;
    alive.set(pid, `start ${pid}`);
    return { processes: machine(pid, alive), kill: () => void alive.delete(pid) };
  };
}

storeSuite('a folder in memory', () => {
  const clock = new ManualClock();
  const disk = new MemoryDisk(() => clock.wallMs());
  const start = processes();
  const process = () => {
    const { kill, ...made } = start();
    return { kill, store: new FolderStore({ disk, clock, log: silentLog, ...made }) };
  };
  return Promise.resolve({
    name: (word) => `/ledgers/${word}.jsonl`,
    all: '/ledgers',
    ...{ process, owner: process },
    tamper: (name, change) => {
      const file = disk.files.get(name);
      if (file !== undefined) file.bytes = change(file.bytes);
      return Promise.resolve();
    },
    oneSender: true,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  });
});

storeSuite('a folder on the disk', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'countermand-store-'));
  const start = processes();
  const process = () => {
    const { kill, ...made } = start();
    return { kill, store: new FolderStore({ disk: fileDisk, clock: systemClock, log: silentLog, ...made }) };
  };
  return {
    name: (word) => join(folder, 'ledgers', `${word}.jsonl`),
    all: join(folder, 'ledgers'),
    ...{ process, owner: process },
    tamper: async (name, change) => writeFile(name, change(await readFile(name))),
    oneSender: true,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
});
