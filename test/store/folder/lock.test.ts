import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { pino } from 'pino';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ClockError, DiskError, LockedError, UsageError } from '../../../src/errors.ts';
import { silentLog } from '../../../src/log.ts';
import { fileDisk } from '../../../src/store/folder/file-disk.ts';
import { type HeldLock, LOCK_TTL_MS, type LockOptions } from '../../../src/store/folder/held-lock.ts';
import type { Processes } from '../../../src/store/folder/holder.ts';
import { acquireLock } from '../../../src/store/folder/lock.ts';
import { ManualClock, turn } from '../../support/clock/manual-clock.ts';
import { machine } from './harness.ts';
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

/** A lock that somebody left who does nothing any more. */
async function leaveLock(disk: MemoryDisk, { self }: Processes, modifiedMs: number): Promise<void> {
  const at = new Date(modifiedMs).toISOString();
  const holder = { nonce: 'left', ...self, ledger: LEDGER, since: at, renewedAt: at };
  await disk.createExclusive(PATH, `${JSON.stringify(holder)}\n`);
  const file = disk.files.get(PATH);
  if (file !== undefined) file.modifiedMs = modifiedMs;
}

/** As its holder would. */
async function renewLeft(disk: MemoryDisk, clock: ManualClock): Promise<void> {
  const text = await disk.readText(PATH);
  const renewedAt = new Date(clock.wallMs()).toISOString();
  await disk.replaceIf(PATH, text, `${JSON.stringify({ ...JSON.parse(text), renewedAt })}\n`);
}

/** Time passes in steps in which whoever watches a lock looks at it. */
async function pass(clock: ManualClock, ms: number): Promise<void> {
  await turn();
  for (let passed = 0; passed < ms; passed += 500) await clock.advance(500);
}

/** What a promise has come to by now. */
async function stateOf(promise: Promise<unknown>): Promise<'pending' | 'resolved' | 'rejected'> {
  let state: 'pending' | 'resolved' | 'rejected' = 'pending';
  promise.then(
    () => {
      state = 'resolved';
    },
    () => {
      state = 'rejected';
    },
  );
  await turn();
  return state;
}

const ALIVE = new Map([
  [1, 'one'],
  [2, 'two'],
]);

