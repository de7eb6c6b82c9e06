import { join } from 'node:path';
import { hasCode, remedyFor } from '../../fs-errors.ts';
import { type ClocksNow, slowestOf } from '../../ledger/call-age.ts';
import { isIsoTime } from '../../ledger/field.ts';
import { decodeLine, FIRST_RECORD } from '../../ledger/line.ts';
import { LineCutter, NEWLINE } from '../../ledger/line-cutter.ts';
import { LEDGER_FORMAT, type LedgerRecord, type RecordKind } from '../../ledger/record.ts';
import { fieldsFault } from '../../ledger/record-fields.ts';
import { areDifferentTenants, type SenderId, serviceOf } from '../../ledger/sender.ts';
import { Projection } from '../../ledger/state/projection.ts';
import type { PastCall, RunState } from '../../ledger/state/run-state.ts';
import { readTail } from '../../ledger/tail.ts';
import type { Logger } from '../../log.ts';
import { LATEST_COUNT_MS } from '../../quota/call-times.ts';
import { agedCalls } from '../../quota/past-calls.ts';
import type { CallsElsewhere } from '../network-store.ts';
import type { Disk, FileFacts } from './disk.ts';

/**
 * Each clock, then or now, may differ from Defender's by this much before a neighbour's calls are overlooked: a machine whose
 * clock was wrong by hours is not rare, and a file too many costs little.
 */
const CLOCK_SLACK_MS = 24 * 3_600_000;

export interface FolderCallsOptions extends SenderId {
  folder: string;
  disk: Disk;
  log: Logger;
  /** Asked once, and only where there are files whose calls may count: reading Defender's clock is a request. */
  clocks: () => Promise<ClocksNow>;
  /** The longest window. @default an hour */
  withinMs?: number;
  /** Our own ledgers, which are asked themselves. @default none */
  except?: readonly string[];
  /** What was read before, and is read here. @default nothing */
  seen?: SeenCalls | undefined;
}

/** A ledger of the folder, as far as its calls go. */
interface Neighbour {
  state: RunState;
  /** Those that can still count, of some of its sessions; of all when nothing is said. */
  recent(among?: (session: number) => boolean): PastCall[];
}

/** Calls by the file that has them, as it was then, and by who looked for them: with time they get older, and never more. */
export type SeenCalls = Map<string, { version: string; calls: readonly PastCall[] }>;

/**
 * Calls that other ledgers of this folder made as the same application, in the same tenant, against the same service, and that can still
 * count. A tenant's domain may be this tenant's, so its calls count: better to wait than to overspend.
 * Only files that may have been written lately are read, and of them only who made calls, the calls and the replies. What is damaged or of another
 * format is counted as far as it can be read, and said.
 */
export async function recentCallsInFolder(options: FolderCallsOptions): Promise<PastCall[]> {
  const found = await ofNeighbours(options, (path, facts, now) => knownCallsOf(path, facts, now, options));
  return found.flat();
}

/**
 * As {@link recentCallsInFolder}, for a store that these ledgers are not in: each by itself, so that no session's calls are taken twice. `held` are those
 * that somebody worked on before they are read here: their last session may go on.
 */
export async function callsElsewhere(
  options: FolderCallsOptions & { held: ReadonlySet<string> },
): Promise<CallsElsewhere[]> {
  const found = await ofNeighbours(options, async (path, { modifiedMs }, now) => {
    const neighbour = await callsOf(path, modifiedMs, now, options);
    if (neighbour === undefined) return [];
    const { state, recent } = neighbour;
    const { run, sessions } = state;
    const last = sessions.at(-1);
    const goesOn = last?.closed === undefined && options.held.has(path) ? last : undefined;
    const ended = sessions.filter((session) => session !== goesOn).map(({ number }) => number);
    const clocksNow = await options.clocks();
    return [{ run, ended, calls: (among: (session: number) => boolean) => agedCalls(recent(among), clocksNow) }];
  });
  return found.flat();
}

/** What `read` finds in each ledger of the folder whose calls may count; what cannot be read is said and left out. */
async function ofNeighbours<T>(
  options: FolderCallsOptions,
  read: (path: string, facts: FileFacts, now: ClocksNow) => Promise<T>,
): Promise<T[]> {
  const { folder, disk, log, withinMs = 3_600_000, except = [] } = options;
  const found: T[] = [];
  const names = (await disk.list(folder)).filter(
    (name) => !name.endsWith('.lock') && !except.includes(join(folder, name)),
  );
  if (names.length === 0) return found;
  // Before anything is judged by its age, which a clock that was set since then would misjudge.
  const now = await options.clocks();
  const oldMs = slowestOf(now) - withinMs - LATEST_COUNT_MS - CLOCK_SLACK_MS;
  // A file with two names, as by a link to the latest ledger, made its calls once.
  const own = await Promise.all(except.map((path) => disk.stat(path).catch(() => undefined)));
  const seen = new Set(own.map((facts) => facts?.identity));
  for (const name of names) {
    const path = join(folder, name);
    try {
      const facts = await disk.stat(path);
      if (facts?.kind !== 'a file' || seen.has(facts.identity)) continue;
      seen.add(facts.identity);
      if (facts.modifiedMs < oldMs && (await endsBefore(oldMs, path, facts.size, disk))) continue;
      found.push(await read(path, facts, now));
    } catch (error) {
      // Calls would be forgotten for want of a handle.
      if (remedyFor(error) !== undefined) throw error;
      // A file of somebody else, unless it has the name of a ledger.
      const level = name.endsWith('.jsonl') && !hasCode(error, 'ENOENT') ? 'warn' : 'debug';
      log[level]({ err: error }, `${path} cannot be read, so calls that it holds do not count against the quota`);
    }
  }
  return found;
}

