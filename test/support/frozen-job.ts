import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';

/** A job as an `open` record holds it. */
export const FROZEN_JOB = {
  name: 'test',
  tenant: '11111111-1111-4111-8111-111111111111',
  clientId: '22222222-2222-4222-8222-222222222222',
  auth: {},
  api: { cloud: 'commercial', allowHosts: [] },
  source: { kind: 'stdin' },
  comment: 'INC-4711',
  ledger: '/ledgers/a.jsonl',
  quota: { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' },
  concurrency: 16,
  guards: { onlyType: [], onlyRequestor: [], onlyMachine: [], maxFailures: { percent: 10 } },
  patienceMs: 3_600_000,
  screen: 'auto',
  confirmForMs: 120_000,
  strictInput: false,
  planMaxAgeMs: 86_400_000,
};
