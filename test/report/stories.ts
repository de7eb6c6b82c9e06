import type { Outcome } from '../../src/ledger/outcomes.ts';
import { type CloseReason, type LedgerRecord, NOT_FOUND_STATUS } from '../../src/ledger/record.ts';
import { allFree } from '../../src/quota/forecast.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { forecastFacts, type PlanDecision, type PlanFacts } from '../../src/report/facts/plan-summary.ts';
import { guid, Script, T0 } from './records.ts';

export interface Fate {
  outcome: Outcome | undefined;
  type?: string;
  status?: string;
  /** Status that settled it. */
  ended?: string;
  http?: number;
  code?: string;
  error?: string;
  detail?: string;
  computer?: string | null;
  requestor?: string | null;
}

/** One action of every outcome and one that is open, with hostile words in names. */
export const EVERY_FATE: readonly Fate[] = [
  { outcome: 'cancelled', ended: 'Cancelled', http: 200 },
  { outcome: 'cancelled', ended: 'Cancelled', http: 200, type: 'RunAntiVirusScan' },
  { outcome: 'already-final', status: 'Succeeded', ended: 'Succeeded' },
  { outcome: 'already-final', status: 'Failed', ended: 'Failed', type: 'LiveResponse' },
  { outcome: 'ended-otherwise', ended: 'TimeOut', http: 200 },
  { outcome: 'ran-anyway', ended: 'Succeeded', http: 200 },
  { outcome: 'ran-anyway', ended: 'Succeeded', http: 200, type: 'LiveResponse' },
  { outcome: 'excluded', detail: 'only type Isolate', type: 'CollectInvestigationPackage' },
  { outcome: 'withdrawn', detail: 'taken out of the source' },
  { outcome: 'not-found', status: 'none', http: 404, code: 'ResourceNotFound' },
  { outcome: 'forbidden', http: 403, code: 'Forbidden', detail: 'no permission for this device group' },
  {
    outcome: 'failed',
    http: 400,
    code: 'BadRequest',
    detail: '=cmd|calc!A1 "quoted"',
    computer: '<script>window.injected = 1</script>',
    requestor: `"><img src=x onerror="window.injected=2">`,
  },
  {
    outcome: 'failed',
    http: 503,
    code: 'ServiceUnavailable',
    detail: 'attempts used up',
    computer: 'host-\u202Egpj.exe',
  },
  { outcome: 'unconfirmed', ended: 'Pending', http: 200, computer: "o'brien-\u{1F4BB}.corp" },
  { outcome: 'unknown', error: 'timeout', detail: 'answer lost', requestor: '-2+3' },
  { outcome: undefined },
];

export interface StoryOptions {
  fates?: readonly Fate[];
  /** How the last session ends; undefined: it does not. @default 'finished' */
  close?: CloseReason | undefined;
  sessions?: number;
  startAtMs?: number;
  /** Offset of the IDs. */
  from?: number;
  run?: string;
}

