import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { COMMENT, type Harness, ids, open, openHarness, outcomesOf } from '../support/harness.ts';
import type { TestDatabase } from '../support/postgres.ts';

/* Real workers, a real database, and a service that refuses whatever is beyond its windows. */

export const RUNS = 3;
export const LONG = { timeoutMs: 240_000 };
/** What is promised, 30 s and 4 s, is measured on a machine of its own; on one that others share, a process alone takes seconds to be heard. */
export const SLOWER = 2;

export interface Fleet extends AsyncDisposable {
  work: Harness;
  /** Submits the actions as several runs, and resolves when all have ended. */
  submit(): Promise<{ allEnded: Promise<{ code: number | null }> }>;
  /** Of as many places as there are runs: one that has them all takes none anew. */
  startWorker(): Promise<RunningCommand>;
  /** Runs that are held now, with the process that has each. */
  holders(): Promise<Map<string, number>>;
  /** Cancels that arrived, in order. */
  cancels(): { id: string; at: number; effect: boolean }[];
}

export async function openFleet(database: TestDatabase, perRun: number): Promise<Fleet> {
  const env = { COUNTERMAND_STORE: database.url, ...database.passwordOf(database.url) };
  const work = await openHarness({ actions: open(RUNS * perRun), windows: '12/2s', env });
  work.sandbox.latencyMs = 40;
  return {
    work,
    submit: async () => {
      for (let n = 0; n < RUNS; n++) await work.file(`run-${n}.csv`, ['id', ...ids(perRun, 1 + n * perRun)]);
      const files = Array.from({ length: RUNS }, (_, n) => `run-${n}.csv`);
      // Few calls of each under way, so that a worker that is lost holds few slots.
      const pace = ['--concurrency', '2'];
      const waiting = work.start(['submit', ...files, ...COMMENT, ...pace, '--yes', '--wait'], LONG);
      await waiting.says(`run-${RUNS - 1} is submitted`);
      return { allEnded: waiting.ended };
    },
    startWorker: async () => {
      const worker = work.start(['worker', '--places', String(RUNS), '--port', '0'], LONG);
      await worker.says('this worker takes runs');
      return worker;
    },
    holders: async () => {
      const held = await database.sql(
        "select name, (holder->>'pid')::int as pid from countermand.run where lease_until > countermand.clock()",
      );
      return new Map(held.map(({ name, pid }) => [String(name), Number(pid)]));
    },
    cancels: () =>
      work.sandbox.log.entries
        .filter(({ route }) => route === 'cancel')
        .map(({ ids: [id = ''], at, effect }) => ({ id, at, effect })),
    [Symbol.asyncDispose]: () => work[Symbol.asyncDispose](),
  };
}

/** Nothing refused, nothing cancelled twice, nothing missing, every chain whole. */
export async function expectExact({ work }: Fleet, perRun: number): Promise<void> {
  const { entries } = work.sandbox.log;
  expect(entries.filter(({ overQuota }) => overQuota)).toEqual([]);
  const effects = entries.filter(({ effect }) => effect).flatMap((entry) => entry.ids);
  expect([...effects].sort()).toEqual(ids(RUNS * perRun));
  const sent = entries.filter(({ route }) => route === 'cancel').flatMap((entry) => entry.ids);
  expect(sent.length).toBe(new Set(sent).size);
  for (let n = 0; n < RUNS; n++) {
    expect((await work.run(['verify', `run-${n}`, '--offline'], LONG)).code).toBe(0);
    await work.run(['store', 'export', `run-${n}`, '--out', 'out'], LONG);
    const outcomes = outcomesOf(await work.records(`out/run-${n}.jsonl`));
    expect([...outcomes.values()]).toEqual(Array(perRun).fill('cancelled'));
  }
}

export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await isSo())) await sleep(50);
}

/** A fleet whose first worker is well into its runs when a second, which has none, begins. */
export async function openBusyFleet(database: TestDatabase, perRun: number) {
  const fleet = await openFleet(database, perRun);
  const first = await fleet.startWorker();
  const { allEnded } = await fleet.submit();
  await until(() => fleet.cancels().length > 20);
  const second = await fleet.startWorker();
  return { ...fleet, first, second, allEnded };
}
