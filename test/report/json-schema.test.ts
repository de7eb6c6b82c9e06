import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { campaignStatus } from '../../src/report/facts/campaign-status.ts';
import { campaignSummary } from '../../src/report/facts/campaign-summary.ts';
import { placedStatus, runStatus } from '../../src/report/facts/run-status.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import { campaignDocument, statusDocument, summaryDocument } from '../../src/report/json.ts';
import { JSON_DOCUMENTS, jsonDocumentsSchema } from '../../src/report/json-schema.ts';
import { T0 } from './records.ts';
import { EVERY_FATE, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

const nowMs = T0 + 86_400_000;
const published = JSON.parse(readFileSync(new URL('../../docs/json.schema.json', import.meta.url), 'utf8'));
const run = viewOf(runStory({ fates: EVERY_FATE }));
const plan = planStory();
const planView = viewOf(plan.records);
const status = runStatus(
  {
    ...{
      name: 'incident',
      ledger: 'ledgers/incident.jsonl',
      head: 'a'.repeat(32),
      tenant: null,
      unheld: 'interrupted',
      closed: true,
    },
    ...{ admitted: 0, counts: summarise([run], { nowMs }).counts, needsReview: 0, next: null, says: {} },
    left: { accepted: 0, inDoubt: 0, again: 0, notCalled: 0 },
    integrity: { intact: true, records: 1 },
  },
  { pid: 1, host: 'here', since: '2026-01-01T00:00:00.000Z' },
  nowMs,
);

const placed = placedStatus(
  { ...status, holder: null, state: 'interrupted' },
  { kind: 'waiting', takeovers: 1, reason: 'not yet' },
);

const campaign = campaignSummary(
  'c',
  {
    runs: [summarise([run], { nowMs }), summarise([planView], { nowMs, plan: plan.facts })],
    unread: [{ name: 'c/x', tenant: 'x.com', reason: 'it is damaged' }],
  },
  nowMs,
);
const ready = { ...status, state: 'planned' as const, holder: null };

describe('docs/json.schema.json', () => {
  test('docs/json.schema.json is what the code says; if not, npm run schema', () => {
    expect(published).toEqual(JSON.parse(JSON.stringify(jsonDocumentsSchema())));
  });

  const judge = new Ajv2020({
    strict: true,
    strictTypes: false,
    strictRequired: false,
    validateFormats: false,
  }).compile(published);

  test.each([
    ['run', summaryDocument(summarise([run], { nowMs }))],
    ['run', summaryDocument(summarise([planView], { nowMs, plan: plan.facts }))],
    ['runs', summaryDocument(summarise([run, viewOf(runStory({ run: '9' }), 'b.jsonl')], { nowMs }))],
    ['campaign', campaignDocument(campaign)],
    ['status', statusDocument({ runs: [status] })],
    [
      'status',
      statusDocument({ runs: [placed], workers: [{ pid: 1, host: 'host-1', places: 2, busy: 1, sinceMs: nowMs }] }),
    ],
    [
      'campaignStatus',
      statusDocument({ runs: [status], campaign: campaignStatus('c', { runs: [status], atMs: nowMs }) }),
    ],
    [
      'campaignStatus',
      statusDocument({ runs: [ready], campaign: campaignStatus('c', { runs: [ready], atMs: nowMs - 1 }) }),
    ],
    ['error', { exitCode: 2, error: { message: 'no' } }],
    ['check', { findings: [{ level: 'ok', topic: 'clock', text: 'in time' }], exitCode: 0 }],
    ['verifyOffline', { ledger: 'a.jsonl', intact: true, records: 0, head: '', tornBytes: 0 }],
  ] as const)('a document of the kind %s has its promised shape, and no other', (kind, document) => {
    const text = JSON.parse(JSON.stringify(document));
    const told = JSON_DOCUMENTS[kind].safeParse(text);
    expect(told.error?.issues).toBeUndefined();
    expect(judge(text), JSON.stringify(judge.errors)).toBe(true);
    expect(judge({ ...text, surprise: 1 })).toBe(false);
    expect(judge(Object.fromEntries(Object.entries(text).slice(1)))).toBe(false);
  });
});
