import { UsageError } from '../../errors.ts';
import type { Job } from '../../job/job.ts';
import type { Ledger } from '../../ledger/ledger.ts';
import { type ReadLedger, readLedger, throwIfDamaged } from '../../ledger/read-ledger.ts';
import type { LedgerSource } from '../../ledger/scan-ledger.ts';
import type { SenderId } from '../../ledger/sender.ts';
import type { Quota, WindowLeft } from '../../quota/quota.ts';
import type {
  CallsElsewhere,
  CampaignEntry,
  DatabaseAccess,
  ExportedRun,
  ImportedRun,
  NetworkStore,
} from '../network-store.ts';
import { sameSeries } from '../stamped.ts';
import type { HeldRun, HoldRun, ListedRun, QuotaMemory, RunEntry, RunHolder, RunStat, StoreFinding } from '../store.ts';
import { lookAtDurability } from './durability.ts';
import { describeHolder, type Lease } from './lease.ts';
import { LeaseKeeper, type LeaseKeeperParts } from './lease-keeper.ts';
import { holdNamed, type OpenParts, takeRun } from './open.ts';
import { openQuota, quotaLeftIn } from './quota.ts';
import { NOTABLE_STAND_MS, standingWords } from './quota-clock.ts';
import { countUnknown, rememberCalls } from './quota-memory.ts';
import { QuotaScope } from './quota-scope.ts';
import { noLedger, readNamed } from './read.ts';
import { type RunRow, removeRun, runNamed, runsBeginning, runsHeld, stopRun } from './run-functions.ts';
import { applyMigrations, checkSchema } from './schema.ts';
import { exportRun, importRun } from './transfer.ts';
import { storeTrouble } from './trouble.ts';

export interface PostgresStoreParts extends LeaseKeeperParts {
  /** Who this process is, for others who find it at work. */
  self: Pick<RunHolder, 'pid' | 'host'>;
  uuid: () => string;
}

/** The store's limit, and the database's: an index takes no much longer names. */
const MAX_NAME = 400;

/**
 * Ledgers and the quota in a PostgreSQL database. A run is named and not filed: any text without control characters. Several processes on several
 * machines share it; each works on its own runs.
 */
export class PostgresStore implements NetworkStore {
  readonly keeps = 'runs';
  readonly #parts: OpenParts;
  readonly #leases = new WeakMap<Ledger, Lease>();
  readonly #quotas: AsyncDisposable[] = [];
  #checked: Promise<void> | undefined;

  /** The database is closed with the store. */
  constructor(parts: PostgresStoreParts) {
    const since = new Date(parts.clock.wallMs()).toISOString();
    this.#parts = { ...parts, keeper: new LeaseKeeper(parts), self: { ...parts.self, since } };
  }

  get where(): string {
    return this.#parts.database.where;
  }

  get access(): DatabaseAccess {
    return this.#parts.database.access;
  }

  trouble(thrown: unknown): unknown {
    return storeTrouble(thrown, this.where);
  }

  async init(): Promise<{ applied: string[]; warnings: string[] }> {
    const { database } = this.#parts;
    const { faults } = await lookAtDurability(database);
    if (faults.length > 0 && !database.isHere) {
      throw new UsageError(faults.map((fault) => `The store ${database.where} is not safe for runs: ${fault}.`));
    }
    return { applied: await applyMigrations(database), warnings: faults };
  }

