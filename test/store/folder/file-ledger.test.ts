import { expect, test } from 'vitest';
import { DiskError, LockedError } from '../../../src/errors.ts';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { turn } from '../../support/clock/manual-clock.ts';
import { begin, id, makeHarness, PATH } from './harness.ts';

test('a durable record resolves only after its sync', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  const gate = withResolvers();
  disk.syncGate = gate.promise;
  let done = false;
  const call = ledger.intent({ route: 'list', ids: 100, attempt: 1 }).then(() => {
    done = true;
  });
  await turn();
  expect(done).toBe(false);
  gate.resolve();
  await call;
  expect(done).toBe(true);
});

test('concurrent durable records share their syncs', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  await begin(ledger, 100);
  const before = { syncs: disk.syncs, writes: disk.writes };
  const calls = await Promise.all(
    Array.from({ length: 100 }, (_, n) => ledger.intent({ route: 'cancel', id: id(n + 1), attempt: 1 })),
  );
  expect(calls).toEqual(Array.from({ length: 100 }, (_, n) => n + 1));
  expect(disk.syncs - before.syncs).toBe(1);
  expect(disk.writes - before.writes).toBe(1);
});

test('records that come while a sync is going on share the next one', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  const gate = withResolvers();
  disk.syncGate = gate.promise;
  const before = disk.syncs;
  const first = ledger.intent({ route: 'list', ids: 1, attempt: 1 });
  await turn();
  const others = [2, 3, 4].map((attempt) => ledger.intent({ route: 'list', ids: 1, attempt }));
  await turn();
  expect(disk.syncs - before).toBe(1);
  gate.resolve();
  await Promise.all([first, ...others]);
  expect(disk.syncs - before).toBe(2);
});

test('a record that need not be durable is written without a sync', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  const before = { syncs: disk.syncs, size: (await disk.stat(PATH))?.size ?? 0 };
  await ledger.pause({ until: '2026-01-01T00:00:00.000Z', reason: 'throttled' });
  await turn();
  expect(disk.syncs).toBe(before.syncs);
  expect((await disk.stat(PATH))?.size).toBeGreaterThan(before.size);
});

test('the rest of a short write is written, and the ledger stays whole', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  disk.trouble = { shortWriteBytes: 7 };
  await begin(ledger, 3);
  const { fault, records } = await readLedger(PATH, disk);
  expect({ fault, records }).toEqual({ fault: undefined, records: 6 });
});

test.each([
  ['a write that fails', { writeError: 'EIO' }, 'EIO'],
  ['a sync that fails', { syncError: 'EIO' }, 'EIO'],
  ['a disk that is full after a short write', { roomBytes: 50 }, 'ENOSPC'],
  ['a write that takes nothing', { shortWriteBytes: 0 }, 'nothing was written'],
])(
  '%s ends the ledger: everyone who waits and who comes later gets the error, and nothing is written any more',
  async (_, trouble, cause) => {
    const { disk, open } = makeHarness();
    const ledger = await open();
    await begin(ledger, 3);
    const before = (await disk.stat(PATH))?.size ?? 0;
    disk.trouble = trouble;
    const waiting = await Promise.allSettled(
      [1, 2].map((n) => ledger.intent({ route: 'cancel', id: id(n), attempt: 1 })),
    );
    const size = (await disk.stat(PATH))?.size;
    disk.trouble = {};
    const later = await Promise.allSettled([
      ledger.reply({ call: 1, ms: 1, http: 200 }),
      ledger.intent({ route: 'cancel', id: id(3), attempt: 1 }),
      ledger.outcome({ id: id(3), outcome: 'failed', attempts: 1 }),
      ledger.close('disk'),
      ledger.head(),
    ]);
    for (const each of [...waiting, ...later]) {
      expect(each.status).toBe('rejected');
      const { reason } = each as PromiseRejectedResult;
      expect(reason).toBeInstanceOf(DiskError);
      expect(reason.exitCode).toBe(6);
      expect(reason.message).toContain(PATH);
      expect(reason.message).toContain(cause);
    }
    await ledger[Symbol.asyncDispose]();
    expect((await disk.stat(PATH))?.size).toBe(size);
    // And the next session goes on from what is there.
    const again = await open();
    expect(again.state.sessions).toHaveLength(2);
    expect(again.state.actions.size).toBe(3);
    expect((await readLedger(PATH, disk)).fault).toBeUndefined();
    expect(before).toBeGreaterThan(0);
  },
);

