import { describe, expect, it } from 'vitest';
import { runIntake } from '../../src/engine/intake.ts';
import { UsageError } from '../../src/errors.ts';
import type { Intake, IntakeRow } from '../../src/intake/rows.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { id } from './run.ts';

function intakeOf(rows: () => Generator<IntakeRow>): Intake {
  return {
    async *[Symbol.asyncIterator]() {
      yield* rows();
    },
    summary: () => ({ bytes: 1, sha256: '' }),
    remarks: () => [],
  };
}

/** As much of a ledger as an intake needs. */
function ledgerOf() {
  const seen = new Set<string>();
  const counts = { rejects: 0, intakes: 0 };
  const ledger: Pick<Ledger, 'beginIntake' | 'admit' | 'reject' | 'intake'> = {
    beginIntake: () => {},
    admit: async ({ id: each }) => {
      if (seen.has(each)) return 'repeated';
      seen.add(each);
      return 'admitted';
    },
    reject: async () => {
      counts.rejects++;
    },
    intake: async () => {
      counts.intakes++;
    },
  };
  return { ledger: ledger as Ledger, counts };
}

const OPTIONS = { strict: false, signal: new AbortController().signal, name: 'list.csv' };

describe('a source that names the same actions again and again', () => {
  it('a source that names the same actions again and again is given up where it never ends', async () => {
    const { ledger, counts } = ledgerOf();
    const endless = intakeOf(function* () {
      for (let line = 1; ; line++) yield { kind: 'id', id: id(line % 3), line };
    });
    const reading = runIntake(ledger, endless, OPTIONS);
    await expect(reading).rejects.toThrow(UsageError);
    await expect(reading).rejects.toThrow(/list.csv names the same 3 actions again and again/);
    expect([counts.rejects, counts.intakes]).toEqual([99_999, 0]);
  });

  it('a source that names the same actions again and again is read where each is named fifty times', async () => {
    const { ledger, counts } = ledgerOf();
    const rows = intakeOf(function* () {
      for (let line = 1; line <= 150_000; line++) yield { kind: 'id', id: id(line % 3000), line };
    });
    expect(await runIntake(ledger, rows, OPTIONS)).toMatchObject({ admitted: 3000, rejected: 147_000 });
    expect(counts.intakes).toBe(1);
  });
});
