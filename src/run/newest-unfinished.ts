import { DamageError, UsageError } from '../errors.ts';
import { decodeLine } from '../ledger/line.ts';
import { readLedger } from '../ledger/read-ledger.ts';
import { readOrRefuse } from '../ledger/scan-ledger.ts';
import { readTail } from '../ledger/tail.ts';
import type { FoundRun, Store } from '../store/store.ts';
import type { Holding } from './holding.ts';
import type { Machine } from './machine.ts';

/**
 * Takes the newest ledger of the series of `ledger` whose run is not finished; undefined when there is none. One that ends as finished by its last record
 * is only read: it may be an archive that nobody can write to. A damaged one of these holds no work and is only told.
 * Throws a DamageError for a damaged one that may be the one looked for, and a UsageError for one that cannot be read or taken at all: neither is passed
 * over in silence. Throws what `Store.hold` does.
 */
export async function holdNewestUnfinished(
  ledger: string,
  holding: Pick<Holding, 'hold' | 'giveBack'>,
  { store, log }: Pick<Machine, 'store' | 'log'>,
): Promise<{ name: string; found: FoundRun } | undefined> {
  for (const { name, instead } of await store.series(ledger)) {
    if (instead !== undefined) {
      log.warn({ path: name }, `${name} is named as an earlier ledger of this job and is ${instead}: passed over`);
      continue;
    }
    if (await ofSeries(endsFinished(name, store))) {
      const { state, fault } = await ofSeries(readLedger(name, store));
      if (fault !== undefined) {
        log.warn(
          { damaged: name },
          `the earlier ledger ${name} is damaged (line ${fault.line} ${fault.what}); its last record says that its run was finished, so this run goes on without it`,
        );
        continue;
      }
      if (isFinished(state)) continue;
    }
    const { found } = await ofSeries(holding.hold({ name, existing: 'existing' }));
    const { state, fault } = found;
    if (fault !== undefined) {
      throw new DamageError(
        `the earlier ledger ${name} is damaged (line ${fault.line} ${fault.what}) and may hold work left, so nothing was sent: restore it from a copy, or move it to another folder to begin without it`,
      );
    }
    if (state.sessions.length > 0 && !isFinished(state)) return { name, found };
    await holding.giveBack();
  }
  return undefined;
}

function isFinished({ sessions }: FoundRun['state']): boolean {
  return sessions.at(-1)?.closed?.reason === 'finished';
}

async function ofSeries<T>(look: Promise<T>): Promise<T> {
  try {
    return await look;
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
