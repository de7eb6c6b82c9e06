import { DamageError, LockedError, UsageError } from '../../errors.ts';
import { thawJob } from '../../job/resume-job.ts';
import { ChainCheck } from '../../ledger/chain-check.ts';
import { LineCutter } from '../../ledger/line-cutter.ts';
import { project, type Reading, throwIfDamaged } from '../../ledger/read-ledger.ts';
import type { LedgerSource } from '../../ledger/scan-ledger.ts';
import { lookBackMs } from '../../quota/past-calls.ts';
import { DOCUMENTED_WINDOWS } from '../../quota/quota.ts';
import type { ExportedRun, ImportedRun } from '../network-store.ts';
import type { RunHolder } from '../store.ts';
import type { Database, Session } from './database.ts';
import { describeHolder, LEASE_MS } from './lease.ts';
import { noLedger, readRun } from './read.ts';
import { appendLines, type HeldRun, holdRun, nameTenant, releaseRun, runNamed } from './run-functions.ts';

const CHUNK_BYTES = 1 << 20;
/** `"chain":"` stands before, `"}` and a newline behind the 32 digits. */
const END_OF_LINE = /([0-9a-f]{32})"\}\n$/;

export interface ImportWish {
  /** What the run is called in the store. */
  name: string;
  /** For messages, and what `source` is asked for. */
  path: string;
  source: LedgerSource;
  self: RunHolder;
}

/**
 * Reads a ledger's file into the store, byte for byte, all of it or nothing. Throws a DamageError (exit 12) for one that does not fit its chain; a
 * UsageError (exit 2) for what is no ledger, and where the store has another run of this name, or this one and more of it; a LockedError (exit 11)
 * while somebody works on it.
 */
export async function importRun(database: Database, wish: ImportWish): Promise<ImportedRun> {
  const { path, source } = wish;
  const read = await project(path, source);
  throwIfDamaged(path, read.fault);
  if (read.records === 0) throw new UsageError(`The ledger ${path} holds no record: there is nothing to import.`);
  const what = await database.transaction((session) => importHeld(session, wish, read));
  const { records, head, tornBytes, state } = read;
  const openings = state.sessions.map(({ opened }) => opened);
  const senders = new Map(
    openings.map(({ tenant, client, api }) => [`${tenant}\n${client}\n${api}`, { tenant, client, api }]),
  );
  const windows = thawJob(openings.at(-1)?.job).quota.windows;
  return {
    ...{ what, records, head, tornBytes },
    senders: [...senders.values()],
    lookBackMs: lookBackMs([...DOCUMENTED_WINDOWS, ...windows]),
  };
}

async function importHeld(session: Session, wish: ImportWish, read: Reading): Promise<ImportedRun['what']> {
  const { name, path, source, self } = wish;
  const { state } = read;
  await refuseOtherRun(session, name, state.run);
  const hold = { name, newRun: state.run, create: true, holder: self, leaseMs: LEASE_MS };
  const held = await holdRun(session, hold);
  if (held.outcome === 'busy') {
    const who = held.holder === null ? 'another run' : describeHolder(held.holder);
    throw new LockedError(`The run ${name} is held by ${who}: wait until that run ends, then import it.`);
  }
  if (held.outcome === 'none') throw noLedger(name);
  if (held.bytes > read.bytes || (held.bytes === read.bytes && held.head !== read.head)) {
    throw wentOn(name, path);
  }
  if (held.bytes === 0) await nameTenant(session, held, state.sessions[0]?.opened.tenant ?? '');
  if (held.bytes < read.bytes) {
    const end = await append(session, held, held, { read: () => source.read(path), scanned: read });
    if (end === 'another') throw wentOn(name, path);
  }
  await releaseRun(session, held);
  if (held.bytes === read.bytes) return 'same';
  return held.bytes === 0 ? 'new' : 'extended';
}