  async stop(name: string): Promise<RunHolder | undefined> {
    await this.#ready(name);
    const asked = await stopRun(this.#parts.database, name);
    if (asked === undefined) throw noLedger(name);
    return asked.holder ?? undefined;
  }

  async import(name: string, path: string, source: LedgerSource): Promise<ImportedRun> {
    await this.#ready(name);
    return await importRun(this.#parts.database, { name, path, source, self: this.#parts.self });
  }

  async remember(sender: SenderId, longestMs: number, ledgers: readonly CallsElsewhere[]): Promise<number> {
    await this.#ready('');
    return await rememberCalls(this.#parts.database, sender, { longestMs, ledgers }, this.#parts);
  }

  async unknownCalls(ledgers: readonly CallsElsewhere[]): Promise<number> {
    await this.#ready('');
    return await countUnknown(this.#parts.database, ledgers);
  }

  async export<T>(name: string, put: (bytes: AsyncIterable<Uint8Array>) => Promise<T>): Promise<ExportedRun<T>> {
    await this.#ready(name);
    return await exportRun(this.#parts.database, name, put);
  }

  async hold(run: HoldRun): Promise<HeldRun> {
    await this.#ready(run.name);
    return await takeRun(run, this.#parts, (ledger, lease) => this.#leases.set(ledger, lease));
  }

  async *read(name: string, offset = 0): AsyncGenerator<Uint8Array> {
    await this.#ready(name);
    yield* readNamed(this.#parts.database, name, offset);
  }

  async stat(name: string): Promise<RunStat | undefined> {
    await this.#ready(name);
    const row = await runNamed(this.#parts.database, name);
    return row && { size: row.bytes, unfit: undefined };
  }

  /** A place is the beginning of names up to a slash, as a campaign's is; the empty one holds all. */
  async list(place: string): Promise<readonly ListedRun[] | undefined> {
    await this.#ready(place);
    const { database } = this.#parts;
    if (place === '') return (await runsBeginning(database, '')).filter(isCurrent).map(listed);
    const row = await runNamed(database, place);
    if (row !== undefined) return [listed(row)];
    const rows = await runsBeginning(database, `${place.replace(/\/$/, '')}/`);
    return rows.length === 0 ? undefined : rows.filter(isCurrent).map(listed);
  }

  async campaign(name: string): Promise<readonly CampaignEntry[]> {
    await this.#ready(name);
    const rows = await runsBeginning(this.#parts.database, `${name}/`);
    return rows.filter(isCurrent).map(({ name, tenant, head }) => ({ name, tenant, head }));
  }

  async holder(name: string): Promise<RunHolder | undefined> {
    await this.#ready(name);
    return (await runNamed(this.#parts.database, name))?.holder;
  }

  async series(name: string): Promise<readonly RunEntry[]> {
    await this.#ready(name);
    // A series has one beginning, and a stamp of 17 characters behind it.
    const rows = await runsBeginning(this.#parts.database, name.slice(0, -17));
    const byName = new Map(rows.map((row) => [row.name, row]));
    const found = sameSeries(name, [...byName.keys()]) ?? [];
    return found.flatMap((each) => byName.get(each) ?? []).map(entry);
  }

  async remove(
    name: string,
    whyKept: (read: ReadLedger) => string | undefined,
  ): Promise<{ removed: ReadLedger } | { kept: string }> {
    await this.#ready(name);
    const lease = await holdNamed(name, this.#parts);
    try {
      const read = await readLedger(name, this);
      throwIfDamaged(name, read.fault);
      const kept = whyKept(read);
      if (kept !== undefined) return { kept };
      lease.assertFresh();
      if (!(await removeRun(this.#parts.database, lease.held))) throw lease.taken();
      return { removed: read };
    } finally {
      await lease[Symbol.asyncDispose]();
    }
  }

  async quota(sender: SenderId, options: Job['quota'], memory: QuotaMemory): Promise<Quota> {
    const lease = memory.ledger && this.#leases.get(memory.ledger);
    if (memory.ledger !== undefined && lease === undefined) throw new Error('a ledger of another store');
    await this.#ready('');
    const quota = await openQuota(this.#parts.database, sender, options, memory, this.#parts.clock, lease);
    // What became of the last calls is told before the run is given back; without a run, at the end.
    if (lease === undefined) this.#quotas.push(quota);
    else lease.beforeEnd(async () => await quota[Symbol.asyncDispose]());
    return quota;
  }

  async quotaLeft(sender: SenderId, options: Job['quota']): Promise<WindowLeft[]> {
    await this.#ready('');
    return await quotaLeftIn(this.#parts.database, sender, options, this.#parts.clock);
  }

  async check(name: string, sender: SenderId): Promise<StoreFinding> {
    const { database, clock } = this.#parts;
    const place = `the store ${database.where}`;
    try {
      await this.#ready(name);
      const { version, settings, faults } = await lookAtDurability(database);
      const kept = `runs are kept in ${database.where} (PostgreSQL ${version}: ${settings})`;
      const trouble = faults.map((fault) => `; ${fault}`).join('');
      if (trouble !== '' && !database.isHere) return { level: 'wrong', exitCode: 2, text: kept + trouble, place };
      const held = await runsHeld(database);
      const own = held.find((run) => run.name === name)?.holder;
      const standsMs = await QuotaScope.standsMs(database, sender);
      const stands = standsMs < NOTABLE_STAND_MS ? '' : `; ${standingWords(clock.wallMs() + standsMs)}`;
      const text = kept + heldWords(held) + trouble + stands;
      if (own === undefined) return { level: trouble + stands === '' ? 'ok' : 'warning', text, place };
      return { level: 'warning', text: `${text}; a second run of ${name} would exit 11: wait for it to finish`, place };
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      return { level: 'wrong', exitCode: 2, text: error.message, place };
    }
  }

  /** Gives back nothing of what is held: ledgers do that when they are closed. */
  async putPlanBack(): Promise<undefined> {
    return undefined;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { log, database } = this.#parts;
    for (const quota of this.#quotas.splice(0)) {
      try {
        await quota[Symbol.asyncDispose]();
      } catch (error) {
        log.warn({ err: error }, 'what became of the last calls could not be told: their slots stay taken for longer');
      }
    }
    await database[Symbol.asyncDispose]();
  }

  /** Throws a UsageError for a name that no run can have, and for a database with another schema. */
  async #ready(name: string): Promise<void> {
    if (name.length > MAX_NAME || /\p{Cc}/u.test(name)) {
      const shown = JSON.stringify(name.slice(0, 40));
      throw new UsageError(
        `The run ${shown} cannot be: a name has at most ${MAX_NAME} characters, and none that controls.`,
      );
    }
    this.#checked ??= checkSchema(this.#parts.database);
    await this.#checked.catch((error: unknown) => {
      // It may be reached, or set up, the next time.
      this.#checked = undefined;
      throw error;
    });
  }
}

/** More are counted. */
const HELD_NAMED = 5;

function heldWords(held: readonly RunRow[]): string {
  const words = held.flatMap(({ name, holder }) =>
    holder === undefined ? [] : [`${name} by ${describeHolder(holder)}`],
  );
  if (words.length === 0) return '';
  const more = words.length > HELD_NAMED ? [`${words.length - HELD_NAMED} more`] : [];
  return `; held: ${[...words.slice(0, HELD_NAMED), ...more].join(', ')}`;
}

/** A plan that another was put in the place of is nobody's work any more. */
function isCurrent({ name }: RunRow): boolean {
  return !/\.replaced-[0-9a-f]{8}$/.test(name);
}

function entry({ name, modifiedMs }: RunRow): RunEntry {
  return { name, modifiedMs, instead: undefined };
}

function listed(row: RunRow): ListedRun {
  return { ...entry(row), version: `${row.run} ${row.bytes}` };
}
