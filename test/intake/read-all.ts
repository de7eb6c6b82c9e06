import { type ReadOptions, readIds } from '../../src/intake/read-ids.ts';
import type { IntakeRow } from '../../src/intake/rows.ts';

/** Hands bytes out in pieces of the given lengths, over and over; without lengths in one piece. */
async function* inPieces(bytes: Uint8Array, lengths: readonly number[] = []): AsyncGenerator<Uint8Array> {
  if (lengths.length === 0) {
    yield bytes;
    return;
  }
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] ?? 1;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

export interface ReadBack {
  rows: IntakeRow[];
  summary: { bytes: number; sha256: string } | undefined;
  /** What stopped the reading. */
  error: unknown;
}

export async function readAll(
  content: string | Uint8Array,
  options: Partial<ReadOptions> = {},
  lengths: readonly number[] = [],
): Promise<ReadBack> {
  const intake = readIds(inPieces(Buffer.from(content as Uint8Array), lengths), { name: 'list.csv', ...options });
  const rows: IntakeRow[] = [];
  try {
    for await (const row of intake) rows.push(row);
  } catch (error) {
    return { rows, summary: undefined, error };
  }
  return { rows, summary: intake.summary(), error: undefined };
}
