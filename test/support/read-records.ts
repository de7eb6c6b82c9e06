import { throwIfDamaged } from '../../src/ledger/read-ledger.ts';
import type { LedgerRecord } from '../../src/ledger/record.ts';
import { Scanner } from '../../src/ledger/scanner.ts';
import type { Disk } from '../../src/store/folder/disk.ts';

/** The records one at a time, checked against the chain. Throws a DamageError at a line that does not fit; a torn tail is left out. */
export async function* readRecords({ path, disk }: { path: string; disk: Disk }): AsyncGenerator<LedgerRecord> {
  const records: LedgerRecord[] = [];
  const scanner = new Scanner({ apply: (record) => void records.push(record) });
  for await (const chunk of disk.read(path)) {
    scanner.push(chunk);
    yield* records.splice(0);
    throwIfDamaged(path, scanner.result.fault);
  }
}
