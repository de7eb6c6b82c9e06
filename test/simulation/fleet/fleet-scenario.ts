import type { FaultName } from '../faults.ts';
import type { Random } from '../seed.ts';
import { drawSession, type SessionFaults } from '../session-faults.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** What a queue does that says what is not so. Probabilities, each of one run that is handed out, put into it or ended. */
export interface QueueLies {
  /** Handed out a second time while the first still works; `asLost`: as if the first were gone, else as it was. */
  twice: number;
  asLost: number;
  /** Whoever has a run settles it, also one that was handed out to another since. */
  sloppy: boolean;
  /** Handed out long after its time. */
  late: number;
  /** Handed out again after it was done. */
  replay: number;
  /** Forgotten until somebody submits it again. */
  lost: number;
  /** What became of a run is not heard: it counts as one whose worker was lost. */
  unheard: number;
}

export const HONEST: QueueLies = {
  ...{ twice: 0, asLost: 0, sloppy: false, late: 0, replay: 0, lost: 0, unheard: 0 },
};

/** One worker process after another, on one machine. */
export interface WorkerSlot {
  places: number;
  /** Another machine than that of the others. */
  elsewhere: boolean;
  lives: readonly { afterMs: number; faults: SessionFaults }[];
}

/** Workers, the queue between them, and who looks after it. */
export interface FleetScenario {
  slots: readonly WorkerSlot[];
  lies: QueueLies;
  /** Whoever begins to work on a run is killed so many events later, this often. */
  deadly: { afterEvents: number; times: number } | undefined;
  /** The run is planned by a worker first, and submitted by the head of that plan. */
  plans: boolean;
  /** A second run, of the same sender, is in the queue. */
  second: boolean;
  /** When somebody looks at the queue, and what they do. */
  looks: readonly { atMs: number; revives: boolean; takesOut: boolean; submitsAgain: boolean }[];
  /** Before it is calm. */
  lastsMs: number;
}

/** Whether the world of this seed has workers, by its own stream: no other world changes because of it. */
export function hasWorkers(root: Random): boolean {
  return root.fork('fleet').chance(0.125);
}

export function drawFleet(
  root: Random,
  on: (name: FaultName) => boolean,
  agreeing: (drawn: SessionFaults) => SessionFaults,
): FleetScenario | undefined {
  if (!on('fleet') || !hasWorkers(root)) return undefined;
  const random = root.fork('workers');
  const deadlyRandom = root.fork('deadly-runs');
  const deadly =
    deadlyRandom.chance(0.25) && on('deadly-runs')
      ? { afterEvents: deadlyRandom.spread(3, 300), times: deadlyRandom.int(3, 9) }
      : undefined;
  const lastsMs = random.spread(10 * MINUTE, 18 * HOUR);
  return {
    slots: Array.from({ length: random.int(1, 3) }, (_, slot) => ({
      places: random.pick([1, 2, 4]),
      elsewhere: random.chance(0.4),
      lives: Array.from({ length: deadly === undefined ? random.int(1, 4) : 8 }, (_, life) => ({
        afterMs: random.spread(1, life === 0 ? 10 * MINUTE : 2 * MINUTE),
        faults: onWorker(agreeing(drawSession(root.fork(`worker ${slot}.${life}`), on))),
      })),
    })),
    lies: drawLies(root.fork('queue-lies'), on),
    deadly,
    plans: random.chance(0.3),
    second: random.chance(0.2),
    looks: Array.from({ length: random.int(0, 4) }, () => ({
      atMs: random.spread(1000, lastsMs),
      revives: random.chance(0.5),
      takesOut: random.chance(0.15),
      submitsAgain: random.chance(0.3),
    })),
    lastsMs,
  };
}

/** What happens to all of its workers. */
export function sessionsOf({ slots }: FleetScenario): SessionFaults[] {
  return slots.flatMap(({ lives }) => lives.map(({ faults }) => faults));
}

function drawLies(random: Random, on: (name: FaultName) => boolean): QueueLies {
  if (!random.chance(0.7) || !on('queue-lies')) return HONEST;
  const some = (most: number) => (random.chance(0.5) ? random.next() * most : 0);
  return {
    ...{ twice: some(1), asLost: random.next(), sloppy: random.chance(0.3), late: some(0.4), replay: some(1) },
    ...{ lost: some(0.3), unheard: some(0.3) },
  };
}

/** What an operator's session may suffer and a worker's may not: a hand at its ledger, and what only a person asks for. */
function onWorker(drawn: SessionFaults): SessionFaults {
  return {
    ...drawn,
    retry: [],
    sourceChange: false,
    tampering: undefined,
    secondPathAtMs: undefined,
    jumpBetweenMs: 0,
  };
}