test('a failure that nobody was told of comes out at the end, and the locks are released all the same', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  disk.trouble = { writeError: 'EIO' };
  await ledger.pause({ until: '2026-01-01T00:00:00.000Z', reason: 'throttled' });
  await turn();
  await expect(ledger[Symbol.asyncDispose]()).rejects.toThrow(DiskError);
  expect([...disk.files.keys()]).toEqual([PATH]);
});

test('a process that stood still past its lock writes nothing of what it still had in hand', async () => {
  const { disk, clock, open } = makeHarness();
  const ledger = await open();
  const size = (await disk.stat(PATH))?.size;
  const reply = ledger.intent({ route: 'list', ids: 1, attempt: 1 });
  clock.stand(55_000);
  await expect(reply).rejects.toThrow(LockedError);
  await expect(ledger.pause({ until: '2026-01-01T00:00:00.000Z', reason: 'throttled' })).rejects.toThrow(LockedError);
  await ledger[Symbol.asyncDispose]();
  expect((await disk.stat(PATH))?.size).toBe(size);
});

test('no cancel and no outcome is written before the reading has ended and the run has started', async () => {
  const { open } = makeHarness();
  const ledger = await open();
  const cancel = () => ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
  const outcome = () => ledger.outcome({ id: id(1), outcome: 'excluded', attempts: 0 });
  ledger.beginIntake();
  await ledger.admit({ id: id(1), line: 1 });
  await expect(cancel()).rejects.toThrow('before the reading');
  await ledger.intake({ admitted: 1, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
  await expect(cancel()).rejects.toThrow('the run had started');
  await expect(outcome()).rejects.toThrow('the run had started');
  expect(await ledger.intent({ route: 'list', ids: 1, attempt: 1 })).toBe(1);
  await ledger.start({ by: 'question', count: 1 });
  expect(await cancel()).toBe(2);
  await outcome();
});

test('close counts the outcomes, and head is the chain of the last line', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  await begin(ledger, 2);
  await ledger.outcome({ id: id(1), outcome: 'cancelled', attempts: 1 });
  await ledger.close('interrupted');
  const last = disk.files.get(PATH)?.bytes.toString().trimEnd().split('\n').at(-1) ?? '';
  expect(JSON.parse(last)).toMatchObject({ kind: 'close', reason: 'interrupted', counts: { cancelled: 1 } });
  expect(JSON.parse(last)).toMatchObject({ chain: await ledger.head() });
});

test('what was rejected is kept to its first hundred characters', async () => {
  const { disk, open } = makeHarness();
  const ledger = await open();
  await ledger.reject({ line: 1, reason: 'not-an-id', text: 'x'.repeat(1000) });
  await ledger[Symbol.asyncDispose]();
  expect(disk.files.get(PATH)?.bytes.toString()).toContain(`"text":"${'x'.repeat(100)}"`);
});

test('a row is admitted once, known in a later reading, and repeated within one', async () => {
  const { open } = makeHarness();
  const ledger = await open();
  ledger.beginIntake();
  expect(await ledger.admit({ id: id(1), line: 1 })).toBe('admitted');
  expect(await ledger.admit({ id: id(1), line: 2 })).toBe('repeated');
  expect(await ledger.admit({ id: id(2), line: 3 })).toBe('admitted');
  await ledger.intake({ admitted: 2, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
  expect([...ledger.state.missing()]).toEqual([]);
  ledger.beginIntake();
  expect(await ledger.admit({ id: id(2), line: 1 })).toBe('known');
  expect(await ledger.admit({ id: id(2), line: 2 })).toBe('repeated');
  await ledger.intake({ admitted: 0, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
  expect([...ledger.state.missing()].map((action) => action.id)).toEqual([id(1)]);
});

function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((done) => {
    resolve = done;
  });
  return { promise, resolve };
}