describe('taking a lock', () => {
  test('a lock names its holder and is gone after release', async () => {
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
    await expect(refused).rejects.toThrow(LockedError);
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
  ])(
    'a holder %s cannot be asked: its lock is watched for a minute, which is said, and then taken over',
    async (_, other) => {
      const { clock, disk, options } = setting();
      await leaveLock(disk, machine(1, ALIVE), clock.wallMs());
      const said: string[] = [];
      const waiting = acquireLock(options(other, { say: (text) => said.push(text) }));
      await turn();
      const until = new Date(clock.wallMs() + LOCK_TTL_MS).toISOString();
      expect(said).toEqual([expect.stringMatching(new RegExp(`^waiting until ${until}: .*process 1 on host-1`))]);
      await pass(clock, LOCK_TTL_MS - 500);
      expect(await stateOf(waiting)).toBe('pending');
      await pass(clock, 500);
      expect((await waiting).tookOver?.pid).toBe(1);
    },
  );

  test.each([
    ['in the year 2099', Date.parse('2099-01-01T00:00:00Z')],
    ['an hour ahead', Date.parse('2026-03-01T13:00:00Z')],
    ['in 1970', 0],
  ])(
    'a lock of another host dated %s is watched for a minute like any other, and taken over',
    async (_, modifiedMs) => {
      const { clock, disk, options } = setting();
      await leaveLock(disk, machine(9, new Map(), 'host-9'), modifiedMs);
      const waiting = acquireLock(options(machine(1, ALIVE)));
      await pass(clock, LOCK_TTL_MS - 500);
      expect(await stateOf(waiting)).toBe('pending');
      await pass(clock, 500);
      await (await waiting).assertHeld();
    },
  );

  test('a lock of a dead process of this machine is taken over at once, whatever its date', async () => {
    const { disk, options } = setting();
    await leaveLock(disk, machine(99, new Map()), Date.parse('2099-01-01T00:00:00Z'));
    expect((await acquireLock(options(machine(1, ALIVE)))).tookOver?.pid).toBe(99);
  });

  test('a living process of this machine that was stopped keeps its lock for a minute, and is watched once more before it loses it', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(1, ALIVE), clock.wallMs());
    clock.stand(LOCK_TTL_MS - 1);
    await expect(acquireLock(options(machine(2, ALIVE)))).rejects.toThrow(/held by process 1 .*runs out at/);
    clock.stand(1);
    const waiting = acquireLock(options(machine(2, ALIVE)));
    await pass(clock, 19_500);
    expect(await stateOf(waiting)).toBe('pending');
    await pass(clock, 500);
    expect((await waiting).tookOver?.pid).toBe(1);
  });

  test('a living process that works keeps its lock when the clock was set ahead: its renewals are seen', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(1, ALIVE), clock.wallMs() - 300_000);
    const waiting = acquireLock(options(machine(2, ALIVE)));
    await pass(clock, 5000);
    expect(await stateOf(waiting)).toBe('pending');
    await renewLeft(disk, clock);
    const refused = expect(waiting).rejects.toThrow(/held by process 1 .*it renewed its lock/);
    await pass(clock, 500);
    await refused;
  });

  test('a holder that cannot be asked and renews its lock is left alone as soon as that is seen', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(9, new Map(), 'host-9'), clock.wallMs());
    const waiting = acquireLock(options(machine(1, ALIVE)));
    await pass(clock, 40_000);
    expect(await stateOf(waiting)).toBe('pending');
    await renewLeft(disk, clock);
    const refused = expect(waiting).rejects.toThrow(LockedError);
    await pass(clock, 500);
    await refused;
  });

  test('the wait for a lock ends at once with a signal, and leaves the lock alone', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(9, new Map(), 'host-9'), clock.wallMs());
    const before = await disk.readText(PATH);
    const stop = new AbortController();
    const waiting = acquireLock(options(machine(1, ALIVE), { signal: stop.signal }));
    const ended = expect(waiting).rejects.toBe('SIGTERM');
    await pass(clock, 1000);
    stop.abort('SIGTERM');
    await ended;
    expect(await disk.readText(PATH)).toBe(before);
    expect([...disk.files.keys()]).toEqual([PATH]);
  });

  test('who does not want to wait is refused at once where the holder cannot be asked', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(9, new Map(), 'host-9'), clock.wallMs());
    await expect(acquireLock(options(machine(1, ALIVE), { wait: false }))).rejects.toThrow(LockedError);
  });

  test('a lock that is given back during the wait is taken at the next look', async () => {
    const { clock, disk, options } = setting();
    await leaveLock(disk, machine(9, new Map(), 'host-9'), clock.wallMs());
    const waiting = acquireLock(options(machine(1, ALIVE)));
    await pass(clock, 3000);
    await disk.remove(PATH);
    await pass(clock, 500);
    expect((await waiting).tookOver).toBeUndefined();
  });

  test.each(['a named pipe', 'a socket', 'a device', 'a folder', 'a symbolic link'] as const)(
    '%s in the place of a lock is said, and nothing is waited for',
    async (kind) => {
      const { disk, options } = setting();
      disk.place(PATH, kind, kind === 'a symbolic link' ? '/nowhere' : undefined);
      const refused = acquireLock(options(machine(1)));
      await expect(refused).rejects.toThrow(UsageError);
      await expect(refused).rejects.toThrow(`${PATH} is ${kind}`);
      expect([...disk.files.keys()]).toEqual([PATH]);
    },
  );

  test('a process of another user, whose start cannot be read, is not taken for dead', async () => {
    const { options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    const hidden = { ...machine(2, ALIVE), startOf: () => null };
    await expect(acquireLock(options(hidden))).rejects.toThrow(LockedError);
  });

  test('a holder that goes on renewing keeps its lock, whatever our own clock says', async () => {
    const { clock, options } = setting();
    await acquireLock(options(machine(1, ALIVE)));
    for (let i = 0; i < 20; i++) await clock.advance(10_000);
    const ahead = new ManualClock();
    ahead.stand(86_400_000);
    const waiting = acquireLock(options(machine(7, new Map(), 'host-2'), { clock: ahead }));
    await pass(ahead, 9500);
    expect(await stateOf(waiting)).toBe('pending');
    await clock.advance(10_000);
    const refused = expect(waiting).rejects.toThrow(LockedError);
    await pass(ahead, 500);
    await refused;
  });

  test('a lock file that holds nothing readable is watched for a minute', async () => {
    const { clock, disk, options } = setting();
    await disk.createExclusive(PATH, '');
    const waiting = acquireLock(options(machine(1)));
    await pass(clock, LOCK_TTL_MS - 500);
    expect(await stateOf(waiting)).toBe('pending');
    await pass(clock, 500);
    await (await waiting).assertHeld();
  });

  test('a lock whose name is as long as the file system lets it be is taken over too, dead or silent', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'countermand-lock-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const path = join(folder, `${'x'.repeat(250)}.lock`);
    const clock = new ManualClock();
    const now = new Date(clock.wallMs()).toISOString();
    const lockOf = (processes: Processes) => ({ ...setting().options(processes, { path, clock }), disk: fileDisk });
    const holder = { nonce: 'left', ...machine(99, ALIVE).self, ledger: LEDGER, since: now, renewedAt: now };
    await fileDisk.createExclusive(path, `${JSON.stringify(holder)}\n`);
    {
      await using lock = await acquireLock(lockOf(machine(1, ALIVE)));
      expect(lock.tookOver?.pid).toBe(99);
      expect(await readdir(folder)).toEqual([basename(path)]);
      // Its date is asked for, by a file beside it.
      await expect(acquireLock(lockOf(machine(2, ALIVE)))).rejects.toThrow('that process lives');
    }
    expect(await readdir(folder)).toEqual([]);
  });

  test('exactly one of many that see a dead holder at once takes over', async () => {
    const { disk, options } = setting();
    await acquireLock(options(machine(99, new Map([[99, 'x']]))));
    const alive = new Map(Array.from({ length: 20 }, (_, i) => [i + 1, `start ${i}`] as const));
    const tries = await Promise.allSettled([...alive.keys()].map((pid) => acquireLock(options(machine(pid, alive)))));
    const won = tries.filter((each) => each.status === 'fulfilled');
    expect(won).toHaveLength(1);
    for (const each of tries) if (each.status === 'rejected') expect(each.reason).toBeInstanceOf(LockedError);
    await won[0]?.value.assertHeld();
    expect([...disk.files.keys()]).toEqual([PATH]);
  });

  test('who comes late to a dead holder leaves the lock of the one that took over alone', async () => {
    const { disk, options } = setting();
    await acquireLock(options(machine(99, new Map([[99, 'x']]))));
    const { createExclusive } = MemoryDisk.prototype;
    let first: HeldLock | undefined;
    disk.createExclusive = async (path, content) => {
      // Having judged the old holder dead, the late one is overtaken before it can do anything about it.
      if (path !== PATH) {
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
    const successor = afterRead(disk, 2, async () => {
      clock.stand(LOCK_TTL_MS);
      const taken = acquireLock(options(machine(1, ALIVE)));
      await pass(clock, 20_000);
      return taken;
    });
    await expect(acquireLock(options(machine(2, ALIVE)))).rejects.toThrow(/held by process 1 /);
    await (await successor).assertHeld();
  });
});

