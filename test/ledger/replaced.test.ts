import { pino } from 'pino';
import { expect, test } from 'vitest';
import { ChangedLedgerError, DiskError, UsageError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { encodeLine } from '../../src/ledger/line.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';
import { begin, type Harness, id, makeHarness, OPEN, PATH } from '../store/folder/harness.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';

const OTHER = '/ledgers/other.jsonl';
/** A look is good for so long. */
const LOOK_MS = 5;

interface Way {
  name: string;
  /** What another program does to the ledger of a run. */
  replace(harness: Harness): Promise<void>;
  /** What the run then says, before what it always says. */
  says: RegExp;
  /** Its own file has no name any more, so it keeps it under another. */
  keeps: boolean;
}

const put = ({ disk }: Harness, path: string, bytes: Buffer) =>
  disk.files.set(path, { bytes, modifiedMs: 0, mode: 0o600 });
const bytesOf = ({ disk }: Harness, path: string) => disk.files.get(path)?.bytes ?? Buffer.alloc(0);
/** The object behind the name stays, as in the shell's `>`. */
const rewrite = (harness: Harness, bytes: Buffer) => {
  const file = harness.disk.files.get(PATH);
  if (file !== undefined) file.bytes = bytes;
};

const WAYS: readonly Way[] = [
  {
    name: 'an editor that writes a copy under its name (sed -i)',
    replace: async (harness) => {
      put(harness, OTHER, Buffer.from(bytesOf(harness, PATH)));
      await harness.disk.rename(OTHER, PATH);
    },
    says: /is another file now/,
    keeps: true,
  },
  {
    name: 'another file moved over it',
    replace: async (harness) => {
      put(harness, OTHER, Buffer.from('somebody else\n'));
      await harness.disk.rename(OTHER, PATH);
    },
    says: /is another file now/,
    keeps: true,
  },
  {
    name: 'its removal',
    replace: ({ disk }) => disk.remove(PATH),
    says: /was removed or moved away/,
    keeps: true,
  },
  {
    name: 'being moved away',
    replace: ({ disk }) => disk.rename(PATH, OTHER),
    says: /was removed or moved away/,
    keeps: false,
  },
  {
    name: 'being moved away, with a link to a copy in its place',
    replace: async (harness) => {
      put(harness, '/ledgers/copy', Buffer.from(bytesOf(harness, PATH)));
      await harness.disk.rename(PATH, OTHER);
      harness.disk.place(PATH, 'a symbolic link', '/ledgers/copy');
    },
    says: /is another file now/,
    keeps: false,
  },
  {
    name: 'being emptied (truncate, >)',
    replace: async (harness) => rewrite(harness, Buffer.alloc(0)),
    says: /has 0 bytes, and \d+ were written to it/,
    keeps: false,
  },
  {
    name: 'an older copy written over it (cp)',
    replace: async (harness) => rewrite(harness, bytesOf(harness, PATH).subarray(0, 500)),
    says: /has 500 bytes, and \d+ were written to it/,
    keeps: false,
  },
  {
    name: 'a longer file written over it (cp)',
    replace: async (harness) => rewrite(harness, Buffer.concat([bytesOf(harness, PATH), Buffer.from('more\n')])),
    says: /has 5 bytes that this run did not write/,
    keeps: false,
  },
];

/** A run of ten actions, its first cancel answered, its second sent. */
async function running(harness: Harness, log?: pino.Logger): Promise<Ledger> {
  const ledger = await harness.open(log === undefined ? {} : { log });
  await begin(ledger, 10);
  const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
  await ledger.assertHeld();
  await ledger.reply({ call, id: id(1), attempt: 1, ms: 1, http: 200 });
  await ledger.intent({ route: 'cancel', id: id(2), attempt: 1 });
  await ledger.assertHeld();
  await harness.clock.advance(LOOK_MS);
  return ledger;
}

/** As before each send: intent, then the look. */
async function sendNext(ledger: Ledger): Promise<void> {
  await ledger.intent({ route: 'cancel', id: id(3), attempt: 1 });
  await ledger.assertHeld();
}

test.each(WAYS)(
  'a ledger that is replaced under the run by $name is noticed before the next send',
  async ({ replace, says }) => {
    const harness = makeHarness();
    const ledger = await running(harness);
    await replace(harness);
    const sent = sendNext(ledger);
    await expect(sent).rejects.toThrow(DiskError);
    await expect(sent).rejects.toThrow(says);
    await expect(sent).rejects.toThrow('the ledger was replaced while the run was using it. Nothing more was sent');
    await expect(sendNext(ledger)).rejects.toMatchObject({ exitCode: 6 });
  },
);

test.each(WAYS)('nothing is written to what stands in the place of a ledger after $name', async ({ replace }) => {
  const harness = makeHarness();
  const ledger = await running(harness);
  await replace(harness);
  const foreign = Buffer.from(bytesOf(harness, PATH));
  await expect(sendNext(ledger)).rejects.toThrow(DiskError);
  await ledger.reply({ call: 2, id: id(2), attempt: 1, ms: 1, http: 200 }).catch(() => undefined);
  await ledger.close('interrupted').catch(() => undefined);
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
  expect(bytesOf(harness, PATH).equals(foreign)).toBe(true);
  // Its own locks are given back, and nothing else is taken away.
  expect([...harness.disk.files.keys()].filter((path) => path.endsWith('.lock'))).toEqual([]);
});

test.each(WAYS.filter(({ keeps }) => keeps))(
  'what was sent stays known after $name: the ledger is kept under another name, answers in flight included',
  async ({ replace }) => {
    const harness = makeHarness();
    const said: string[] = [];
    const log = pino({ level: 'warn' }, { write: (line) => said.push(JSON.parse(line).msg) });
    const ledger = await running(harness, log);
    await replace(harness);
    await expect(sendNext(ledger)).rejects.toThrow(DiskError);
    await ledger.reply({ call: 2, id: id(2), attempt: 1, ms: 1, http: 200 });
    await ledger[Symbol.asyncDispose]();
    const kept = [...harness.disk.files.keys()].find((path) => path.includes('.kept-')) ?? '';
    expect(kept).toMatch(/^\/ledgers\/a\.jsonl\.kept-[0-9a-f]{8}-1$/);
    expect(said).toEqual([expect.stringContaining(`is kept as ${kept}`)]);
    const { state, fault } = await readLedger(kept, harness.disk);
    expect(fault).toBeUndefined();
    expect([...state.actions.values()].slice(0, 2).map(({ last }) => last?.http)).toEqual([200, 200]);
  },
);

test.each(WAYS.filter(({ keeps }) => !keeps))('nothing is kept beside it after $name', async ({ replace }) => {
  const harness = makeHarness();
  const ledger = await running(harness);
  await replace(harness);
  await expect(sendNext(ledger)).rejects.toThrow(DiskError);
  await ledger[Symbol.asyncDispose]().catch(() => undefined);
  expect([...harness.disk.files.keys()].filter((path) => path.includes('.kept-'))).toEqual([]);
});

test.each(WAYS)('a session does not end well on a ledger that was replaced by $name', async ({ replace }) => {
  const harness = makeHarness();
  const ledger = await running(harness);
  await replace(harness);
  await expect(ledger.close('finished')).rejects.toThrow(DiskError);
});

test('a look at the file costs one question for all sends of 5 ms', async () => {
  const harness = makeHarness();
  const ledger = await running(harness);
  let questions = 0;
  harness.disk.stat = (path) => {
    if (path === PATH) questions++;
    return MemoryDisk.prototype.stat.call(harness.disk, path);
  };
  await Promise.all(Array.from({ length: 50 }, () => ledger.assertHeld()));
  expect(questions).toBe(1);
});

/** A plan of three actions and its head. */
async function planned(harness: Harness): Promise<string> {
  const ledger = await harness.open();
  ledger.beginIntake();
  for (let n = 1; n <= 3; n++) await ledger.admit({ id: id(n), line: n });
  await ledger.intake({ admitted: 3, rejected: 0, bytes: 111, sha256: 'ab'.repeat(32) });
  await ledger.close('planned');
  const head = await ledger.head();
  await ledger[Symbol.asyncDispose]();
  return head;
}

/** One more action, rightly chained: whoever can write a ledger can do that. */
function grow(harness: Harness, head: string): void {
  const seq = bytesOf(harness, PATH).toString().split('\n').length;
  const { line } = encodeLine(head, seq, '2026-03-01T12:00:00.000Z', 'admit', { id: id(99), line: 99 });
  rewrite(harness, Buffer.concat([bytesOf(harness, PATH), Buffer.from(line)]));
}

const MOMENTS = [
  {
    when: 'before its lock is taken',
    hook: (disk: MemoryDisk, act: () => void) => onCreate(disk, `${PATH}.lock`, act),
  },
  { when: 'once its lock is taken', hook: (disk: MemoryDisk, act: () => void) => onCreated(disk, `${PATH}.lock`, act) },
  { when: 'once it is open', hook: (disk: MemoryDisk, act: () => void) => onOpened(disk, act) },
  { when: 'once it is read', hook: (disk: MemoryDisk, act: () => void) => onRead(disk, act) },
] as const;

const CHANGES = [
  { what: 'grows by a rightly chained action', change: grow },
  {
    what: 'shrinks by its last line',
    change: (harness: Harness) => {
      const text = bytesOf(harness, PATH).toString();
      rewrite(harness, Buffer.from(text.slice(0, text.lastIndexOf('\n', text.length - 2) + 1)));
    },
  },
  {
    what: 'is swapped for a longer plan by rename',
    change: (harness: Harness, head: string) => {
      const own = harness.disk.files.get(PATH);
      put(harness, PATH, Buffer.from(bytesOf(harness, PATH)));
      grow(harness, head);
      if (own !== undefined) harness.disk.files.set('/ledgers/moved', own);
    },
  },
  { what: 'is removed', change: ({ disk }: Harness) => void disk.files.delete(PATH) },
] as const;

test.each(CHANGES.flatMap((change) => MOMENTS.map((moment) => ({ ...change, ...moment }))))(
  'a plan that $what $when is seen not to be the one that was reviewed, and gets no record',
  async ({ change, hook }) => {
    const harness = makeHarness();
    const head = await planned(harness);
    hook(harness.disk, () => change(harness, head));
    // As a run decides: by the head that was read under the lock.
    const session = async () => {
      await using held = await harness.store.hold({ name: PATH });
      if (held.found.head !== head) throw new UsageError('not the ledger that was reviewed');
      await held.begin({ open: OPEN });
    };
    await expect(session()).rejects.toMatchObject({ exitCode: expect.toBeOneOf([2, 11]) });
    expectNoSession(harness);
  },
);

test.each(CHANGES)('a plan that $what after it was read and before it is begun gets no record', async ({ change }) => {
  const harness = makeHarness();
  const head = await planned(harness);
  await using held = await harness.store.hold({ name: PATH, existing: 'existing' });
  expect(held.found.head).toBe(head);
  change(harness, head);
  await expect(held.begin({ open: OPEN })).rejects.toThrow(ChangedLedgerError);
  await held[Symbol.asyncDispose]();
  expectNoSession(harness);
});

/** Nor a lock that is left. */
function expectNoSession({ disk }: Harness): void {
  const text = [...disk.files.values()].map(({ bytes }) => bytes.toString()).join('');
  expect(text.match(/"kind":"open"/g)?.length ?? 0).toBeLessThanOrEqual(2);
  expect(text).not.toContain('"session":2');
  expect([...disk.files.keys()].filter((path) => path.endsWith('.lock'))).toEqual([]);
}

test('a ledger that somebody begins where there was none is not taken for a new one', async () => {
  const harness = makeHarness();
  await planned(harness);
  await expect(harness.open({ existing: 'none' })).rejects.toThrow(ChangedLedgerError);
  const empty = makeHarness();
  await (await empty.open({ existing: 'none' }))[Symbol.asyncDispose]();
});

test('a ledger that somebody begins where none is held yet, between reading and session, is left alone', async () => {
  const harness = makeHarness();
  await using held = await harness.store.hold({ name: PATH, existing: 'none' });
  put(harness, PATH, Buffer.from('somebody else\n'));
  await expect(held.begin({ open: OPEN })).rejects.toThrow(ChangedLedgerError);
  expect(bytesOf(harness, PATH).toString()).toBe('somebody else\n');
});

test.each(['a named pipe', 'a socket', 'a device', 'a folder'] as const)(
  'a ledger that is %s is refused, and no lock is made',
  async (kind) => {
    const harness = makeHarness();
    harness.disk.folders.add('/ledgers');
    harness.disk.place(PATH, kind);
    const refused = harness.open();
    await expect(refused).rejects.toThrow(UsageError);
    await expect(refused).rejects.toThrow(PATH);
    expect([...harness.disk.files.keys()]).toEqual([PATH]);
  },
);

test('a ledger with a second hard link is refused for a run and read for a report', async () => {
  const harness = makeHarness();
  await planned(harness);
  harness.disk.link(PATH, OTHER);
  for (const path of [PATH, OTHER]) {
    await expect(harness.open({ path })).rejects.toThrow(/has 2 names \(hard links\)/);
    await expect(harness.open({ path })).rejects.toThrow(UsageError);
    expect((await readLedger(path, harness.disk)).state.actions.size).toBe(3);
  }
  expect([...harness.disk.files.keys()].toSorted()).toEqual([PATH, OTHER]);
});

test('a ledger behind a symbolic link is locked and written where it really lies', async () => {
  const harness = makeHarness();
  await planned(harness);
  harness.disk.folders.add('/shortcuts');
  harness.disk.place('/shortcuts/latest.jsonl', 'a symbolic link', PATH);
  const ledger = await harness.open({ path: '/shortcuts/latest.jsonl' });
  expect(ledger.name).toBe(PATH);
  expect([...harness.disk.files.keys()]).toContain(`${PATH}.lock`);
  await expect(harness.open({ open: { ...OPEN, client: 'other' } })).rejects.toMatchObject({ exitCode: 11 });
  await ledger[Symbol.asyncDispose]();
  expect([...harness.disk.files.keys()].toSorted()).toEqual([PATH, '/shortcuts/latest.jsonl'].toSorted());
});

test.each([
  ['to nothing', '/ledgers/absent.jsonl', /leads to nothing/],
  ['in a circle', PATH, /ELOOP/],
])('a symbolic link %s is no ledger', async (_, target, says) => {
  const harness = makeHarness();
  harness.disk.folders.add('/ledgers');
  harness.disk.place(PATH, 'a symbolic link', target);
  await expect(harness.open()).rejects.toThrow(UsageError);
  await expect(harness.open()).rejects.toThrow(says);
  expect([...harness.disk.files.keys()]).toEqual([PATH]);
});

function onCreate(disk: MemoryDisk, path: string, act: () => void): void {
  disk.createExclusive = async (wanted, content) => {
    if (wanted === path) act();
    await MemoryDisk.prototype.createExclusive.call(disk, wanted, content);
  };
}

function onCreated(disk: MemoryDisk, path: string, act: () => void): void {
  disk.createExclusive = async (wanted, content) => {
    await MemoryDisk.prototype.createExclusive.call(disk, wanted, content);
    if (wanted === path) act();
  };
}

function onOpened(disk: MemoryDisk, act: () => void): void {
  disk.openAppend = async (path, create) => {
    const file = await MemoryDisk.prototype.openAppend.call(disk, path, create);
    act();
    return file;
  };
}

function onRead(disk: MemoryDisk, act: () => void): void {
  disk.chunks = async function* (file, offset) {
    yield* MemoryDisk.prototype.chunks.call(disk, file, offset);
    act();
  };
}
