import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CountermandError } from '../../src/errors.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { checkLedger, readLedger } from '../../src/ledger/read-ledger.ts';
import { silentLog } from '../../src/log.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import type { OpenRun, Store } from '../../src/store/store.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

/** A place to keep ledgers in, and processes that work there. */
export interface StorePlace extends AsyncDisposable {
  /** The name of a run, by a word that is a good file name. */
  name(word: string): string;
  /** What holds all runs of {@link StorePlace.name}. */
  readonly all: string;
  /** The store as one more process has it. */
  process(): StoreProcess | Promise<StoreProcess>;
  /** The store as one more process has it that may remove what others have written. */
  owner(): StoreProcess | Promise<StoreProcess>;
  /** Changes the bytes of a ledger by hand; not every store lets a hand do that. */
  tamper: ((name: string, change: (bytes: Buffer) => Buffer) => Promise<void>) | undefined;
  /** Whether one application sends through one run at a time. */
  readonly oneSender: boolean;
}

export interface StoreProcess {
  store: Store;
  /** It is gone, without a word to anybody, and for so long that others may know it. */
  kill(): void | Promise<void>;
}

const OPEN = {
  tool: 'countermand 1.0.0',
  tenant: '11111111-1111-4111-8111-111111111111',
  client: '22222222-2222-4222-8222-222222222222',
  api: 'https://api.example.com',
  job: FROZEN_JOB,
};
const OTHER_CLIENT = '33333333-3333-4333-8333-333333333333';
const QUOTA = { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' as const };

function id(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

/** What every store promises, whatever it keeps its ledgers in. */
export function storeSuite(what: string, make: () => Promise<StorePlace>): void {
  describe(what, () => {
    let place: StorePlace;
    let one: StoreProcess;
    let two: StoreProcess;
    beforeEach(async () => {
      place = await make();
      one = await place.process();
      two = await place.process();
    });
    afterEach(() => place[Symbol.asyncDispose]());

    const open = ({ store }: StoreProcess, word: string, more: Partial<OpenRun> = {}) =>
      store.open({ name: place.name(word), open: OPEN, ...more });
    const written = async (word: string, work: (ledger: Ledger) => Promise<void> = begin) => {
      await using ledger = await open(one, word);
      await work(ledger);
      return await ledger.head();
    };
    const bytesOf = async ({ store }: StoreProcess, word: string) => {
      const chunks: Buffer[] = [];
      for await (const chunk of store.read(place.name(word))) chunks.push(Buffer.from(chunk));
      return Buffer.concat(chunks);
    };

    test('a store keeps what was written, byte for byte, and says how much it is', async () => {
      const head = await written('a');
      const bytes = await bytesOf(two, 'a');
      expect(await two.store.stat(place.name('a'))).toEqual({ size: bytes.length, unfit: undefined });
      const checked = await checkLedger(place.name('a'), two.store, head);
      expect(checked).toMatchObject({ fault: undefined, tornBytes: 0, headFound: { kind: 'last' } });
      expect(bytes.toString().split('\n')).toHaveLength(checked.records + 1);
      const fromThere: Buffer[] = [];
      for await (const chunk of two.store.read(place.name('a'), 100)) fromThere.push(Buffer.from(chunk));
      expect(Buffer.concat(fromThere)).toEqual(bytes.subarray(100));
    });

    test('a store knows nothing of a name that nobody has used, and reads nothing from it', async () => {
      expect(await one.store.stat(place.name('none'))).toBeUndefined();
      await expect(readLedger(place.name('none'), one.store)).rejects.toMatchObject({ exitCode: 2 });
      await expect(open(one, 'none', { existing: 'existing' })).rejects.toMatchObject({ exitCode: 2 });
      expect(await one.store.stat(place.name('none'))).toBeUndefined();
    });

    test('a store gives a run to one process at a time, and shows what is durable to everybody meanwhile', async () => {
      const ledger = await open(one, 'a');
      await begin(ledger);
      await expect(open(two, 'a', { open: { ...OPEN, client: OTHER_CLIENT } })).rejects.toMatchObject({ exitCode: 11 });
      const { state } = await readLedger(place.name('a'), two.store);
      expect([...state.actions.keys()]).toEqual([id(1), id(2)]);
      await ledger.assertHeld();
      await ledger[Symbol.asyncDispose]();
      await using next = await open(two, 'a');
      expect(next.state.sessions).toHaveLength(2);
      expect(next.state.run).toBe(state.run);
    });

    test('a store gives the run of a process that is gone to the next, which goes on behind its last durable record', async () => {
      const ledger = await open(one, 'a');
      await begin(ledger);
      const call = await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
      await one.kill();
      await using next = await open(two, 'a');
      expect(next.state.lastCall).toBe(call);
      expect(next.state.actions.get(id(1))?.last).toMatchObject({ call, repliedAtMs: undefined });
      await next.close('interrupted');
      expect((await checkLedger(place.name('a'), two.store)).fault).toBeUndefined();
    });

    test('a store begins no session on another tenant or another service than the run is of', async () => {
      await written('a');
      const before = await bytesOf(one, 'a');
      const tenant = '44444444-4444-4444-8444-444444444444';
      for (const other of [{ tenant }, { api: 'https://other.example.com' }]) {
        await expect(open(two, 'a', { open: { ...OPEN, ...other } })).rejects.toMatchObject({ exitCode: 2 });
      }
      expect(await bytesOf(one, 'a')).toEqual(before);
    });

    test('a store holds a session to the head by which it was decided, and writes nothing where it is another', async () => {
      const head = await written('a');
      await written('a', (ledger) => ledger.close('interrupted'));
      const before = await bytesOf(one, 'a');
      await expect(open(two, 'a', { head })).rejects.toMatchObject({ exitCode: 11 });
      await expect(open(two, 'b', { head })).rejects.toBeInstanceOf(CountermandError);
      expect(await bytesOf(one, 'a')).toEqual(before);
    });

    test('a store puts a plan in the place of a plan, and refuses one in the place of a run', async () => {
      await written('a', async (ledger) => {
        await admit(ledger);
        await ledger.close('planned');
      });
      {
        await using anew = await open(two, 'a', { existing: 'plan' });
        expect(anew.state).toMatchObject({ lastSeq: 1, intake: undefined });
        await begin(anew);
      }
      await expect(open(one, 'a', { existing: 'plan' })).rejects.toMatchObject({ exitCode: 2 });
    });

    test('a store finds the earlier ledgers of a stamped series, the newest first, and no others', async () => {
      for (const word of ['night-20260102T020000Z', 'night-20260101T020000Z', 'day-20260101T020000Z', 'night']) {
        await written(word, admit);
      }
      await written('night-20260102T030000Z.plan', admit);
      const found = await one.store.series(place.name('night-20260103T020000Z'));
      expect(found.map(({ name, instead }) => [name, instead])).toEqual([
        [place.name('night-20260102T020000Z'), undefined],
        [place.name('night-20260101T020000Z'), undefined],
      ]);
      expect(await one.store.series(place.name('night'))).toEqual([]);
    });

    test('a store lists the ledgers of a place by name, each with a version that changes when it is written to', async () => {
      const { all } = place;
      expect((await one.store.list(all)) ?? []).toEqual([]);
      for (const word of ['b', 'a']) await written(word, admit);
      const before = (await two.store.list(all)) ?? [];
      expect(before.map(({ name, instead }) => [name, instead])).toEqual([
        [place.name('a'), undefined],
        [place.name('b'), undefined],
      ]);
      expect(await two.store.list(all)).toEqual(before);
      await written('a', (ledger) => ledger.close('interrupted'));
      const after = (await two.store.list(all)) ?? [];
      expect(after[0]?.version).not.toBe(before[0]?.version);
      expect(after[1]).toEqual(before[1]);
      expect(await two.store.list(place.name('a'))).toEqual([after[0]]);
      expect(await two.store.list(place.name('none'))).toBeUndefined();
    });

    test('a store says who works on a run, and that nobody does once they have ended or are gone', async () => {
      expect(await two.store.holder(place.name('a'))).toBeUndefined();
      {
        await using _ledger = await open(one, 'a');
        const holder = await two.store.holder(place.name('a'));
        expect(holder).toEqual({ pid: expect.any(Number), host: expect.any(String), since: expect.any(String) });
        expect(new Date(holder?.since ?? '').toISOString()).toBe(holder?.since);
        expect(await one.store.holder(place.name('a'))).toEqual(holder);
      }
      expect(await two.store.holder(place.name('a'))).toBeUndefined();
      await open(one, 'a');
      expect(await two.store.holder(place.name('a'))).toBeDefined();
      await one.kill();
      expect(await two.store.holder(place.name('a'))).toBeUndefined();
    });

    test('a store removes what nobody has a reason to keep, and waits for no holder', async () => {
      await written('a');
      const name = place.name('a');
      const { store: owner } = await place.owner();
      expect(await owner.remove(name, () => 'somebody wants it')).toEqual({ kept: 'somebody wants it' });
      expect(await one.store.stat(name)).toBeDefined();
      {
        await using _ledger = await open(two, 'a');
        await expect(owner.remove(name, () => undefined)).rejects.toMatchObject({ exitCode: 11 });
      }
      const { removed } = (await owner.remove(name, () => undefined)) as { removed: { records: number } };
      expect(removed.records).toBeGreaterThan(3);
      expect(await two.store.stat(name)).toBeUndefined();
    });

    test('a store fills a quota with what this run and its neighbours of the same sender have called', async () => {
      await written('a', (ledger) => call(one, ledger, 3));
      {
        const sender = { ...OPEN, client: OTHER_CLIENT };
        await using other = await open(one, 'b', { open: sender });
        await call(one, other, 50, sender);
      }
      await written('c', (ledger) => call(one, ledger, 4));
      await using ledger = await open(two, 'a');
      await call(two, ledger, 5);
      const quota = await two.store.quota(OPEN, QUOTA, { ledger, log: silentLog });
      expect(quota.left().map(({ left }) => left)).toEqual([88, 1488]);
      // Where the quota is not the store's own, it is filled from ledgers alone.
      const others = await one.store.quota(OPEN, QUOTA, { log: silentLog });
      expect(others.left().map(({ left }) => left)).toEqual(place.oneSender ? [100, 1500] : [88, 1488]);
    });

    test('a store lets one run at a time send as one application, where it keeps one sender', async () => {
      await using first = await open(one, 'a');
      const second = open(two, 'b');
      if (!place.oneSender) {
        await using _ledger = await second;
        return;
      }
      await expect(second).rejects.toMatchObject({ exitCode: 11 });
      const sender = { ...OPEN, client: OTHER_CLIENT };
      await one.store.quota(sender, QUOTA, { ledger: first, log: silentLog });
      await expect(open(two, 'b', { open: sender })).rejects.toMatchObject({ exitCode: 11 });
      expect(await two.store.check(place.name('b'), sender)).toMatchObject({ level: 'warning' });
    });

    test('a store says that a run could begin where nothing is in its way', async () => {
      // A server that forgets on purpose, as a quick one of the tests does, is warned of.
      expect((await one.store.check(place.name('a'), OPEN)).level).not.toBe('wrong');
      expect(await one.store.stat(place.name('a'))).toBeUndefined();
    });

    test('a store begins no session on damage, and leaves it as it is', async () => {
      await written('a');
      if (place.tamper === undefined) return;
      await place.tamper(place.name('a'), (bytes) => Buffer.from(bytes.toString().replace('"line":1', '"line":7')));
      const before = await bytesOf(one, 'a');
      await expect(open(two, 'a')).rejects.toMatchObject({ exitCode: 12 });
      const { store: owner } = await place.owner();
      await expect(owner.remove(place.name('a'), () => undefined)).rejects.toMatchObject({ exitCode: 12 });
      expect(await bytesOf(one, 'a')).toEqual(before);
    });
  });
}

async function admit(ledger: Ledger): Promise<void> {
  ledger.beginIntake();
  for (const n of [1, 2]) await ledger.admit({ id: id(n), line: n });
  await ledger.intake({ admitted: 2, rejected: 0, bytes: 74, sha256: 'ab'.repeat(32) });
}

async function begin(ledger: Ledger): Promise<void> {
  await admit(ledger);
  await ledger.start({ by: 'yes', count: 2 });
}

/** Makes calls as a run does. */
async function call({ store }: StoreProcess, ledger: Ledger, count: number, sender = OPEN): Promise<void> {
  const quota = await store.quota(sender, QUOTA, { ledger, log: silentLog });
  for (let n = 0; n < count; n++) {
    const slot = await quota.take('list');
    const number = await ledger.intent({ route: 'list', ids: 100, attempt: 1 });
    await ledger.reply({ call: number, ms: 1, http: 200 });
    slot.settle();
  }
}
