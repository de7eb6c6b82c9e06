import { expect } from 'vitest';
import { checkLedger, readLedger } from '../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { isInDoubt } from '../../src/ledger/state/run-state.ts';
import type { CommandEnd, CommandOptions, RunningCommand } from '../support/command.ts';
import { type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.ts';
import { COMMENT, type Harness, type HarnessOptions, ids, only, open, openHarness } from '../support/harness.ts';
import { openTestDatabase, type TestDatabase } from '../support/postgres.ts';
import { type Doubt, expectDoneOnce } from './after-kill.ts';

/** What a cancel's intent looks like on its way to the database. */
export const CANCEL_INTENT = /"kind":"intent","call":\d+,"route":"cancel"/;

/** A local Defender with open actions, and commands whose runs are in a database, which they reach by a proxy. */
export interface StoreWork extends Harness {
  readonly database: TestDatabase;
  readonly proxy: CuttingProxy;
  /** Of all actions. */
  readonly ids: readonly string[];
  /** The environment of a command on another machine: its way to the database is its own. */
  readonly direct: CommandOptions;
  /** What stands in a run's ledger, however its holder fares. */
  bytes(run: string): Promise<Buffer>;
}

export interface StoreWorkOptions extends Omit<HarnessOptions, 'env'> {
  /** Of actions, all open. @default 40 */
  count?: number;
}

export async function openStoreWork(database: TestDatabase, options: StoreWorkOptions = {}): Promise<StoreWork> {
  const { count = 40, ...rest } = options;
  const proxy = await startCuttingProxy(database.server);
  const url = database.url.replace(`:${database.server.port}/`, `:${proxy.port}/`);
  const harness = await openHarness({
    actions: open(count).map((action) => ({ ...action, type: 'RunAntiVirusScan' })),
    latencyMs: [5, 30],
    ...rest,
    env: { COUNTERMAND_STORE: url, ...database.passwordOf(database.url) },
  });
  await harness.file('many.txt', ids(count));
  return {
    ...harness,
    database,
    proxy,
    ids: ids(count),
    direct: { env: { COUNTERMAND_STORE: database.url } },
    bytes: async (run) => {
      const rows = await database.sql(
        `select lines from countermand.ledger_chunk join countermand.run using (run) where name = '${run}' order by first_byte`,
      );
      return Buffer.concat(rows.map(({ lines }) => lines as Buffer));
    },
    [Symbol.asyncDispose]: async () => {
      await harness[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
    },
  };
}

/** The same in a database that ends with it: a fresh one, unless one is given. */
export async function openOwnStoreWork(options: StoreWorkOptions = {}, given?: TestDatabase): Promise<StoreWork> {
  const database = given ?? (await openTestDatabase());
  const work = await openStoreWork(database, options);
  const end = async () => {
    await work[Symbol.asyncDispose]();
    await database[Symbol.asyncDispose]();
  };
  return { ...work, [Symbol.asyncDispose]: end };
}

/** Begins a run or goes on with it, with some calls at once, and leaves it to the test. */
export async function startInStore(work: StoreWork, run = 'many'): Promise<RunningCommand> {
  return work.start([...(await goOnInStore(work, run)), '--concurrency', '4'], { timeoutMs: 250_000 });
}

/** How a run of `source` is begun or gone on with: with its name once its intake is in the store. */
export async function goOnInStore(work: StoreWork, run = 'many', source = `${run}.txt`): Promise<readonly string[]> {
  return only(recordsIn(await work.bytes(run)), 'intake').length > 0
    ? ['resume', run, '--yes']
    : ['run', source, ...COMMENT, '--yes', '--ledger', run];
}

/** Lets the lease of a process that is dead for certain run out. */
export async function endLease({ database }: StoreWork, run = 'many'): Promise<void> {
  await database.sql(`update countermand.run set lease_until = '-infinity' where name = '${run}'`);
}

/** Resolves once the database would give the run to another. */
export async function untilFree({ database }: StoreWork, run = 'many'): Promise<void> {
  const held = `select from countermand.run where name = '${run}' and lease_until > countermand.clock()`;
  while ((await database.sql(held)).length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
}

export async function doubtInStore(work: StoreWork, run = 'many'): Promise<Doubt> {
  const bytes = await work.bytes(run);
  const { state } = await readLedger(run, { read: () => streamOf(bytes) });
  const doubtful = bytes.length === 0 ? [] : [...state.left()].filter(isInDoubt).map(({ id }) => id);
  return { ids: doubtful, requests: work.sandbox.log.entries.length };
}

interface EndWanted {
  run?: string;
  /** Of this run; the others are somebody else's. @default all */
  ids?: readonly string[];
  /** What the last command is started with. */
  options?: CommandOptions;
  /** The command exports and verifies, as a person would; or the chain is checked here, which costs no processes. @default 'command' */
  verify?: 'command' | 'here';
}

/**
 * Goes on with a run that nobody holds. Then nothing is left, nothing was done twice or without a record, the server had nothing to refuse, and what is
 * exported can be verified and is what the database has.
 */
export async function expectOrderlyStoreEnd(
  work: StoreWork,
  { run = 'many', ids: wanted = work.ids, options, verify = 'command' }: EndWanted = {},
): Promise<void> {
  const doubt = await doubtInStore(work, run);
  const before = await work.bytes(run);
  const end = await work.run(await goOnInStore(work, run), { timeoutMs: 240_000, ...options });
  expect(outcomeOf(end), end.stdout + end.stderr).toEqual({ code: 0, signal: null });
  await expectWhole(work, { run, ids: wanted, doubt, verify });
  // What was durable once stays as it is.
  expect((await work.bytes(run)).subarray(0, before.length).equals(before)).toBe(true);
}

/** The same of a run that has ended. */
export async function expectWhole(
  work: StoreWork,
  {
    run = 'many',
    ids: wanted = work.ids,
    verify = 'command',
    doubt = NO_DOUBT,
  }: Omit<EndWanted, 'options'> & { doubt?: Doubt } = {},
): Promise<void> {
  const bytes = await work.bytes(run);
  const records = recordsIn(bytes);
  expectDoneOnce(work, records, wanted, doubt);
  expect(unrecorded(work, records, wanted)).toEqual([]);
  const checked = await checkLedger(run, { read: () => streamOf(bytes) });
  expect(checked).toMatchObject({ fault: undefined, tornBytes: 0, records: records.length });
  if (verify === 'here') return;
  const out = `out-${run}`;
  const exported = await work.run(['store', 'export', run, '--out', out], work.direct);
  expect(exported.code, exported.stderr).toBe(0);
  expect(Buffer.from(await work.read(`${out}/${run}.jsonl`)).equals(bytes)).toBe(true);
  const verified = await work.run(['verify', `${out}/${run}.jsonl`, '--offline', '--head', checked.head]);
  expect(verified.code, verified.stderr).toBe(0);
}

const NO_DOUBT: Doubt = { ids: [], requests: 0 };

export function outcomeOf({ code, signal }: CommandEnd): Pick<CommandEnd, 'code' | 'signal'> {
  return { code, signal };
}

export function recordsIn(bytes: Buffer): LedgerRecord[] {
  return bytes
    .toString()
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as LedgerRecord);
}

/** The actions of which the server got more cancels than these records hold intents for. */
export function unrecorded(
  { sandbox: { log } }: Pick<Harness, 'sandbox'>,
  records: readonly LedgerRecord[],
  wanted: readonly string[],
): string[] {
  const intents = new Map<string, number>();
  for (const { route, id } of only(records, 'intent'))
    if (route === 'cancel' && id !== undefined) intents.set(id, (intents.get(id) ?? 0) + 1);
  return wanted.filter((id) => log.of(id, 'cancel').length > (intents.get(id) ?? 0));
}

async function* streamOf(bytes: Buffer): AsyncGenerator<Uint8Array> {
  yield bytes;
}
