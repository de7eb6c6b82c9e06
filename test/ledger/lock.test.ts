import { pino } from 'pino';
import { describe, expect, test } from 'vitest';
import { DiskError, HeldError } from '../../src/errors.ts';
import { type HeldLock, LOCK_TTL_MS, type LockOptions } from '../../src/ledger/held-lock.ts';
import type { Processes } from '../../src/ledger/holder.ts';
import { acquireLock } from '../../src/ledger/lock.ts';
import { silentLog } from '../../src/log.ts';
import { machine } from './ledgers.ts';
import { ManualClock, settled } from './manual-clock.ts';
import { MemoryDisk } from './memory-disk.ts';

const PATH = '/a.lock';
const LEDGER = '/a.jsonl';

interface Setting {
  /** The file system's clock; the processes' own clocks may differ. */
  clock: ManualClock;
  disk: MemoryDisk;
  options(processes: Processes, more?: Partial<LockOptions>): LockOptions;
}

function setting(): Setting {
  const clock = new ManualClock();
  const disk = new MemoryDisk(() => clock.wallMs());
  return {
    clock,
    disk,
    options: (processes, more) => ({
      path: PATH,
      disk,
      clock,
      log: silentLog,
      processes,
      ledger: LEDGER,
      what: 'the ledger a.jsonl',
      ...more,
    }),
  };
}

/** Does something when the lock was read for the nth time, before the reader is told what it read. */
function afterRead(disk: MemoryDisk, nth: number, act: () => Promise<HeldLock>): Promise<HeldLock> {
  const { readText } = MemoryDisk.prototype;
  let reads = 0;
  return new Promise((resolve) => {
    disk.readText = async (path) => {
      const text = await readText.call(disk, path);
      if (path === PATH && ++reads === nth) {
        disk.readText = readText;
        resolve(await act());
      }
      return text;
    };
  });
}

const ALIVE = new Map([
  [1, 'one'],
  [2, 'two'],
]);

