import { describe, expect, test } from 'vitest';
import { OUTCOME_NAMES, type Outcome } from '../../src/ledger/outcomes.ts';
import type { Action } from '../../src/ledger/state/run-state.ts';
import { type MetricsFacts, metricsText, retriesOf } from '../../src/report/metrics-text.ts';
import { samplesOf } from '../support/metrics.ts';

const COUNTS = Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>;
const FACTS: MetricsFacts = {
  run: '6f1e9f0c-0000-4000-8000-000000000001',
  session: 2,
  tool: 'countermand 1.0.0',
  admitted: 40,
  left: 12,
  calls: { cancel: 30, get: 1, list: 3, machines: 0 },
  counts: { ...COUNTS, cancelled: 27, failed: 1 },
  retries: 2,
  pauses: 1,
  pausedForMs: 4200,
  windows: [
    { calls: 100, perMs: 60_000, left: 70 },
    { calls: 1500, perMs: 3_600_000, left: 1466 },
  ],
  etaMs: 95_400,
  startedAtMs: 1_795_000_000_500,
};
const ABOUT = { job: 'nightly', tenant: 'contoso.example' };

describe('metricsText', () => {
  test('metricsText tells a run that goes on, and nothing of an end', () => {
    const samples = samplesOf(metricsText({ ...ABOUT, facts: FACTS, ended: undefined }));
    for (const name of samples.keys()) expect(name).toMatch(/\{job="nightly",tenant="contoso.example"/);
    const of = (name: string, labels = '') => samples.get(`${name}{job="nightly",tenant="contoso.example"${labels}}`);
    expect(of('countermand_calls_total', ',route="cancel"')).toBe(30);
    expect(of('countermand_outcomes', ',outcome="cancelled"')).toBe(27);
    expect(of('countermand_outcomes', ',outcome="unknown"')).toBe(0);
    expect(of('countermand_retries_total')).toBe(2);
    expect(of('countermand_pauses_total')).toBe(1);
    expect(of('countermand_pause_seconds')).toBe(4);
    expect(of('countermand_quota_calls_left', ',window="100/1m"')).toBe(70);
    expect(of('countermand_quota_calls_left', ',window="1500/1h"')).toBe(1466);
    expect(of('countermand_seconds_to_end')).toBe(95);
    expect(of('countermand_actions_left')).toBe(12);
    expect(of('countermand_started_timestamp_seconds')).toBe(1_795_000_000.5);
    expect(of('countermand_running')).toBe(1);
    expect(of('countermand_run_info', `,run="${FACTS.run}",session="2",tool="countermand 1.0.0"`)).toBe(1);
    expect([...samples.keys()].filter((key) => /last_exit_code|finished/.test(key))).toEqual([]);
  });

  test('metricsText tells the end, with nothing left to wait for', () => {
    const ended = { exitCode: 6, atMs: 1_795_000_300_000 } as const;
    const samples = samplesOf(metricsText({ ...ABOUT, facts: FACTS, ended }));
    const of = (name: string) => samples.get(`${name}{job="nightly",tenant="contoso.example"}`);
    expect(of('countermand_last_exit_code')).toBe(6);
    expect(of('countermand_finished_timestamp_seconds')).toBe(1_795_000_300);
    expect(of('countermand_running')).toBe(0);
    expect(of('countermand_seconds_to_end')).toBe(0);
    expect(of('countermand_pause_seconds')).toBe(0);
  });

  test('a run that ended before its ledger was open has only its end', () => {
    const samples = samplesOf(metricsText({ ...ABOUT, facts: undefined, ended: { exitCode: 4, atMs: 1000 } }));
    expect([...samples.keys()].map((key) => key.split('{')[0])).toEqual([
      'countermand_running',
      'countermand_last_exit_code',
      'countermand_finished_timestamp_seconds',
    ]);
  });

  test('metricsText escapes what a job may be called, and names no sample twice', () => {
    const windows = [FACTS.windows[0], FACTS.windows[0]].filter((each) => each !== undefined);
    const text = metricsText({ job: 'a "b"\\\nc', tenant: 't', facts: { ...FACTS, windows }, ended: undefined });
    expect(text).toContain('{job="a \\"b\\"\\\\\\nc",tenant="t"}');
    expect(text.match(/countermand_quota_calls_left\{/g)).toHaveLength(1);
  });
});

test('retries are the cancel calls beyond the first of each action', () => {
  const sent = (n: number) => ({ sent: n }) as Action;
  const actions = new Map([
    ['a', sent(0)],
    ['b', sent(1)],
    ['c', sent(4)],
  ]);
  expect(retriesOf({ actions })).toBe(3);
});
