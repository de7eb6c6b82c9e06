import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { FAULTS, type FaultName } from './scenario.ts';
import { Random } from './seed.ts';
import { runSeed, seededUuid, unhandled } from './world.ts';

/** What run.mjs asks a worker process for, as JSON in its first argument. */
interface Task {
  seeds?: readonly number[];
  from?: number;
  count?: number;
  step?: number;
  without?: readonly string[];
  actions?: number;
  trace?: boolean;
  /** Stop at the first failure. */
  first?: boolean;
}

const task = JSON.parse(process.argv[2] ?? '{}') as Task;
process.on('unhandledRejection', unhandled);
process.on('uncaughtException', unhandled);

const without = new Set(
  (task.without ?? []).filter((name): name is FaultName => FAULTS.some((fault) => fault === name)),
);
const seeds = task.seeds ?? Array.from({ length: task.count ?? 0 }, (_, n) => (task.from ?? 0) + n * (task.step ?? 1));

/** What the program loads lazily comes from the real disk, in real time: it must be there before the first world. */
const WARM_UP = [-1, -2, -3, -4, -5];

for (const seed of [...WARM_UP, ...seeds]) {
  const random = new Random(`seed ${seed}/machine`);
  Math.random = () => random.next();
  crypto.randomUUID = seededUuid as typeof crypto.randomUUID;
  syncBuiltinESMExports();
  const result = await runSeed({
    seed,
    without,
    ...(task.actions === undefined ? {} : { actions: task.actions }),
    trace: task.trace === true,
  });
  if (seed < 0) continue;
  const { lines, ...facts } = result;
  const shown = task.trace === true || result.failure !== undefined ? lines : [];
  process.stdout.write(`${JSON.stringify({ ...facts, lines: shown })}\n`);
  if (task.first === true && result.failure !== undefined) break;
}
