import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { isFaultName } from './faults.ts';
import { withoutLate } from './known-seeds.ts';
import { Random } from './seed.ts';
import { World } from './world.ts';

/** What run.mjs asks a worker process for, as JSON in its first argument. */
interface Task {
  seeds: readonly number[];
  without?: readonly string[];
  actions?: number;
  trace?: boolean;
}

/** What the program loads lazily comes from the real disk, in real time: it must be there before the first world. */
const WARM_UP = [-1, -2, -3, -4, -5];

await main(JSON.parse(process.argv[2] ?? '{"seeds":[]}') as Task);

async function main({ seeds, without = [], actions, trace = false }: Task): Promise<void> {
  const heard: { world: World | undefined } = { world: undefined };
  const uncaught = (error: unknown) => heard.world?.uncaught(error);
  process.on('unhandledRejection', uncaught);
  process.on('uncaughtException', uncaught);
  for (const seed of [...WARM_UP, ...seeds]) {
    const random = new Random(`seed ${seed}/machine`);
    Math.random = () => random.next();
    const left = new Set([...without.filter(isFaultName), ...withoutLate(seed)]);
    const world = new World({ seed, without: left, trace, ...(actions === undefined ? {} : { actions }) });
    crypto.randomUUID = (() => world.uuid()) as typeof crypto.randomUUID;
    syncBuiltinESMExports();
    heard.world = world;
    const result = await world.run();
    if (seed < 0) continue;
    const { lines, ...facts } = result;
    const shown = trace || result.failure !== undefined ? lines : [];
    process.stdout.write(`${JSON.stringify({ ...facts, lines: shown })}\n`);
  }
}
