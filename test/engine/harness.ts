import { afterEach, beforeEach, expect } from 'vitest';
import { type VirtualTime, virtualTime } from '../support/clock/virtual-time.ts';
import { Wire } from './wire.ts';

/** Virtual time for each test of the file; a rejection that nobody handles fails the test. */
export function useVirtualTime(): () => VirtualTime {
  let time: VirtualTime | undefined;
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => unhandled.push(reason);
  beforeEach(() => {
    time = virtualTime();
    unhandled.length = 0;
    process.on('unhandledRejection', note);
  });
  afterEach(async () => {
    await new Promise((resolve) => setImmediate(resolve));
    time?.[Symbol.dispose]();
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
  });
  return () => {
    if (time === undefined) throw new Error('time begins with a test');
    return time;
  };
}

/** A service that knows these actions. */
export function wireWith(all: readonly string[], statusOf: (index: number) => string = () => 'Pending'): Wire {
  const wire = new Wire();
  for (const [index, each] of all.entries()) wire.store.add({ id: each, status: statusOf(index) });
  return wire;
}
