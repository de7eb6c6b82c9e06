import { join } from 'node:path';
import { remedyFor, troubleInWords } from '../disk-trouble.ts';
import { DamageError, UsageError } from '../errors.ts';
import { seriesOf } from '../job/ledger-name.ts';
import type { Disk } from '../ledger/disk.ts';
import { hasCode } from '../ledger/file-disk.ts';
import { decodeLine } from '../ledger/line.ts';
import { type ReadLedger, readLedger, readOrRefuse } from '../ledger/read-ledger.ts';
import { readTail } from '../ledger/tail.ts';
import type { Logger } from '../log.ts';

/**
 * The newest ledger of the series of `ledger` whose run is not finished; undefined when there is none. A damaged one whose last record still
 * says that its run finished holds no work and is only told. Throws a DamageError for a damaged one that may be the one looked for, and
 * a UsageError for one that cannot be read at all: neither is passed over in silence.
 */
export async function newestUnfinished(ledger: string, disk: Disk, log: Logger): Promise<string | undefined> {
  const series = seriesOf(ledger, await namesIn(join(ledger, '..'), disk));
  for (const name of series?.names ?? []) {
    const path = join(series?.folder ?? '', name);
    const kind = (await disk.stat(path).catch(() => undefined))?.kind;
    if (kind === 'a named pipe' || kind === 'a socket' || kind === 'a device') {
      log.warn({ path }, `${path} is named as an earlier ledger of this job and is ${kind}: passed over`);
      continue;
    }
    const { book, fault } = await readOfSeries(path, disk);
    if (fault === undefined) {
      if (book.sessions.length > 0 && book.sessions.at(-1)?.closed?.reason !== 'finished') return path;
      continue;
    }
    const damage = `the earlier ledger ${path} is damaged (line ${fault.line} ${fault.what})`;
    if (!(await endsFinished(path, disk))) {
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

/** A folder that is not there yet holds nothing; one that cannot be listed may hold work left. */
async function namesIn(folder: string, disk: Disk): Promise<string[]> {
  try {
    return await disk.list(folder);
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return [];
    if (!(error instanceof Error)) throw error;
    const remedy = remedyFor(error) ?? 'name a folder that this user may read, with --ledger';
    throw new UsageError(
      `the folder ${folder} cannot be searched for earlier ledgers of this job (${troubleInWords(error)}): ${remedy}`,
      { cause: error },
    );
  }
}

async function readOfSeries(path: string, disk: Disk): Promise<ReadLedger> {
  try {
    return await readLedger({ path, disk });
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${error.message} By its name it is an earlier ledger of this job, which may hold work left: move it to another folder to begin without it.`,
      { cause: error },
    );
  }
}

/** By its last line alone, which must be whole. */
async function endsFinished(path: string, disk: Disk): Promise<boolean> {
  const size = (await disk.stat(path))?.size ?? 0;
  const { lines, isTorn } = await readTail(size, (offset) => readOrRefuse(path, disk, offset));
  const last = isTorn ? undefined : decodeLine(lines.at(-1) ?? '');
  return last?.kind === 'close' && last.reason === 'finished';
}
