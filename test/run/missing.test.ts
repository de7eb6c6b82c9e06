import { beforeEach, describe, expect, test } from 'vitest';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { decideMissing } from '../../src/run/approve.ts';
import type { Console } from '../../src/run/console.ts';
import { begin, id, makeHarness } from '../store/folder/harness.ts';

/** Four actions were approved; the first was called, and the source now names only the fourth. */
let ledger: Ledger;
beforeEach(async () => {
  ledger = await makeHarness().open();
  await begin(ledger, 4);
  await ledger.intent({ route: 'cancel', id: id(1), attempt: 1 });
  ledger.beginIntake();
  await ledger.admit({ id: id(4), line: 1 });
  await ledger.intake({ admitted: 0, rejected: 0, bytes: 37, sha256: 'cd'.repeat(32) });
});

/** Somebody at a terminal who answers so, one question after the other. */
type Asker = Pick<Console, 'canAsk' | 'ask'>;

function person(...answers: boolean[]): Asker & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    canAsk: () => true,
    ask: (question) => {
      asked.push(question);
      return Promise.resolve(answers.shift() ?? false);
    },
  };
}

const nobody: Asker = { canAsk: () => false, ask: () => Promise.reject(new Error('nobody is there')) };
const { signal } = new AbortController();
const idsOf = async (deciding: ReturnType<typeof decideMissing>) => (await deciding).map((action) => action.id);

describe('open actions that the source no longer names', () => {
  test('open actions that the source no longer names are left alone when the person says so, but for what was called already', async () => {
    const asker = person(true);
    expect(await idsOf(decideMissing(ledger, undefined, asker, signal))).toEqual([id(2), id(3)]);
    expect(asker.asked).toEqual(['2 open actions are no longer in the source. Skip them?']);
  });

  test('open actions that the source no longer names are cancelled all the same after a no and a yes', async () => {
    const asker = person(false, true);
    expect(await idsOf(decideMissing(ledger, undefined, asker, signal))).toEqual([]);
    expect(asker.asked.at(-1)).toBe('Cancel them anyway?');
  });

  test('open actions that the source no longer names stop the run after two noes, with nothing sent', async () => {
    await expect(decideMissing(ledger, undefined, person(false, false), signal)).rejects.toThrow(/nothing was sent/);
  });

  test('open actions that the source no longer names stop the run where nobody can be asked, which names both flags', async () => {
    await expect(decideMissing(ledger, undefined, nobody, signal)).rejects.toThrow(
      /--withdraw-missing .* --keep-missing/,
    );
  });

  test('open actions that the source no longer names are not asked about where a flag says it', async () => {
    expect(await idsOf(decideMissing(ledger, 'withdraw', nobody, signal))).toEqual([id(2), id(3)]);
    expect(await idsOf(decideMissing(ledger, 'keep', nobody, signal))).toEqual([]);
  });

  test('an answer that was interrupted is none', async () => {
    const stop = new AbortController();
    const asker: Asker = {
      canAsk: () => true,
      ask: () => {
        stop.abort(new Error('interrupted'));
        return Promise.resolve(false);
      },
    };
    await expect(decideMissing(ledger, undefined, asker, stop.signal)).rejects.toThrow('interrupted');
  });
});