/** A run that had two sessions, a pause and rejected lines, and whose actions met the given fates. */
export function runStory(options: StoryOptions = {}): LedgerRecord[] {
  const { fates = EVERY_FATE, sessions = 2, startAtMs = T0, from = 1, run } = options;
  const close = 'close' in options ? options.close : 'finished';
  const script = new Script(startAtMs);
  const open = (session: number) => script.open(session, run === undefined ? {} : { run });
  open(1);
  for (const i of fates.keys()) script.add('admit', { id: guid(from + i), line: i + 2 });
  script.add('reject', { line: 90, reason: 'not-an-id', text: '<b>not an id</b>' });
  script.add('reject', { line: 91, reason: 'not-an-id', text: 'n/a' });
  script.add('reject', { line: 92, reason: 'bad-row', text: '"unclosed' });
  script.add('reject', { line: 93, reason: 'duplicate', text: guid(from) });
  script.add('intake', { admitted: fates.length, rejected: 4, bytes: 4096, sha256: 'ab'.repeat(32) });
  script.list(fates.length);
  for (const [i, fate] of fates.entries()) {
    if (fate.outcome === 'not-found') {
      const nothing = { type: '', machineId: null, computer: null, requestor: null, created: null };
      script.add('screen', { id: guid(from + i), status: NOT_FOUND_STATUS, ...nothing });
      continue;
    }
    script.add('screen', {
      id: guid(from + i),
      status: fate.status ?? 'Pending',
      type: fate.type ?? 'Isolate',
      machineId: (from + i).toString(16).padStart(40, 'a'),
      computer: fate.computer === undefined ? `desktop-${from + i}.contoso.com` : fate.computer,
      requestor: fate.requestor === undefined ? 'soc@contoso.com' : fate.requestor,
      created: new Date(startAtMs - (from + i) * 60_000).toISOString(),
    });
  }
  script.add('start', { by: 'question', count: fates.length }, 5000);
  const half = Math.ceil(fates.length / sessions);
  for (const [i, fate] of fates.entries()) {
    if (i > 0 && i % half === 0 && i / half < sessions) {
      script.add('pause', {
        until: new Date(script.atMs + 240_000).toISOString(),
        reason: 'throttled',
      });
      if (i / half > 1) script.add('close', { reason: 'interrupted', counts: {} }, 120_000);
      script.atMs += 30 * 60_000;
      open(i / half + 1);
    }
    settle(script, guid(from + i), fate);
  }
  if (close !== undefined) script.add('close', { reason: close, counts: {} }, 500);
  return script.records;
}

function settle(script: Script, id: string, fate: Fate): void {
  if (fate.outcome === undefined) return;
  let attempts = 0;
  if (fate.http !== undefined || fate.error !== undefined) {
    attempts = 1;
    script.cancel(id, {
      ...(fate.http !== undefined && { http: fate.http }),
      ...(fate.code !== undefined && { code: fate.code, correlation: `corr-${id.slice(-4)}` }),
      ...(fate.error !== undefined && { error: fate.error }),
    });
  }
  script.add('outcome', {
    id,
    outcome: fate.outcome,
    attempts,
    ...(fate.ended !== undefined && { status: fate.ended }),
    ...(fate.detail !== undefined && { detail: fate.detail }),
  });
}

/** A plan over the same fates: screened, nothing started. */
export function planStory(fates: readonly Fate[] = EVERY_FATE): { records: LedgerRecord[]; facts: PlanFacts } {
  const records = runStory({ fates });
  const start = records.findIndex(({ kind }) => kind === 'start');
  const planned = records.slice(0, start);
  const last = planned.at(-1);
  if (last === undefined) throw new Error('a story without records');
  planned.push({ seq: last.seq + 1, at: last.at, kind: 'close', reason: 'planned', counts: {}, chain: last.chain });
  const decisions = new Map(
    fates.map((fate, i): [string, PlanDecision] => {
      const id = guid(1 + i);
      if (fate.outcome === 'not-found') return [id, { kind: 'not-found' }];
      if (fate.outcome === 'excluded') return [id, { kind: 'excluded', reason: fate.detail }];
      if (fate.outcome === 'already-final') return [id, { kind: 'already-final', reason: `already ${fate.status}` }];
      return [id, { kind: 'cancel' }];
    }),
  );
  const calls = [...decisions.values()].filter(({ kind: decision }) => decision === 'cancel').length;
  const startsAtMs = Date.parse(last.at) + 1000;
  return {
    records: planned,
    facts: {
      decisions,
      forecast: forecastFacts(
        { calls, windows: allFree(DOCUMENTED_WINDOWS), concurrency: 16, roundTripMs: 200, nowMs: 0 },
        startsAtMs,
        { asked: 'last-seen', by: 'last-seen', cancels: calls },
      ),
      permissions: { has: ['Machine.Read.All', 'Machine.Isolate'], lacks: ['Machine.Scan'] },
    },
  };
}
