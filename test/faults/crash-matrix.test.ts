import { stat, truncate } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import { COMMENT, type Harness, id, ids, only, open, openHarness } from '../support/harness.ts';
import { expectOrderlyEnd } from './after-kill.ts';
import { isMoment, type Moment } from './moments.ts';
import { need } from './needs.ts';
import { type TracedCommand, traceCommand } from './traced-command.ts';

/**
 * SIGKILL at every step of one action's life. The moments are found from outside: strace shows the records as they are written and holds the
 * process at the entry or the exit of the system call until it is dead; the sandbox shows the calls as they come. A call that is killed
 * at its entry is not executed.
 */
const LEDGER = 'ledgers/one.jsonl';
/** How long each call is held at its entry and at its exit. A busy machine may need longer to kill: then it is tried once more. */
const HOLDS_MS = [120, 500, 2000];
const A_CALL = id(1);

const CANCEL_INTENT = /"kind":"intent","call":\d+,"route":"cancel"/;
const OUTCOME = /"kind":"outcome"/;
const CANCEL_SEND = /POST [^ ]*\/cancel/;

/** What is there once the process is dead. `some`: more than none and fewer than all. */
interface Traces {
  admits: number | 'some';
  intakes: number;
  starts: number;
  /** Intents of cancels in the ledger, and replies to them. */
  intents: number;
  replies: number;
  outcomes: number;
  closes: number;
  /** Cancels that the server got, and answered. */
  sent: number;
  answered: number;
}

interface Point {
  name: string;
  moment: Moment;
  /** Shows that the kill fell there and nowhere else. */
  left: Partial<Traces>;
  /** How many actions; all but the first are over already. @default 1 */
  count?: number;
}

const POINTS: readonly Point[] = [
  {
    name: 'in the middle of intake',
    moment: { edge: 'entry', call: 'write', of: /"kind":"admit"/, nth: 2 },
    left: { admits: 'some', intakes: 0 },
    count: 4000,
  },
  {
    name: 'before the end of intake is written',
    moment: { edge: 'entry', call: 'write', of: /"kind":"intake"/ },
    left: { admits: 1, intakes: 0 },
  },
  {
    name: 'between intake and start',
    moment: { edge: 'exit', call: 'fdatasync', of: /"kind":"intake"/ },
    left: { intakes: 1, starts: 0 },
  },
  {
    name: 'before the start is written',
    moment: { edge: 'entry', call: 'write', of: /"kind":"start"/ },
    left: { intakes: 1, starts: 0 },
  },
  {
    name: 'after the sync of the start',
    moment: { edge: 'exit', call: 'fdatasync', of: /"kind":"start"/ },
    left: { starts: 1, intents: 0, sent: 0 },
  },
  {
    name: 'before the write of the intent',
    moment: { edge: 'entry', call: 'write', of: CANCEL_INTENT },
    left: { starts: 1, intents: 0, sent: 0 },
  },
  {
    name: 'after the write of the intent',
    moment: { edge: 'exit', call: 'write', of: CANCEL_INTENT },
    left: { intents: 1, sent: 0 },
  },
  {
    name: 'before the sync of the intent',
    moment: { edge: 'entry', call: 'fdatasync', of: CANCEL_INTENT },
    left: { intents: 1, sent: 0 },
  },
  {
    name: 'after the sync of the intent',
    moment: { edge: 'exit', call: 'fdatasync', of: CANCEL_INTENT },
    left: { intents: 1, sent: 0 },
  },
  {
    name: 'before the send',
    moment: { edge: 'entry', call: 'writev', of: CANCEL_SEND },
    left: { intents: 1, sent: 0 },
  },
  {
    name: 'after the send',
    moment: { edge: 'exit', call: 'writev', of: CANCEL_SEND },
    left: { intents: 1, sent: 1, replies: 0 },
  },
  {
    name: 'before the write of the reply',
    moment: { edge: 'entry', call: 'write', of: /"kind":"reply"/, after: CANCEL_INTENT },
    left: { sent: 1, answered: 1, replies: 0 },
  },
  {
    name: 'after the write of the reply',
    moment: { edge: 'exit', call: 'write', of: /"kind":"reply"/, after: CANCEL_INTENT },
    left: { answered: 1, replies: 1, outcomes: 0 },
  },
  {
    name: 'before the write of the outcome',
    moment: { edge: 'entry', call: 'write', of: OUTCOME },
    left: { replies: 1, outcomes: 0 },
  },
  {
    name: 'after the write of the outcome',
    moment: { edge: 'exit', call: 'write', of: OUTCOME },
    left: { outcomes: 1, closes: 0 },
  },
  {
    name: 'before the sync of the outcome',
    moment: { edge: 'entry', call: 'fdatasync', of: OUTCOME },
    left: { outcomes: 1, closes: 0 },
  },
  {
    name: 'after the sync of the outcome',
    moment: { edge: 'exit', call: 'fdatasync', of: OUTCOME },
    left: { outcomes: 1, closes: 0 },
  },
  {
    name: 'before the close is written',
    moment: { edge: 'entry', call: 'write', of: /"kind":"close"/ },
    left: { outcomes: 1, closes: 0 },
  },
  {
    name: 'after the sync of the close',
    moment: { edge: 'exit', call: 'fdatasync', of: /"kind":"close"/ },
    left: { outcomes: 1, closes: 1 },
  },
];

/** Where bytes are written that no sync has covered. */
const UNSYNCED = POINTS.filter(({ name }) => /^(before the sync|after the write) of the /.test(name));