describe('holding a lock', () => {
  test('who stood still while it released its lock leaves its successor’s alone', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(2, ALIVE)));
    const successor = afterRead(disk, 1, async () => {
      clock.stand(LOCK_TTL_MS);
      const taken = acquireLock(options(machine(1, ALIVE)));
      await pass(clock, 20_000);
      return taken;
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
    ['slept with its machine, while the monotonic clock stood', (clock: ManualClock) => clock.moveWall(55_000)],
  ])('a process that %s past its lock gives up before anybody may take over, and stays so', async (_, pass) => {
    const { clock, options } = setting();
    const lock = await acquireLock(options(machine(1, ALIVE)));
    pass(clock);
    await expect(lock.assertHeld()).rejects.toThrow(LockedError);
    await clock.advance(10_000);
    await expect(lock.assertHeld()).rejects.toThrow(/55 s/);
    expect(() => lock.assertFresh()).toThrow(LockedError);
  });

  test.each([
    ['ahead by 5 minutes', 300_000, 'ahead by 5 min'],
    ['ahead by a little more than a minute', LOCK_TTL_MS + 1, 'ahead by'],
    ['back by an hour', -3_600_000, 'back by 1 h'],
    ['to the year 2099', 2.3e12, 'ahead by'],
  ])(
    'a wall clock that is set %s ends the session, names the clock, and gives the lock back',
    async (_, byMs, told) => {
      const { clock, disk, options } = setting();
      const lock = await acquireLock(options(machine(1)));
      clock.moveWall(byMs);
      await expect(lock.assertHeld()).rejects.toThrow(ClockError);
      expect(() => lock.assertFresh()).toThrow(`The clock of this machine moved ${told}`);
      await clock.advance(10_000);
      await expect(lock.assertHeld()).rejects.toMatchObject({ exitCode: 6 });
      await lock[Symbol.asyncDispose]();
      expect([...disk.files.keys()]).toEqual([]);
    },
  );

  test('a wall clock that is set by less than a lock lives changes nothing', async () => {
    const { clock, options } = setting();
    const lock = await acquireLock(options(machine(1)));
    clock.moveWall(-LOCK_TTL_MS);
    await clock.advance(10_000);
    clock.moveWall(45_000);
    await lock.assertHeld();
  });

  test('a machine that slept for an hour may have lost its lock, and takes none away that another has by then', async () => {
    const { clock, disk, options } = setting();
    const lock = await acquireLock(options(machine(1, ALIVE)));
    clock.moveWall(3_600_000);
    await disk.remove(PATH);
    const successor = await acquireLock(options(machine(7, new Map(), 'host-2')));
    await expect(lock.assertHeld()).rejects.toThrow(/the machine slept/);
    await lock[Symbol.asyncDispose]();
    await successor.assertHeld();
  });

  test('a lock that carries another nonce is lost, and the new holder is named and left alone', async () => {
    const { clock, disk, options } = setting();
    const old = await acquireLock(options(machine(1, ALIVE)));
    clock.stand(LOCK_TTL_MS);
    await disk.remove(PATH);
    const successor = await acquireLock(options(machine(2, ALIVE)));
    const content = await disk.readText(PATH);
    await expect(old.assertHeld()).rejects.toThrow(LockedError);
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
    await expect(lock.assertHeld()).rejects.toThrow(/was removed: the ledger was replaced while the run was using it/);
  });

  test('a lock file that somebody removed is lost', async () => {
    const { clock, disk, options } = setting();
    await disk.createExclusive(LEDGER, '');
    const lock = await acquireLock(options(machine(1)));
    await disk.remove(PATH);
    await clock.advance(10_000);
    expect(() => lock.assertFresh()).toThrow(/was removed/);
    await expect(lock.assertHeld()).rejects.toThrow(LockedError);
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
    await expect(lock.assertHeld()).rejects.toThrow(LockedError);
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
    await turn();
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
    clock.moveWall(5);
    await lock.assertHeld();
    expect(looks).toBe(4);
  });
});