/**
 * Whether a ledger has no call of this moment or later by the clocks that its own records know: a file's time alone shows nothing, since `touch`,
 * a copy or a clock that was set when it was written makes it any. No call was made after the last record, none that was
 * answered after the last answer: they are old when that record is by the clock of who wrote it, and that answer by Defender's.
 * Where its end does not tell, it may have one.
 */
async function endsBefore(atMs: number, path: string, size: number, disk: Disk): Promise<boolean> {
  const { lines, isWhole } = await readTail(size, (offset) => disk.read(path, offset));
  let lastMs: number | undefined;
  for (const line of lines.reverse()) {
    const record = decodeLine(line);
    const recordMs = Date.parse(record?.at ?? '');
    // Of no ledger, or damaged.
    if (record === undefined || Number.isNaN(recordMs)) return false;
    lastMs ??= recordMs;
    if (lastMs >= atMs) return false;
    // Those after it that were not answered are told by its skew too.
    if (record.kind === 'reply' && record.http !== undefined) {
      return Math.max(lastMs, recordMs) + (record.skewMs ?? 0) < atMs;
    }
  }
  return isWhole;
}

async function knownCallsOf(
  path: string,
  { identity, size, modifiedMs }: FileFacts,
  now: ClocksNow,
  options: FolderCallsOptions,
): Promise<readonly PastCall[]> {
  const { seen, tenant, client, api, withinMs } = options;
  const key = [path, tenant, client, api, withinMs].join('\n');
  const version = `${identity} ${size} ${modifiedMs}`;
  const known = seen?.get(key);
  if (known?.version === version) return known.calls;
  const calls = (await callsOf(path, modifiedMs, now, options))?.recent() ?? [];
  seen?.set(key, { version, calls });
  return calls;
}

async function callsOf(
  path: string,
  modifiedMs: number,
  now: ClocksNow,
  options: FolderCallsOptions,
): Promise<Neighbour | undefined> {
  const { disk, log, client, withinMs = 3_600_000 } = options;
  const state = new Projection();
  let trouble: string | undefined;
  for await (const record of readKinds(path, disk, ['open', 'intent', 'reply', 'close'])) {
    if (typeof record === 'number') {
      trouble ??= `line ${record} cannot be read`;
      continue;
    }
    if (record.kind === 'open') {
      if (!mayBeSame(record, options)) return undefined;
      if (record.format !== LEDGER_FORMAT) trouble ??= `its format is ${record.format}`;
    }
    state.apply(record, Date.parse(record.at));
  }
  const recent = (among?: (session: number) => boolean) =>
    state.recentCalls(now, withinMs, client, modifiedMs - state.lastAtMs, among);
  if (trouble !== undefined) {
    log.warn(
      `the ledger ${path} beside ours is damaged or of another version (${trouble}): its ${recent().length} readable calls count against the quota, others cannot`,
    );
  }
  return { state, recent };
}

/** The client is told apart by session, since it may change; tenant and service are the same in all of a ledger. */
export function mayBeSame(opened: SenderId, { tenant, api }: SenderId): boolean {
  return !areDifferentTenants(opened.tenant, tenant) && serviceOf(opened.api) === serviceOf(api);
}

const BEGINNING = Buffer.from(FIRST_RECORD);

/** `kind` stands this near the beginning of a line, whatever its `seq`. */
const KIND_WITHIN_BYTES = 80;

/**
 * The records of some kinds, without checking the chain and without parsing the other lines: for what must be quick, or must
 * make the best of a ledger that is damaged. Their fields are checked as ever, but for the job, of which nothing is asked here. A line that looks
 * like one of these kinds but cannot be read is given as its line number.
 * Yields nothing for a file that is no ledger.
 */
export async function* readKinds(
  path: string,
  disk: Disk,
  kinds: readonly RecordKind[],
): AsyncGenerator<LedgerRecord | number> {
  const wanted = kinds.map((kind) => `"kind":"${kind}"`);
  const cutter = new LineCutter();
  let number = 0;
  let begun = false;
  for await (const chunk of disk.read(path)) {
    if (!begun && !isBeginning(chunk)) return;
    begun = true;
    const block = cutter.push(chunk);
    for (let from = 0; block !== undefined && from < block.length; ) {
      const to = block.indexOf(NEWLINE, from);
      number++;
      const envelope = block.toString('latin1', from, Math.min(to, from + KIND_WITHIN_BYTES));
      if (wanted.some((kind) => envelope.includes(kind))) yield recordIn(block.toString('utf8', from, to)) ?? number;
      from = to + 1;
    }
    if (cutter.tooLong) return;
  }
}

/** Whatever number it has: lines before it may be lost. */
function recordIn(line: string): LedgerRecord | undefined {
  const record = decodeLine(line);
  if (record === undefined || !isIsoTime(record.at)) return undefined;
  const fault = fieldsFault(record.kind, record as unknown as Readonly<Record<string, unknown>>, ['job']);
  return fault === undefined ? record : undefined;
}

function isBeginning(chunk: Uint8Array): boolean {
  const length = Math.min(chunk.length, BEGINNING.length);
  return BEGINNING.subarray(0, length).equals(chunk.subarray(0, length));
}
