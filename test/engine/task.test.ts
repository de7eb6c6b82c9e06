import { describe, expect, it } from 'vitest';
import { Task } from '../../src/engine/task.ts';
import type { ReplyFields } from '../../src/ledger/record.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';
import { id } from './run.ts';
import { Told } from './state.ts';

function taskOf({ state }: Told, wallMs: number, retried = false): Task {
  const action = state.actions.get(id(1));
  if (action === undefined) throw new Error('it was admitted');
  return new Task(action, state.actions, retried, new ManualClock(wallMs));
}

describe('a task', () => {
  it('a task begins at the first attempt, and at that of its last call in a later session', () => {
    const told = new Told(1);
    expect(taskOf(told, told.script.atMs).attempt).toBe(1);
    told.tell((script) => script.cancel(id(1), { http: 503 }, { attempt: 3 }));
    expect(taskOf(told, told.script.atMs).attempt).toBe(3);
    expect(taskOf(told, told.script.atMs, true).attempt).toBe(1);
  });

  it.each<[string, Partial<ReplyFields> | undefined, boolean]>([
    ['knows that a call without a reply may still be on the way', undefined, true],
    ['knows that a call that timed out may still be on the way', { error: 'timeout' }, true],
    ['knows that a call whose connection broke is not', { error: 'ECONNRESET' }, false],
    ['knows that a call that was answered is not', { http: 503 }, false],
  ])('a task %s', (_, reply, onTheWay) => {
    const told = new Told(1).tell((script) =>
      reply === undefined
        ? script.add('intent', { call: 1, route: 'cancel', id: id(1), attempt: 1 })
        : script.cancel(id(1), reply),
    );
    const sentAtMs = told.state.actions.get(id(1))?.last?.intentAtMs ?? 0;
    const task = taskOf(told, sentAtMs + 7000);
    expect(task.lastSentAtMs).toBe(-7000);
    expect(task.onTheWayAtMs).toBe(onTheWay ? -7000 : Number.NEGATIVE_INFINITY);
  });

  it('a task takes a call that seems to come from the future for one of now', () => {
    const told = new Told(1).tell((script) => script.cancel(id(1), { error: 'timeout' }));
    expect(taskOf(told, told.script.atMs - 3_600_000).lastSentAtMs).toBe(0);
  });

  it('a task shows what the ledger says of its action by now', () => {
    const told = new Told(1);
    const task = taskOf(told, told.script.atMs);
    expect(task.action.sent).toBe(0);
    told.tell((script) => script.cancel(id(1), { http: 200 }));
    expect(task.action).toMatchObject({ sent: 1, last: { http: 200 } });
  });
});
