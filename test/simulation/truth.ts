import type { MachineAction } from '../../src/defender/entity.ts';
import { BEGINNING } from './clock.ts';
import type { Oddity } from './odd-entities.ts';
import type { Random } from './seed.ts';

/** What a service that knows everything knows of an action. Times are true ms since the beginning. */
export interface Truth {
  readonly id: string;
  readonly type: string;
  readonly requestor: string;
  readonly machineId: string;
  readonly computer: string;
  /** The last report of its device; undefined where none is shown. */
  readonly lastSeenMs: number | undefined;
  readonly createdMs: number;
  /** Another device group's: refused for it alone. */
  readonly forbidden: boolean;
  /** 404 to a cancel until then. */
  readonly knownFromMs: number;
  readonly missingFromList: boolean;
  /** What its entity lacks. */
  readonly odd: Oddity | undefined;
  readonly onCancel:
    | { kind: 'at-once'; completed: boolean }
    | { kind: 'later'; status: string; afterMs: number; again: 200 | 400; stamped: boolean }
    | { kind: 'conflict' };
  status: string;
  completed: boolean;
  comment: string | undefined;
  cancelledBy: string | undefined;
  /** A change that is to come. */
  next: { atMs: number; status: string; comment?: string; completed?: boolean } | undefined;
  /** Comments of cancels that were accepted, also of those that found it being cancelled already. */
  accepted: string[];
  /** Cancels of ours that had an effect. */
  effects: { atMs: number; comment: string }[];
  /** Cancels of ours that reached the service. */
  calls: number;
}

/** What a cancel will do to it. */
export function drawCancel(random: Random, plain: boolean): Truth['onCancel'] {
  if (plain || random.chance(0.6)) return { kind: 'at-once', completed: !plain && random.chance(0.05) };
  if (random.chance(0.06)) return { kind: 'conflict' };
  return {
    kind: 'later',
    status: random.pick(['Cancelled', 'Cancelled', 'Cancelled', 'Succeeded', 'Failed', 'TimeOut']),
    afterMs: random.spread(100, 600_000),
    again: random.pick([200, 400] as const),
    stamped: random.chance(0.7),
  };
}

/** As the service shows it now. */
export function entity(truth: Truth): MachineAction {
  const { id, type, status, requestor, machineId, computer, createdMs, comment, completed } = truth;
  return {
    id,
    type,
    status,
    requestor,
    requestorComment: 'simulated',
    machineId,
    computerDnsName: computer,
    creationDateTimeUtc: new Date(BEGINNING + createdMs).toISOString(),
    cancellationComment: comment ?? null,
    commands: completed ? [{ commandStatus: 'Completed' }] : [],
  };
}