describe('taking a lock', () => {
  test('names its holder and is gone after release', async () => {
    const { disk, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    expect(JSON.parse(await disk.readText(PATH))).toMatchObject({
      host: 'host-1',
      boot: 'boot-1',
      pidNamespace: 'pid:[1]',
      pid: 1,
      processStart: 'start',
      ledger: LEDGER,
    });
    await lock[Symbol.asyncDispose]();
    expect([...disk.files.keys()]).toEqual([]);
  });

  test('a living holder is named, with until when', async () => {
    const { clock, options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    const refused = acquireLock(options(machine(2, ALIVE)));
    await expect(refused).rejects.toThrow(HeldError);
    const until = new Date(clock.wallMs() + LOCK_TTL_MS).toISOString();
    await expect(refused).rejects.toThrow(new RegExp(`process 1 on host-1 .*a\\.jsonl.*${until}`));
  });

  test.each([
    ['gone', new Map([[2, 'two']])],
    ['gone, and its number used again by another process', new Map([...ALIVE, [1, 'started later']])],
  ])('a holder that is %s is taken over at once, and that is said', async (_, alive) => {
    const { disk, options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) });
    const lock = await acquireLock(options(machine(2, alive), { log }));
    expect(lock.tookOver?.pid).toBe(1);
    expect(said).toEqual([expect.stringMatching(/process 1 on host-1.*taken over/)]);
    expect([...disk.files.keys()]).toEqual([PATH]);
    await lock.assertHeld();
  });

  const elsewhere = (more: Partial<Processes['self']>): Processes => {
    const here = machine(1, new Map());
    return { ...here, self: { ...here.self, processStart: 'other', ...more } };
  };
  test.each([
    ['on another host', elsewhere({ host: 'host-2' })],
    ['of another boot', elsewhere({ boot: 'boot-2' })],
    ['with the same number in another container on this host', elsewhere({ pidNamespace: 'pid:[2]' })],
    ['alive but stopped', machine(2, ALIVE)],
  ])('a silent holder %s keeps its lock for a minute, not longer', async (_, other) => {
    const { clock, options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    clock.stand(LOCK_TTL_MS - 1);
    await expect(acquireLock(options(other))).rejects.toThrow(HeldError);
    clock.stand(1);
    const lock = await acquireLock(options(other));
    expect(lock.tookOver?.pid).toBe(1);
  });

  test('a process of another user, whose start cannot be read, is not taken for dead', async () => {
    const { options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    const hidden = { ...machine(2, ALIVE), startOf: () => null };
    await expect(acquireLock(options(hidden))).rejects.toThrow(HeldError);
  });

  test('a holder that goes on renewing keeps its lock, whatever our own clock says', async () => {
    const { clock, options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    for (let i = 0; i < 20; i++) await clock.advance(10_000);
    const ahead = new ManualClock();
    ahead.stand(86_400_000);
    const other = machine(7, new Map(), 'host-2');
    await expect(acquireLock(options(other, { clock: ahead }))).rejects.toThrow(HeldError);
  });

  test('a lock file that holds nothing readable is held until it is a minute old', async () => {
    const { clock, disk, options } = setting();
    await disk.createExclusive(PATH, '');
    await expect(acquireLock(options(machine(1)))).rejects.toThrow(HeldError);
    clock.stand(LOCK_TTL_MS);
    await (await acquireLock(options(machine(1)))).assertHeld();
  });

  test('of many that see a dead holder at once, exactly one takes over', async () => {
    const { disk, options } = setting();
    await acquireLock(options(machine(99, new Map([[99, 'x']]))));
    const alive = new Map(Array.from({ length: 20 }, (_, i) => [i + 1, `start ${i}`] as const));
    const tries = await Promise.allSettled([...alive.keys()].map((pid) => acquireLock(options(machine(pid, alive)))));
    const won = tries.filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const each of tries) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(HeldError);
    await won[0]?.value.assertHeld();
    expect([...disk.files.keys()]).toEqual([PATH]);
  });

  test('who comes late to a dead holder leaves the lock of the one that took over alone', async () => {
    const { disk, options } = setting();
    await acquireLock(options(machine(99, new Map([[99, 'x']]))));
    const { nonce } = JSON.parse(await disk.readText(PATH));
    const { createExclusive } = MemoryDisk.prototype;
    let first: HeldLock | undefined;
    disk.createExclusive = async (path, content) => {
      // Having judged the old holder dead, the late one is overtaken before it can do anything about it.
      if (path.includes(nonce)) {
        disk.createExclusive = createExclusive;
        first = await acquireLock(options(machine(1, ALIVE)));
      }
      await createExclusive.call(disk, path, content);
    };
    await expect(acquireLock(options(machine(2, ALIVE)))).rejects.toThrow(/held by process 1 /);
    expect(first).toBeDefined();
    await first?.assertHeld();
  });

  test('who stood still while it took a dead holder’s lock away leaves its successor’s alone', async () => {
    const { clock, disk, options } = setting();
    await acquireLock(options(machine(99, new Map([[99, 'x']]))));
    const successor = afterRead(disk, 2, () => {
      clock.stand(LOCK_TTL_MS);
      return acquireLock(options(machine(1, ALIVE)));
    });
    await expect(acquireLock(options(machine(2, ALIVE)))).rejects.toThrow(/held by process 1 /);
    await (await successor).assertHeld();
  });
});

describe('holding a lock', () => {
  test('who stood still while it released its lock leaves its successor’s alone', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(2, ALIVE)));
    const successor = afterRead(disk, 1, () => {
      clock.stand(LOCK_TTL_MS);
      return acquireLock(options(machine(1, ALIVE)));
    });
    await lock[Symbol.asyncDispose]();
    await (await successor).assertHeld();
  });

  test('a renewed lock is held for hours', async () => {
    const { clock, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    for (let i = 0; i < 1000; i++) await clock.advance(10_000);
    await lock.assertHeld();
  });

  test.each([
    ['stood still', (clock: ManualClock) => clock.stand(55_000)],
    ['slept with its machine, while the monotonic clock stood', (clock: ManualClock) => clock.suspend(55_000)],
  ])('a process that %s past its lock gives up before anybody may take over, and stays so', async (_, pass) => {
    const { clock, options } = setting();
    const lock = await acquireLock(options(machine(1, ALIVE)));
    pass(clock);
    await expect(lock.assertHeld()).rejects.toThrow(HeldError);
    await clock.advance(10_000);
    await expect(lock.assertHeld()).rejects.toThrow(/55 s/);
    expect(() => lock.assertFresh()).toThrow(HeldError);
  });

  test('a wall clock that is set back changes nothing', async () => {
    const { clock, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    clock.suspend(-3_600_000);
    await clock.advance(10_000);
    await lock.assertHeld();
  });

  test('a lock that carries another nonce is lost, and the new holder is named and left alone', async () => {
    const { clock, disk, options } = setting();
    const old = await acquireLock(options(machine(1, ALIVE)));
    clock.stand(LOCK_TTL_MS);
    const successor = await acquireLock(options(machine(2, ALIVE)));
    const content = await disk.readText(PATH);
    await expect(old.assertHeld()).rejects.toThrow(HeldError);
    await old[Symbol.asyncDispose]();
    expect(await disk.readText(PATH)).toBe(content);
    await successor.assertHeld();
  });

  test('a lock taken over in the same minute is noticed at the next look and at the next renewal', async () => {
    const { clock, disk, options } = setting();
    const looked = await acquireLock(options(machine(1, ALIVE)));
    const stranger = { ...JSON.parse(await disk.readText(PATH)), nonce: 'other', pid: 42 };
    await disk.remove(PATH);
    await disk.createExclusive(PATH, JSON.stringify(stranger));
    await expect(looked.assertHeld()).rejects.toThrow(/taken over by process 42/);
    await clock.advance(10_000);
    expect(await disk.readText(PATH)).toBe(JSON.stringify(stranger));
  });

  test('a ledger that is gone with its lock is a disk error, and a lock that cannot be read too', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    disk.readText = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    await expect(lock.assertHeld()).rejects.toThrow(/could not be read \(EIO\)/);
    disk.readText = MemoryDisk.prototype.readText;
    await lock.assertHeld();
    await disk.remove(PATH);
    await clock.advance(5);
    await expect(lock.assertHeld()).rejects.toThrow(DiskError);
    await expect(lock.assertHeld()).rejects.toThrow(/was removed while in use/);
  });

  test('a lock file that somebody removed is lost', async () => {
    const { clock, disk, options } = setting();
    await disk.createExclusive(LEDGER, '');
    const lock = await acquireLock(options(machine(1)));
    await disk.remove(PATH);
    await clock.advance(10_000);
    expect(() => lock.assertFresh()).toThrow(/was removed/);
    await expect(lock.assertHeld()).rejects.toThrow(HeldError);
    await lock[Symbol.asyncDispose]();
  });

  test('a disk that fails for a while does not lose the lock, one that fails for a minute does', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    const { replaceIf } = MemoryDisk.prototype;
    disk.replaceIf = () => Promise.reject(Object.assign(new Error('EIO'), { code: 'EIO' }));
    for (let i = 0; i < 4; i++) await clock.advance(10_000);
    await lock.assertHeld();
    disk.replaceIf = replaceIf;
    await clock.advance(10_000);
    clock.stand(20_000);
    await lock.assertHeld();
    disk.replaceIf = () => Promise.reject(new Error('EIO'));
    for (let i = 0; i < 6; i++) await clock.advance(10_000);
    await expect(lock.assertHeld()).rejects.toThrow(HeldError);
  });

  test('checks share one look at the file, which begins after they were asked for and is good for 5 ms by either clock', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    let looks = 0;
    let go = () => {};
    const held = new Promise<void>((resolve) => {
      go = resolve;
    });
    disk.readText = async (path) => {
      looks++;
      await held;
      return MemoryDisk.prototype.readText.call(disk, path);
    };
    const first = lock.assertHeld();
    await settled();
    const others = Array.from({ length: 50 }, () => lock.assertHeld());
    go();
    await Promise.all([first, ...others]);
    expect(looks).toBe(2);
    await clock.advance(4);
    await lock.assertHeld();
    expect(looks).toBe(2);
    await clock.advance(1);
    await lock.assertHeld();
    expect(looks).toBe(3);
    clock.suspend(5);
    await lock.assertHeld();
    expect(looks).toBe(4);
  });
});
