import { UNANSWERED_MS } from '../../../src/quota/call-times.ts';
import { makeQuota, type QuotaOptions } from '../../../src/quota/local/local-quota.ts';
import type { Quota, Slot } from '../../../src/quota/quota.ts';

/**
 * The local quota with slots as one that machines share must have them: a holder that is never heard of again loses its slot. A call may be sent on
 * it for `leaseMs`, may count until a minute after that, and then it is somebody else's a window later.
 */
export function makeLeasingQuota(
  options: QuotaOptions,
  leaseMs: number,
): { quota: Quota; lapse: (slot: Slot) => Promise<void> } {
  const { clock } = options;
  const inner = makeQuota(options);
  const lapses = new WeakMap<Slot, () => void>();
  const take: Quota['take'] = async (route, signal) => {
    const held = await inner.take(route, signal);
    let usableUntilMs = clock.monotonicMs() + leaseMs;
    // The local quota keeps to the first word said about a slot.
    void clock.sleep(leaseMs + UNANSWERED_MS, { ref: false }).then(() => held.settle());
    const slot: Slot = { ...held, usable: () => clock.monotonicMs() < usableUntilMs };
    lapses.set(slot, () => {
      usableUntilMs = clock.monotonicMs();
    });
    return slot;
  };
  return { quota: { take, left: inner.left }, lapse: async (slot) => lapses.get(slot)?.() };
}
