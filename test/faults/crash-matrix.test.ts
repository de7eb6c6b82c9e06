import { truncate } from 'node:fs/promises';
import { describe, expect, test } from 'vitest';
import type { LedgerRecord, RecordKind } from '../../src/ledger/record.ts';
import { COMMENT, id, ids, only, open, type Stage, type StageOptions, setStage } from '../e2e/stage.ts';
import { expectOrderlyEnd } from './after-kill.ts';
import { need } from './needs.ts';
import type { SystemCall } from './trace-reader.ts';
import { HOLD_US, type TracedCommand, traceCommand } from './traced-command.ts';

/**
 * SIGKILL at every step of one action's life. The moments are found from outside: strace shows the records as they are written, the sandbox
 * shows the calls as they come, and strace holds the process at the entry or the exit of the system call until it is dead. A call that
 * is killed at its entry is not executed.
 */
const LEDGER = 'ledgers/one.jsonl';
const A_CALL = id(1);

/** What is there once the process is dead. */
interface Remains {
  records: readonly LedgerRecord[];
  stage: Stage;
}

interface Point {
  name: string;
  /** Which calls are traced: the ledger's own, or what goes to sockets. */
  on: 'ledger' | 'wire';
  at: (call: SystemCall) => boolean;
  /** Shows that the kill fell there and nowhere else. */
  hit: (remains: Remains) => void;
  /** How many actions; all but the first are over already. @default 1 */
  count?: number;
}

const POINTS: readonly Point[] = [
  {
    name: 'in the middle of intake',
    on: 'ledger',
    count: 4000,
    at: nth(2, entry('write', /"kind":"admit"/)),
    hit: has({ admit: 'some', intake: 0 }),
  },
  {
    name: 'before the end of intake is written',
    on: 'ledger',
    at: entry('write', /"kind":"intake"/),
    hit: has({ admit: 1, intake: 0 }),
  },
  {
    name: 'between intake and start',
    on: 'ledger',
    at: exit('fdatasync', /"kind":"intake"/),
    hit: has({ intake: 1, start: 0 }),
  },
  {
    name: 'before the start is written',
    on: 'ledger',
    at: entry('write', /"kind":"start"/),
    hit: has({ reply: 1, start: 0 }),
  },
  {
    name: 'after the sync of the start',
    on: 'ledger',
    at: exit('fdatasync', /"kind":"start"/),
    hit: has({ start: 1, cancel: 0 }),
  },
  {
    name: 'before the write of the intent',
    on: 'ledger',
    at: entry('write', CANCEL_INTENT()),
    hit: has({ start: 1, cancel: 0, sent: 0 }),
  },
  {
    name: 'after the write of the intent',
    on: 'ledger',
    at: exit('write', CANCEL_INTENT()),
    hit: has({ cancel: 1, sent: 0 }),
  },
  {
    name: 'before the sync of the intent',
    on: 'ledger',
    at: entry('fdatasync', CANCEL_INTENT()),
    hit: has({ cancel: 1, sent: 0 }),
  },
  {
    name: 'after the sync of the intent',
    on: 'ledger',
    at: exit('fdatasync', CANCEL_INTENT()),
    hit: has({ cancel: 1, sent: 0 }),
  },
  { name: 'before the send', on: 'wire', at: entry('writev', /POST .*\/cancel/), hit: has({ cancel: 1, sent: 0 }) },
  {
    name: 'after the send',
    on: 'wire',
    at: exit('writev', /POST .*\/cancel/),
    hit: has({ cancel: 1, sent: 1, repliedTo: 0 }),
  },
  {
    name: 'before the write of the reply',
    on: 'ledger',
    at: entry('write', CANCEL_REPLY()),
    hit: has({ sent: 1, answered: 1, repliedTo: 0 }),
  },
  {
    name: 'after the write of the reply',
    on: 'ledger',
    at: exit('write', CANCEL_REPLY()),
    hit: has({ answered: 1, repliedTo: 1, outcome: 0 }),
  },
  {
    name: 'before the write of the outcome',
    on: 'ledger',
    at: entry('write', /"kind":"outcome"/),
    hit: has({ repliedTo: 1, outcome: 0 }),
  },
  {
    name: 'after the write of the outcome',
    on: 'ledger',
    at: exit('write', /"kind":"outcome"/),
    hit: has({ outcome: 1, close: 0 }),
  },
  {
    name: 'before the sync of the outcome',
    on: 'ledger',
    at: entry('fdatasync', /"kind":"outcome"/),
    hit: has({ outcome: 1, close: 0 }),
  },
  {
    name: 'after the sync of the outcome',
    on: 'ledger',
    at: exit('fdatasync', /"kind":"outcome"/),
    hit: has({ outcome: 1, close: 0 }),
  },
  {
    name: 'before the close is written',
    on: 'ledger',
    at: entry('write', /"kind":"close"/),
    hit: has({ outcome: 1, close: 0 }),
  },
  {
    name: 'after the sync of the close',
    on: 'ledger',
    at: exit('fdatasync', /"kind":"close"/),
    hit: has({ outcome: 1, close: 1 }),
  },
];

