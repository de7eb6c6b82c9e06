import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/exit-codes.ts';
import { WorkerMetrics } from '../../src/fleet/worker-metrics.ts';
import { OUTCOME_NAMES, type Outcome } from '../../src/ledger/outcomes.ts';
import { metricsText } from '../../src/report/metrics-text.ts';
import { list, readManifest, readText, text } from './manifests.ts';

const file = readManifest('jobs/deploy/prometheus/alerts.yaml');
const rules = list(file, 'groups.0.rules');
const workerRules = list(file, 'groups.1.rules');

/** Every metric that a run writes, while it goes on or after its end. */
const METRICS = new Set(
  [undefined, { exitCode: 0 as const, atMs: 0 }].flatMap((ended) =>
    [
      ...metricsText({
        job: 'nightly',
        tenant: 'contoso.example',
        ended,
        facts: {
          run: 'r',
          session: 1,
          tool: 'countermand',
          admitted: 1,
          left: 1,
          calls: { cancel: 0, get: 0, list: 0, machines: 0 },
          counts: Object.fromEntries(OUTCOME_NAMES.map((name) => [name, 0])) as Record<Outcome, number>,
          retries: 0,
          pauses: 0,
          pausedForMs: 0,
          windows: [],
          etaMs: undefined,
          startedAtMs: 0,
        },
      }).matchAll(/^# TYPE (\S+)/gm),
    ].map((match) => match[1] ?? ''),
  ),
);

/** Every metric that a worker serves. */
const queue = { last: { runs: { waiting: 0, later: 0, 'at-work': 0, 'dead-letter': 0 }, waitMs: 0 }, isFresh: true };
const served = await new WorkerMetrics({ places: 1, queue }).text();
const WORKER_METRICS = new Set([...served.matchAll(/^# TYPE (\S+)/gm)].map((match) => match[1] ?? ''));

describe('the alert rules over workers', () => {
  it.each(workerRules.map((rule) => [text(rule, 'alert'), text(rule, 'expr')] as const))(
    'the alert rules over workers ask only for what a worker serves: %s',
    (_name, expression) => {
      const asked = expression.match(/countermand_\w+/g) ?? [];
      expect(asked.length).toBeGreaterThan(0);
      for (const metric of asked) expect(WORKER_METRICS, metric).toContain(metric);
    },
  );

  it('the alert rules over workers are each named once, with a severity, a summary and what to do', () => {
    const names = [...rules, ...workerRules].map((rule) => text(rule, 'alert'));
    expect(new Set(names).size).toBe(names.length);
    for (const rule of workerRules) {
      expect(['warning', 'critical']).toContain(text(rule, 'labels.severity'));
      expect(text(rule, 'annotations.summary')).not.toBe('');
      expect(text(rule, 'annotations.description')).not.toBe('');
    }
  });

  it('the alert rules over workers read a sum over all workers where the queue is what they ask about', () => {
    for (const expression of workerRules.map((rule) => text(rule, 'expr')))
      if (expression.includes('countermand_queue_')) expect(expression).toMatch(/^max\(/);
  });

  it('the metrics of a worker each stand in operations.md, and no others do', () => {
    const told = new Set(readText('docs/operations.md').match(/countermand_(?:worker|queue)_\w+(?=`)/g));
    expect(told).toEqual(WORKER_METRICS);
  });
});

describe('the alert rules', () => {
  it.each(rules.map((rule) => [text(rule, 'alert'), text(rule, 'expr')] as const))(
    'the alert rules ask only for metrics that a run writes: %s',
    (_name, expression) => {
      const asked = expression.match(/countermand_\w+/g) ?? [];
      expect(asked.length).toBeGreaterThan(0);
      for (const metric of asked) expect(METRICS, metric).toContain(metric);
    },
  );

  it('the alert rules are each named once, with a severity, a summary and what to do', () => {
    const names = rules.map((rule) => text(rule, 'alert'));
    expect(new Set(names).size).toBe(names.length);
    for (const rule of rules) {
      expect(['warning', 'critical']).toContain(text(rule, 'labels.severity'));
      expect(text(rule, 'annotations.summary')).toContain('{{ $labels.job }}');
      expect(text(rule, 'annotations.description')).not.toBe('');
    }
  });

  it('the alert rules cover every exit code that no later start mends', () => {
    const alerted = new Set(
      rules.flatMap((rule) =>
        [...text(rule, 'expr').matchAll(/countermand_last_exit_code == (\d+)/g)].map((match) => Number(match[1])),
      ),
    );
    const stuck = Object.entries(EXIT_CODES).flatMap(([code, { rerun }]) =>
      rerun || code === '0' ? [] : [Number(code)],
    );
    expect([...alerted]).toEqual(expect.arrayContaining(stuck));
  });
});
