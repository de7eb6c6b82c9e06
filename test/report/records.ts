import type { LedgerRecord, OpenFields, RecordFields, RecordKind } from '../../src/ledger/record.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

export const T0 = Date.parse('2026-03-02T22:00:00.000Z');
export const RUN = '3f2a91c0-0b1e-4c2d-9e3f-5a6b7c8d9e0f';

/** Records in order, each a given time after the one before; the chain is left to those who test the chain. */
export class Script {
  readonly records: LedgerRecord[] = [];
  atMs: number;
  call = 0;
  #seq = 0;

  constructor(atMs = T0) {
    this.atMs = atMs;
  }

  add<K extends RecordKind>(kind: K, fields: RecordFields[K], afterMs = 1): this {
    this.atMs += afterMs;
    const envelope = { seq: ++this.#seq, at: new Date(this.atMs).toISOString(), kind };
    this.records.push({ ...envelope, ...fields, chain: '00112233445566ff00112233445566ff' } as LedgerRecord);
    return this;
  }

  open(session = 1, fields: Partial<OpenFields> = {}): this {
    return this.add('open', { ...openFields(session), ...fields });
  }

  /** A cancel call and its answer `ms` later. */
  cancel(id: string, answer: Partial<RecordFields['reply']>, { attempt = 1, ms = 120, afterMs = 600 } = {}): this {
    const call = ++this.call;
    this.add('intent', { call, route: 'cancel', id, attempt }, afterMs);
    return this.add('reply', { call, id, attempt, ms, ...answer }, ms);
  }

  list(ids: number): this {
    const call = ++this.call;
    this.add('intent', { call, route: 'list', ids, attempt: 1 });
    return this.add('reply', { call, attempt: 1, ms: 300, http: 200 }, 300);
  }
}

function openFields(session: number): OpenFields {
  return {
    format: 2,
    run: RUN,
    session,
    tool: 'countermand 0.1.0',
    tenant: '11111111-2222-3333-4444-555555555555',
    client: '66666666-7777-8888-9999-000000000000',
    api: 'https://api.security.microsoft.com',
    job: {
      ...FROZEN_JOB,
      name: 'nightly-isolations',
      comment: 'INC-4711 wrong isolation wave',
      source: { kind: 'file', path: '/data/wave.csv' },
      quota: {
        windows: [
          { calls: 100, perMs: 60_000 },
          { calls: 1500, perMs: 3_600_000 },
        ],
        share: 1,
        routes: 'shared',
      },
      concurrency: 16,
      guards: { ...FROZEN_JOB.guards, onlyType: ['Isolate'] },
    },
  };
}

export function guid(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}