describe('killed at', () => {
  test.concurrent.for(POINTS)('$name, it goes on without doing anything twice', async (point, context) => {
    need(context, 'strace');
    const { count = 1 } = point;
    await using stage = await stageOf(count);
    await using command = start(stage, point.on);
    await command.until(point.at);
    await dead(command);
    if (point.on === 'wire') await arrived(stage, point.name);
    point.hit({ records: await stage.records(LEDGER), stage });
    await expectOrderlyEnd(stage, 'ids.txt', LEDGER, ids(count));
  });

  test.concurrent('after the call took effect and before its answer, it goes on without doing anything twice', async (context) => {
    need(context, 'strace');
    await using stage = await stageOf(1);
    stage.sandbox.faults.next({ kind: 'slow', headersMs: 60_000 }, { route: 'cancel' });
    await using command = start(stage, 'ledger');
    await stage.sandbox.log.until((log) => log.effects(A_CALL) === 1);
    await dead(command);
    has({ cancel: 1, sent: 1, answered: 0, repliedTo: 0 })({ records: await stage.records(LEDGER), stage });
    await expectOrderlyEnd(stage, 'ids.txt', LEDGER, ids(1));
    expect(stage.sandbox.log.effects(A_CALL)).toBe(1);
  });

  test.concurrent('with the answer in the socket and not read, it goes on without doing anything twice', async (context) => {
    need(context, 'strace');
    await using stage = await stageOf(1);
    stage.sandbox.faults.next({ kind: 'slow', headersMs: 500 }, { route: 'cancel' });
    await using command = start(stage, 'ledger');
    await stage.sandbox.log.until((log) => log.effects(A_CALL) === 1);
    command.kill('SIGSTOP');
    await stage.sandbox.log.until((log) => log.of(A_CALL, 'cancel')[0]?.answeredMs !== undefined);
    await dead(command);
    has({ cancel: 1, sent: 1, answered: 1, repliedTo: 0 })({ records: await stage.records(LEDGER), stage });
    await expectOrderlyEnd(stage, 'ids.txt', LEDGER, ids(1));
  });
});

describe('killed with the machine, so that what was not synced is lost and half a line of it stays,', () => {
  const unsynced = POINTS.filter(({ name }) => /^(before the sync|after the write) of the|between intake/.test(name));
  test.concurrent.for(unsynced)('$name, it goes on without doing anything twice', async (point, context) => {
    need(context, 'strace');
    await using stage = await stageOf(1);
    await using command = start(stage, point.on);
    await command.until(point.at);
    await dead(command);
    const { syncedBytes } = command;
    const path = stage.path(LEDGER);
    const { size } = await stat(path);
    expect(syncedBytes).toBeGreaterThan(0);
    expect(point.name.startsWith('between') || size > syncedBytes).toBe(true);
    await truncate(path, Math.min(size, syncedBytes + 40));
    await expectOrderlyEnd(stage, 'ids.txt', LEDGER, ids(1));
  });
});

function stageOf(count: number, options: StageOptions = {}): Promise<Stage> {
  const over = ids(count - 1, 2).map((each) => ({ id: each, status: 'Succeeded' }));
  return setStage({ actions: [...open(1), ...over], ...options });
}

function start(stage: Stage, on: Point['on']): TracedCommand {
  return traceCommand(['run', 'ids.txt', ...COMMENT, '--yes', '--ledger', LEDGER], {
    cwd: stage.folder,
    env: stage.env,
    ...(on === 'ledger'
      ? {
          path: stage.path(LEDGER),
          calls: 'write,fdatasync',
          inject: `write,fdatasync:delay_enter=${HOLD_US}:delay_exit=${HOLD_US}`,
        }
      : { calls: 'writev', inject: `writev:delay_enter=${HOLD_US}:delay_exit=${HOLD_US}` }),
  });
}

async function dead(command: TracedCommand): Promise<void> {
  command.kill('SIGKILL');
  expect((await command.ended).signal).toBe('SIGKILL');
}
