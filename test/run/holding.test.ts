import { randomUUID } from 'node:crypto';
import { EventEmitter } from 'node:events';
import { beforeEach, describe, expect, test } from 'vitest';
import { listenForInterrupts, type ProcessInterrupts } from '../../src/cli/terminal/interrupts.ts';
import { silentLog } from '../../src/log.ts';
import { type Holding, makeHolding } from '../../src/run/holding.ts';
import { FolderStore } from '../../src/store/folder/folder-store.ts';
import { begin, type Harness, machine, makeHarness, OPEN, PATH } from '../store/folder/harness.ts';
import { turn } from '../support/clock/manual-clock.ts';

let harness: Harness;
let signals: EventEmitter;
let interrupts: ProcessInterrupts;
let said: string[];
let holding: Holding;
beforeEach(() => {
  harness = makeHarness();
  signals = new EventEmitter();
  interrupts = listenForInterrupts(Object.assign(signals, { platform: 'linux' as const }), () => {});
  said = [];
  const { store, clock } = harness;
  holding = makeHolding({
    store,
    clock,
    interrupts,
    uuid: randomUUID,
    log: silentLog,
    say: (output) => void said.push(String(output)),
  });
});

/** A run of two actions that is not finished; returns its bytes. */
async function interrupted(): Promise<string> {
  const ledger = await harness.open();
  await begin(ledger, 2);
  await ledger.close('interrupted');
  await ledger[Symbol.asyncDispose]();
  return text();
}

const text = () => harness.disk.files.get(PATH)?.bytes.toString() ?? '';
const locks = () => [...harness.disk.files.keys()].filter((path) => path.endsWith('.lock'));

describe('what a session holds before it is begun', () => {
  test('what a session holds is given back as it was, where nothing is begun', async () => {
    const before = await interrupted();
    {
      await using holds = holding;
      const { found } = await holds.hold({ name: PATH, existing: 'existing' });
      expect(found.state.leftCount).toBe(2);
      expect(locks()).toHaveLength(1);
    }
    expect({ text: text(), locks: locks() }).toEqual({ text: before, locks: [] });
  });

  test('what a session holds is one ledger: another one is taken for it, and a new one right before it is begun', async () => {
    await interrupted();
    await holding.hold({ name: PATH });
    await expect(holding.begin('/ledgers/new.jsonl', { open: OPEN })).rejects.toThrow(`while ${PATH} is held`);
    await holding.giveBack();
    expect(locks()).toEqual([]);
    const ledger = await holding.begin('/ledgers/new.jsonl', { open: OPEN });
    expect(locks()).toEqual(expect.arrayContaining(['/ledgers/new.jsonl.lock']));
    await ledger[Symbol.asyncDispose]();
    await holding[Symbol.asyncDispose]();
    expect(locks()).toEqual([]);
  });

  test.each(['SIGINT', 'SIGTERM'] as const)(
    'what a session holds is given back at once by %s, whatever was waited for, and nothing was sent',
    async (signal) => {
      const before = await interrupted();
      await holding.hold({ name: PATH });
      // A sign-in that takes its time.
      const waiting = holding.orInterrupted(new Promise<never>(() => {}));
      signals.emit(signal);
      await expect(waiting).rejects.toThrow(`stopped by ${signal}: nothing was sent`);
      await expect(holding.begin(PATH, { open: OPEN })).rejects.toThrow('nothing was sent');
      await holding[Symbol.asyncDispose]();
      expect({ text: text(), locks: locks() }).toEqual({ text: before, locks: [] });
      expect(said.join('')).toContain(`${signal}: stopping`);
      expect(holding.stop.reason).toMatchObject({ close: 'interrupted', signal });
    },
  );

  test('what a session waits for, the lock of another host, is waited for no longer after a signal', async () => {
    const before = await interrupted();
    const { disk, clock } = harness;
    const far = new FolderStore({ disk, clock, log: silentLog, processes: machine(9, undefined, 'elsewhere') });
    await using _other = await far.hold({ name: PATH });
    const waiting = holding.hold({ name: PATH });
    while (said.length === 0) await turn();
    expect(said[0]).toMatch(/^waiting until .* held by process 9 on elsewhere/);
    signals.emit('SIGINT');
    await expect(waiting).rejects.toMatchObject({ exitCode: 130 });
    await holding[Symbol.asyncDispose]();
    expect(text()).toBe(before);
    expect(locks()).toHaveLength(1);
  });

  test('what a session takes from a disk that does not answer is given up two seconds after a signal, and given back once it answers', async () => {
    await interrupted();
    const { disk, clock } = harness;
    let answer = () => {};
    const { openAppend } = disk;
    const asked = new Promise<void>((resolve) => {
      disk.openAppend = async (...args) => {
        resolve();
        await new Promise<void>((open) => {
          answer = open;
        });
        return openAppend.apply(disk, args);
      };
    });
    const taken = holding.hold({ name: PATH });
    const given = expect(taken).rejects.toMatchObject({ exitCode: 130 });
    await asked;
    signals.emit('SIGINT');
    await turn();
    await clock.advance(2000);
    await given;
    await holding[Symbol.asyncDispose]();
    answer();
    while (locks().length > 0) await turn();
  });

  test('what a session has not taken yet holds up no signal: the command ends where it stands', async () => {
    const command = interrupts.orInterrupted(new Promise<never>(() => {}));
    signals.emit('SIGTERM');
    await expect(command).rejects.toMatchObject({ exitCode: 143 });
    await expect(holding.hold({ name: PATH })).rejects.toMatchObject({ exitCode: 143 });
    expect(locks()).toEqual([]);
  });
});
