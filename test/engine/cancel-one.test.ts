import { describe, expect, it } from 'vitest';
import { makeWork } from '../../src/engine/cancel-all.ts';
import { cancelOne } from '../../src/engine/cancel-one.ts';
import { useVirtualTime, wireWith } from './harness.ts';
import { id, ids, makeRun } from './run.ts';

const time = useVirtualTime();

async function workOn(wire: ReturnType<typeof wireWith>) {
  const run = await makeRun({ ids: ids(1), wire, job: { screen: 'never' } });
  const work = makeWork(run.parts, new Set());
  const task = work.queue.take()[0]?.task;
  if (task === undefined) throw new Error('one was admitted');
  return { run, work, task };
}

describe('an action in work', () => {
  it('an action in work is sent once more unseen, also when it was put back in between', async () => {
    const wire = wireWith(ids(1));
    wire.fault = () => ({ kind: 'reset' });
    const { run, work, task } = await workOn(wire);
    task.sentBlind = true;
    task.timesPutBack = 1;
    expect(await run.wait(time(), cancelOne(work, task, { kind: 'again', attempt: 2 }))).toBe('done');
    expect(run.outcome(id(1))).toBe('unknown');
    expect(wire.of(id(1), 'cancel')).toHaveLength(1);
  });

  it('an action in work keeps attempt and moment of its last call', async () => {
    const wire = wireWith(ids(1));
    wire.fault = ({ route }, nth) => (route === 'cancel' && nth === 1 ? { kind: 'reset' } : undefined);
    const { run, work, task } = await workOn(wire);
    expect(await run.wait(time(), cancelOne(work, task, { kind: 'again', attempt: 2 }))).toBe('done');
    expect(task.attempt).toBe(3);
    expect(task.lastSentAtMs).toBe(wire.of(id(1), 'cancel').at(-1)?.sentAtMs);
    expect(task.confirming?.sinceMs).toBeGreaterThan(task.lastSentAtMs);
    await run.wait(time(), work.confirmer.drain());
    expect(run.counts()).toEqual({ cancelled: 1 });
  });

  it('an action in work is put back with its attempt when its slot comes too late', async () => {
    const { run, work, task } = await workOn(wireWith(ids(1)));
    const late = { ...work, screening: { ...work.screening, on: true, isFresh: () => false } };
    expect(await run.wait(time(), cancelOne(late, task, { kind: 'again', attempt: 4 }))).toBe('put-back');
    expect(task).toMatchObject({ attempt: 4, timesPutBack: 1 });
    expect(run.wire.count()).toBe(0);
  });
});
