import { DamageError } from '../errors.ts';
import type { LedgerRecord } from './record.ts';
import { type LedgerSource, scanLedger } from './scan-ledger.ts';
import type { ChainFault, Sink } from './scanner.ts';
import { Projection } from './state/projection.ts';
import type { RunState } from './state/run-state.ts';

/** Whoever wants every record as it is read or written, in their order. */
export interface RecordSink {
  /** The next record, written at `atMs` (epoch ms). */
  add(record: LedgerRecord, atMs: number): void;
  /** The next record is a plain `admit`. */
  admitted(): void;
  /** What came so far belongs to a ledger that was set aside: another one begins. */
  restart(): void;
}

export interface LedgerFacts {
  records: number;
  /** Wall clock of the first and last record, epoch ms; undefined without records. */
  from: number | undefined;
  to: number | undefined;
  /** The last chain value; empty without records. */
  head: string;
  /** Bytes after the last newline: a write that was cut off, or that is going on just now. Not damage. */
  tornBytes: number;
  /** The first line that does not fit; everything else here, and the state, is of the lines before it. */
  fault: ChainFault | undefined;
}

export interface ReadLedger extends LedgerFacts {
  state: RunState;
}

export interface ReadOptions {
  /** Gets every record of the reading that counts. */
  trace?: RecordSink | undefined;
  /** A chain value noted earlier (32 hex digits, in lower case), which is looked for while it is read. */
  head?: string | undefined;
  /** Ends the reading; its reason is thrown. */
  signal?: AbortSignal | undefined;
}

/** What whoever goes on with a ledger needs beside what stands in it. */
export interface Reading extends ReadLedger {
  state: Projection;
  /** Of its whole records: where a torn tail begins. */
  bytes: number;
  /** The bytes after the last newline, as text. */
  torn: string;
  /** Where the head that was asked for stands; undefined when none was asked for. */
  headFound: HeadFound | undefined;
}

/**
 * Reads a ledger without a lock and without writing anything; stops before a torn tail and at the first line that does not fit.
 * Throws a UsageError when there is no such file, it never was a ledger, or its format is another than ours.
 */
export async function readLedger(name: string, source: LedgerSource): Promise<ReadLedger> {
  const { state, records, from, to, head, tornBytes, fault } = await project(name, source);
  return { state, records, from, to, head, tornBytes, fault };
}

/** The reading itself, for the reader and for whoever takes the ledger to write to it. Throws as {@link readLedger} does. */
export async function project(
  path: string,
  source: LedgerSource,
  { trace, head, signal }: ReadOptions = {},
): Promise<Reading> {
  let state = new Projection();
  let line: number | undefined;
  const makeSink = (): Sink => {
    const begun = new Projection();
    state = begun;
    line = undefined;
    trace?.restart();
    return {
      ...(trace === undefined ? begunSink(begun) : tracedSink(begun, trace)),
      ...(head === undefined
        ? {}
        : {
            linked: (seq, chain) => {
              if (chain === head) line = seq;
            },
          }),
    };
  };
  const { scanned, torn } = await scanLedger(path, source, makeSink, signal);
  const { records, bytes, tornBytes, fault } = scanned;
  const [from, to] = records === 0 ? [] : [state.firstAtMs, state.lastAtMs];
  const headFound = head === undefined ? undefined : whereIs(line, records);
  return { state, records, from, to, head: scanned.head, bytes, torn, tornBytes, fault, headFound };
}

function begunSink(state: Projection): Sink {
  return {
    apply: (record, atMs) => state.apply(record, atMs),
    admitted: (seq, atMs, id, line) => state.admitted(seq, atMs, id, line),
  };
}

function tracedSink(state: Projection, trace: RecordSink): Sink {
  return {
    apply: (record, atMs) => {
      state.apply(record, atMs);
      trace.add(record, atMs);
    },
    admitted: (seq, atMs, id, line) => {
      state.admitted(seq, atMs, id, line);
      trace.admitted();
    },
  };
}

/** Throws a DamageError (exit 12) when there is a fault. */
export function throwIfDamaged(path: string, fault: ChainFault | undefined): void {
  if (fault === undefined) return;
  throw new DamageError(
    `The ledger ${path} is damaged: line ${fault.line} ${fault.what}. Nothing was sent; look at it, or restore the file from a copy.`,
  );
}

export interface CheckedLedger extends LedgerFacts {
  /** Where the head that was asked for stands; undefined when none was asked for. */
  headFound: HeadFound | undefined;
}

/**
 * `last`: at the last record, as it should. `earlier`: at this line, and more was written behind it. `absent`: nowhere, so records
 * were removed from the end, or it is the head of another ledger.
 */
export type HeadFound = { kind: 'last' } | { kind: 'earlier'; line: number } | { kind: 'absent' };

/**
 * Checks the whole of a ledger against its chain, and its last chain value against a `head` noted earlier (32 hex digits, in lower case). Neither takes a
 * lock nor writes. Throws a UsageError when there is no such file or its format is another than ours.
 */
export async function checkLedger(name: string, source: LedgerSource, wanted?: string): Promise<CheckedLedger> {
  const head = wanted?.trim().toLowerCase();
  let line: number | undefined;
  let [from, to]: [number | undefined, number | undefined] = [undefined, undefined];
  const { scanned } = await scanLedger(name, source, () => {
    line = from = to = undefined;
    return {
      apply(_record, atMs) {
        from ??= atMs;
        to = atMs;
      },
      linked(seq, chain) {
        if (chain === head) line = seq;
      },
    };
  });
  const { records, tornBytes, fault } = scanned;
  const headFound = head === undefined ? undefined : whereIs(line, records);
  return { records, from, to, head: scanned.head, tornBytes, fault, headFound };
}

function whereIs(line: number | undefined, records: number): HeadFound {
  if (line === undefined) return { kind: 'absent' };
  return line === records ? { kind: 'last' } : { kind: 'earlier', line };
}
