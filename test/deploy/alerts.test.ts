import { describe, expect, it } from 'vitest';
import { EXIT_CODES } from '../../src/exit-codes.ts';
import { OUTCOME_NAMES, type Outcome } from '../../src/ledger/outcomes.ts';
import { metricsText } from '../../src/report/metrics-text.ts';
import { list, readManifest, text } from './manifests.ts';

const rules = list(readManifest('jobs/deploy/prometheus/alerts.yaml'), 'groups.0.rules');

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
