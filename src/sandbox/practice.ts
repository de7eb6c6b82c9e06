import type { ActionBehaviour, BehaviourMix } from './behaviours.ts';
import type { FaultRate } from './faults.ts';
import type { SandboxOptions } from './options.ts';

interface PracticeOptions {
  /** How many actions. @default 200 */
  actions?: number;
  /** The same seed gives the same action IDs, types, statuses and behaviours. @default 1 */
  seed?: number;
  /** How much goes wrong: 0 is nothing, 1 about one request in twenty. @default 1 */
  trouble?: number;
  /** After how many ms, on average, a device that was seen today comes back. @default none ever does */
  returnsAfterMs?: number | undefined;
}

/** How actions behave where a person practises: most cancel at once, the rest as it happens in a large tenant. */
const practiceBehaviours: readonly BehaviourMix[] = [
  { share: 50, behaviour: {} },
  { share: 26, behaviour: onCancel('Cancelled', 3_000) },
  { share: 6, behaviour: onCancel('Cancelled', 8_000) },
  { share: 4, behaviour: onCancel('Succeeded', 4_000) },
  { share: 3, behaviour: onCancel('Failed', 4_000) },
  { share: 2, behaviour: onCancel('TimeOut', 4_000) },
  { share: 2, behaviour: { onCancel: { kind: 'at-once', completedCommand: true } } },
  { share: 2, behaviour: { onCancel: { kind: 'beaten' } } },
  { share: 2, behaviour: { missingFromList: true } },
  { share: 1, behaviour: { becomes: { status: 'Succeeded', afterMs: 20_000 } } },
  { share: 1, behaviour: { onCancel: { kind: 'refused', http: 403, code: 'Forbidden' } } },
  { share: 1, behaviour: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } } },
];

const practiceFaults: readonly FaultRate[] = [
  { rate: 0.015, fault: { kind: 'status', status: 503, retryAfter: 1 } },
  { rate: 0.01, fault: { kind: 'status', status: 500 } },
  { rate: 0.01, fault: { kind: 'reset' } },
  { rate: 0.01, fault: { kind: 'reset', applied: true }, routes: ['cancel'] },
  { rate: 0.005, fault: { kind: 'html', status: 502 } },
];

/** What `countermand sandbox` starts with: mixed actions, mixed behaviours, and a little trouble on the way. */
export function practiceOptions({
  actions = 200,
  seed = 1,
  trouble = 1,
  returnsAfterMs,
}: PracticeOptions = {}): SandboxOptions {
  return {
    actions: { count: actions, seed },
    behaviours: { mix: practiceBehaviours, seed },
    faults: { rates: practiceFaults.map((entry) => ({ ...entry, rate: entry.rate * trouble })), seed },
    devices: { seed, returnsAfterMs },
    latencyMs: [20, 120],
  };
}

function onCancel(becomes: string, afterMs: number): ActionBehaviour {
  return { onCancel: { kind: 'later', becomes, afterMs } };
}