/** A run may be in the store once: under two names, two could go on with it. */
async function refuseOtherRun(session: Session, name: string, run: string): Promise<void> {
  const found = await session.query<{ name: string; run: string }>(
    'select name, run from countermand.run where name = $1 and bytes > 0 or run = $2',
    [name, run],
  );
  const other = found.find((each) => each.run !== run || each.name !== name);
  if (other === undefined) return;
  throw new UsageError(
    other.name === name
      ? `The store has another run that is called ${name}: rename the file, then import it.`
      : `The run of this ledger is in the store already, as ${other.name}: give the file that name, or leave it.`,
  );
}

/** Puts what the store lacks behind what it has. `another`: what it has is not how the file begins. */
async function append(
  session: Session,
  held: HeldRun,
  has: { bytes: number; head: string },
  { read, scanned }: { read(): AsyncIterable<Uint8Array>; scanned: Pick<Reading, 'bytes' | 'records' | 'head'> },
): Promise<'appended' | 'another'> {
  const check = new ChainCheck({ head: '', rest: new Uint8Array() });
  let at = 0;
  let before = '';
  const put = async (lines: Buffer) => {
    // Of the file's beginning the store must have every byte, and end where a line of it ends.
    const skipped = Math.min(lines.length, Math.max(0, has.bytes - at));
    if (skipped > 0) before = END_OF_LINE.exec(lines.toString('latin1', Math.max(0, skipped - 64), skipped))?.[1] ?? '';
    if (at <= has.bytes && at + lines.length > has.bytes && before !== has.head) return false;
    if (skipped < lines.length) {
      const answer = await appendLines(session, held, at + skipped, lines.subarray(skipped), LEASE_MS);
      if (answer.outcome !== 'written') throw new Error(`an import was ${answer.outcome}`);
    }
    at += lines.length;
    return true;
  };
  for await (const lines of linesIn(read(), scanned.bytes)) {
    check.push(new Uint8Array(lines));
    if (!(await put(lines))) return 'another';
  }
  const { broken, lines, head } = check.result;
  // Nobody has a lock on a file: it was read twice, and counts as it was checked.
  if (broken || lines !== scanned.records || head !== scanned.head) {
    throw new UsageError('The ledger was changed while it was imported: import it once nobody works on it.');
  }
  return 'appended';
}

/** The first `bytes` bytes as whole lines, about a chunk of them at a time. */
async function* linesIn(source: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer> {
  const cutter = new LineCutter();
  let waiting: Buffer[] = [];
  let waitingBytes = 0;
  let left = bytes;
  for await (const chunk of source) {
    const block = cutter.push(chunk.subarray(0, left));
    left -= Math.min(left, chunk.length);
    if (block !== undefined) {
      // A copy: the source uses its chunk again.
      waiting.push(Buffer.from(block));
      waitingBytes += block.length;
    }
    if (waitingBytes >= CHUNK_BYTES || (left === 0 && waitingBytes > 0)) {
      yield Buffer.concat(waiting);
      waiting = [];
      waitingBytes = 0;
    }
    if (left === 0) return;
  }
}

/**
 * Hands out a run's ledger as the file that it is. Throws a UsageError (exit 2) when there is none of this name, and a DamageError (exit 12) when it does
 * not fit its chain, as the last thing that `put` sees.
 */
export async function exportRun<T>(
  database: Database,
  name: string,
  put: (bytes: AsyncIterable<Uint8Array>) => Promise<T>,
): Promise<ExportedRun<T>> {
  const row = await runNamed(database, name);
  if (row === undefined) throw noLedger(name);
  const check = new ChainCheck({ head: '', rest: new Uint8Array() });
  const end = await put(checked(readRun(database, row), check, name));
  const { lines: records, head } = check.result;
  return { records, head, end };
}

async function* checked(
  source: AsyncIterable<Uint8Array>,
  check: ChainCheck,
  name: string,
): AsyncGenerator<Uint8Array> {
  for await (const bytes of source) {
    check.push(new Uint8Array(bytes));
    yield bytes;
  }
  const { broken, lines } = check.result;
  if (!broken) return;
  throw new DamageError(
    `The ledger ${name} is damaged: line ${lines + 1} does not follow from the line before. Look at it, or restore the database.`,
  );
}

function wentOn(name: string, path: string): UsageError {
  return new UsageError(
    `The run ${name} in the store went on since ${path} was written, or is another: nothing was changed. Go on with it there, or export it.`,
  );
}