describe('killed', () => {
  test.concurrent.for(POINTS)('a run killed $name goes on and does nothing twice', async (point, context) => {
    need(context, 'strace');
    const { count = 1 } = point;
    await using killed = await killedAt(point);
    const { harness } = killed;
    await expectOrderlyEnd(harness, 'ids.txt', LEDGER, ids(count));
  });

  test.concurrent('a run killed after the call took effect and before its answer goes on and does nothing twice', async (context) => {
    need(context, 'strace');
    await using harness = await harnessOf(1);
    harness.sandbox.faults.next({ kind: 'slow', headersMs: 60_000 }, { route: 'cancel' });
    await using command = start(harness, 'write', 0);
    await harness.sandbox.log.until((log) => log.effects(A_CALL) === 1);
    await dead(command);
    expect(await traces(harness, 1)).toMatchObject({ intents: 1, sent: 1, answered: 0, replies: 0 });
    await expectOrderlyEnd(harness, 'ids.txt', LEDGER, ids(1));
  });

  test.concurrent('a run killed with the answer in the socket and not read goes on and does nothing twice', async (context) => {
    need(context, 'strace');
    await using harness = await harnessOf(1);
    harness.sandbox.faults.next({ kind: 'slow', headersMs: 500 }, { route: 'cancel' });
    await using command = start(harness, 'write', 0);
    await harness.sandbox.log.until((log) => log.effects(A_CALL) === 1);
    command.kill('SIGSTOP');
    await harness.sandbox.log.until((log) => log.of(A_CALL, 'cancel')[0]?.answeredMs !== undefined);
    await dead(command);
    expect(await traces(harness, 1)).toMatchObject({ intents: 1, sent: 1, answered: 1, replies: 0 });
    await expectOrderlyEnd(harness, 'ids.txt', LEDGER, ids(1));
  });
});

describe('killed together with the machine, which loses all that was not synced but the beginning of a line,', () => {
  test.concurrent.for(UNSYNCED)(
    'a run killed with its machine $name goes on and does nothing twice',
    async (point, context) => {
      need(context, 'strace');
      await using killed = await killedAt(point);
      const { harness, command } = killed;
      const { size } = await stat(harness.path(LEDGER));
      expect(command.syncedBytes).toBeGreaterThan(0);
      expect(size).toBeGreaterThan(command.syncedBytes + 40);
      await truncate(harness.path(LEDGER), command.syncedBytes + 40);
      await expectOrderlyEnd(harness, 'ids.txt', LEDGER, ids(1));
    },
  );
});

async function harnessOf(count: number): Promise<Harness> {
  const over = ids(count - 1, 2).map((each) => ({ id: each, status: 'Succeeded', type: 'RunAntiVirusScan' }));
  const harness = await openHarness({ actions: [...open(1), ...over] });
  await harness.file('ids.txt', ids(count));
  return harness;
}

/** Holds the command at each of these calls: those on the ledger, or those to sockets. */
function start(harness: Harness, call: Moment['call'], holdMs: number): TracedCommand {
  const calls = call === 'writev' ? 'writev' : 'write,fdatasync';
  return traceCommand(['run', 'ids.txt', ...COMMENT, '--yes', '--ledger', LEDGER], {
    cwd: harness.folder,
    env: harness.env,
    calls,
    ...(holdMs === 0 ? {} : { inject: `${calls}:delay_enter=${holdMs}000:delay_exit=${holdMs}000` }),
    ...(call === 'writev' ? {} : { path: harness.path(LEDGER) }),
  });
}

interface Killed extends AsyncDisposable {
  harness: Harness;
  command: TracedCommand;
}

/** Kills a run at this point; fails when it was not hit. */
async function killedAt({ moment, left, count = 1 }: Point): Promise<Killed> {
  for (const holdMs of HOLDS_MS) {
    const harness = await harnessOf(count);
    const command = start(harness, moment.call, holdMs);
    await command.until(isMoment(moment));
    await dead(command);
    // What a socket was given arrives, whatever becomes of the sender.
    if (left.sent === 1) await harness.sandbox.log.until((log) => log.count('cancel') === 1);
    const found = await traces(harness, count);
    const wanted = expect.objectContaining(left);
    if (wanted.asymmetricMatch(found))
      return { harness, command, [Symbol.asyncDispose]: () => harness[Symbol.asyncDispose]() };
    await harness[Symbol.asyncDispose]();
    if (holdMs === HOLDS_MS.at(-1)) expect(found).toEqual(wanted);
  }
  throw new Error('it was not killed');
}

async function dead(command: TracedCommand): Promise<void> {
  command.kill('SIGKILL');
  expect((await command.ended).signal).toBe('SIGKILL');
}

async function traces(harness: Harness, count: number): Promise<Traces> {
  const records = await harness.records(LEDGER);
  const admits = only(records, 'admit').length;
  const intents = only(records, 'intent').filter(({ route }) => route === 'cancel');
  const called = new Set(intents.map(({ call }) => call));
  const sent = harness.sandbox.log.entries.filter(({ route }) => route === 'cancel');
  return {
    admits: admits > 0 && admits < count ? 'some' : admits,
    intakes: only(records, 'intake').length,
    starts: only(records, 'start').length,
    intents: intents.length,
    replies: only(records, 'reply').filter(({ call }) => called.has(call)).length,
    outcomes: only(records, 'outcome').length,
    closes: only(records, 'close').length,
    sent: sent.length,
    answered: sent.filter(({ answeredMs }) => answeredMs !== undefined).length,
  };
}
