import { createHash, hash } from 'node:crypto';
import type { LedgerRecord, RecordFields, RecordKind } from './record.ts';

/** 128 bits: nobody finds two plans with one head, not even who writes both. */
export const CHAIN_LENGTH = 32;

/** What stands before a line's chain value. */
export const CHAIN_KEY = ',"chain":"';

/** Length of `,"chain":"<32 hex>"}`, what every line ends with. */
export const TAIL_LENGTH = `${CHAIN_KEY}"}`.length + CHAIN_LENGTH;

/** {@link chainOf} over the bytes of a line that is not ASCII. */
export function chainOfBytes(previous: string, body: Uint8Array): string {
  return createHash('sha256').update(previous).update(body).digest('hex').slice(0, CHAIN_LENGTH);
}

/**
 * The chain value of a line: the first 32 hex digits of SHA-256 over the previous line's chain value (empty for the
 * first line) followed by this line's own text before its last `,"chain":`.
 */
export function chainOf(previous: string, body: string): string {
  return hash('sha256', previous + body, 'hex').slice(0, CHAIN_LENGTH);
}

/** One record as a line, newline included, and its chain value. Fields that are undefined are left out. */
export function encodeLine<K extends RecordKind>(
  previous: string,
  seq: number,
  at: string,
  kind: K,
  fields: RecordFields[K],
): { line: string; chain: string } {
  const body = `{"seq":${seq},"at":"${at}","kind":"${kind}",${JSON.stringify(fields).slice(1, -1)}`;
  const chain = chainOf(previous, body);
  return { line: `${body},"chain":"${chain}"}\n`, chain };
}

/** The record in a line; undefined when it is not JSON or lacks the envelope. Unknown fields and kinds are kept. */
export function decodeLine(line: string): LedgerRecord | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  return isRecord(value) ? value : undefined;
}

function isRecord(value: unknown): value is LedgerRecord {
  if (typeof value !== 'object' || value === null) return false;
  const { seq, at, kind, chain } = value as Record<string, unknown>;
  return typeof seq === 'number' && typeof at === 'string' && typeof kind === 'string' && typeof chain === 'string';
}

/** How the first record of every ledger begins. */
export const FIRST_RECORD = '{"seq":1,"at":"';
