import { DamageError, UsageError } from '../errors.ts';
import { decodeLine } from '../ledger/line.ts';
import { type ReadLedger, readLedger, readOrRefuse } from '../ledger/read-ledger.ts';
import { readTail } from '../ledger/tail.ts';
import type { Store } from '../store/store.ts';
import type { Machine } from './machine.ts';

/**
 * The newest ledger of the series of `ledger` whose run is not finished; undefined when there is none. A damaged one whose last record still
 * says that its run finished holds no work and is only told. Throws a DamageError for a damaged one that may be the one looked for, and
 * a UsageError for one that cannot be read at all: neither is passed over in silence.
 */
export async function newestUnfinished(
  ledger: string,
  { store, log }: Pick<Machine, 'store' | 'log'>,
): Promise<string | undefined> {
  for (const { name: path, instead } of await store.series(ledger)) {
    if (instead !== undefined) {
      log.warn({ path }, `${path} is named as an earlier ledger of this job and is ${instead}: passed over`);
      continue;
    }
    const { state, fault } = await readOfSeries(path, store);
    if (fault === undefined) {
      if (state.sessions.length > 0 && state.sessions.at(-1)?.closed?.reason !== 'finished') return path;
      continue;
    }
    const damage = `the earlier ledger ${path} is damaged (line ${fault.line} ${fault.what})`;
    if (!(await endsFinished(path, store))) {
      throw new DamageError(
        `${damage} and may hold work left, so nothing was sent: restore it from a copy, or move it to another folder to begin without it`,
      );
    }
    log.warn(
      { damaged: path },
      `${damage}; its last record says that its run was finished, so this run goes on without it`,
    );
  }
  return undefined;
}

async function readOfSeries(path: string, store: Store): Promise<ReadLedger> {
  try {
    return await readLedger(path, store);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${error.message} By its name it is an earlier ledger of this job, which may hold work left: move it to another folder to begin without it.`,
      { cause: error },
    );
  }
}

/** By its last line alone, which must be whole. */
async function endsFinished(path: string, store: Store): Promise<boolean> {
  const size = (await store.stat(path))?.size ?? 0;
  const { lines, isTorn } = await readTail(size, (offset) => readOrRefuse(path, store, offset));
  const last = isTorn ? undefined : decodeLine(lines.at(-1) ?? '');
  return last?.kind === 'close' && last.reason === 'finished';
}
