import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { fileDisk } from '../../src/ledger/file-disk.ts';
import { openLedger } from '../../src/ledger/open-ledger.ts';
import { readLedger } from '../../src/ledger/read-ledger.ts';

test('a ledger written is read back the same', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'ledger-'));
  const path = join(folder, 'l', 'a.jsonl');
  const open = { tool: 'countermand 0', tenant: 't', client: 'c', api: 'https://a', job: {} };
  {
    await using ledger = await openLedger({ path, disk: fileDisk, clock: systemClock, open });
    ledger.beginIntake();
    await ledger.admit({ id: 'a', line: 1 });
    await ledger.intake({ admitted: 1, rejected: 0, bytes: 1, sha256: 'x' });
    await ledger.start({ by: 'yes', count: 1 });
    const call = await ledger.intent({ route: 'cancel', id: 'a', attempt: 1 });
    await ledger.assertHeld();
    await ledger.reply({ call, id: 'a', ms: 3, http: 200 });
    await ledger.outcome({ id: 'a', outcome: 'cancelled', attempts: 1 });
    await ledger.close('finished');
  }
  const { book, records, fault } = await readLedger({ path, disk: fileDisk });
  expect({ fault, records, left: [...book.left()], calls: book.calls }).toEqual({
    fault: undefined,
    records: 8,
    left: [],
    calls: { cancel: 1, get: 0, list: 0 },
  });
  expect((await readFile(path, 'utf8')).split('\n')).toHaveLength(9);
});
