import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import type { Quota } from '../../src/quota/quota.ts';
import { virtualTime } from '../support/clock/virtual-time.ts';
import { overQuota } from './checker.ts';
import { type Fate, startSession, type Task, type World } from './sender.ts';
import type { QuotaSubject } from './suite.ts';

const windows = [
  { calls: 4, perMs: 60_000 },
  { calls: 10, perMs: 3_600_000 },
];

/** Each way leads through one trap of a quota that is kept in rows. */
export const TRAP_WAYS = {
  /** The first calls are answered late. */
  'counted from the grant': [...tasks(4, 20_000), ...later(tasks(4, 10))],
  /** The first calls are given up after 30 s, and may count for as long again. */
  'settled without an upper bound': [...tasks(4, 30_000, 'lost'), ...later(tasks(4, 10))],
};

/** What steps into a trap, whatever quota is behind it. */
const TRAPS: Record<keyof typeof TRAP_WAYS, (quota: Quota) => Quota> = {
  'counted from the grant': ({ take, left }) => ({
    take: async (...args) => {
      const slot = await take(...args);
      slot.settle();
      return slot;
    },
    left,
  }),
  'settled without an upper bound': ({ take, left }) => ({
    take: async (...args) => {
      const slot = await take(...args);
      return { ...slot, settleUnanswered: () => slot.settle() };
    },
    left,
  }),
};

/** The calls over quota after one of the ways. */
export async function overAfterWay(
  { make, settled }: Pick<QuotaSubject, 'make' | 'settled'>,
  way: keyof typeof TRAP_WAYS,
  trap: (quota: Quota) => Quota = (quota) => quota,
): Promise<number> {
  using time = virtualTime(settled === undefined ? {} : { settled });
  const world: World = { counted: [], ledger: [] };
  await using made = await make({ windows, clock: systemClock });
  const { quota } = made;
  const bound = { take: quota.take.bind(quota), left: quota.left.bind(quota) };
  const session = startSession(TRAP_WAYS[way], { quota: trap(bound), world });
  await time.runUntil(() => session.done() === TRAP_WAYS[way].length);
  return overQuota(world.counted, windows);
}

/** Each trap is stepped into on purpose, and the checker must notice; and the same way is passable without. */
export function trapSuite(subject: QuotaSubject): void {
  describe.each(Object.keys(TRAP_WAYS) as (keyof typeof TRAP_WAYS)[])(`${subject.name}, %s,`, (way) => {
    it('overspends', async () => {
      expect(await overAfterWay(subject, way, TRAPS[way])).toBeGreaterThan(0);
    });
    it('does not overspend as it is', async () => {
      expect(await overAfterWay(subject, way)).toBe(0);
    });
  });
}

function tasks(count: number, afterMs: number, kind: Fate['kind'] = 'answer'): Task[] {
  return Array.from({ length: count }, () => ({
    startMs: 0,
    fates: [{ kind, afterMs, syncMs: 2 }],
    abandonMs: undefined,
  }));
}

/** When the first have got their slots. */
function later(work: readonly Task[]): Task[] {
  return work.map((task) => ({ ...task, startMs: 1000 }));
}
