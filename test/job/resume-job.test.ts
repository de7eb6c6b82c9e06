import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { mergeForResume, thawJob } from '../../src/job/resume-job.ts';
import { SETTING_NAMES, SETTINGS } from '../../src/job/settings.ts';
import { fromText } from '../support/job-file-of.ts';

const TENANT = '0f7c9d3e-1111-4222-8333-444455556666';
const CLIENT = 'aaaabbbb-cccc-4ddd-8eee-ffff00001111';
const NOW = Date.UTC(2026, 10, 23);

const base = { sourceArg: 'incident.csv', env: {}, cwd: '/home/me', nowMs: NOW };
const OTHER_TENANT = 'ffffffff-1111-4111-8111-111111111111';
const who = { tenant: TENANT, 'client-id': CLIENT };
/** As it comes back from the ledger's open record. */
const recorded = (flags: Record<string, unknown> = {}, more = {}) =>
  JSON.parse(JSON.stringify(resolveJob({ ...base, flags: { ...who, ...flags }, ...more })));

const resume = (frozen: unknown, flags: Record<string, unknown> = {}, env: Record<string, string> = {}) =>
  mergeForResume(frozen, { flags, env, cwd: '/elsewhere', nowMs: NOW + 86_400_000 });

describe('thawJob', () => {
  it('thawJob gives back the job that was frozen', () => {
    const flags = fc.record(
      {
        comment: fc.constantFrom('a', 'b'),
        'created-after': fc.constantFrom('7d', '2026-01-01'),
        'max-failures': fc.constantFrom('5%', '50'),
        quota: fc.constantFrom(['20/1s'], ['20/1s', '100/10s']),
        first: fc.constantFrom('3'),
        region: fc.constantFrom('eu'),
        'only-type': fc.constantFrom(['Isolate']),
        'metrics-file': fc.constantFrom('m'),
      },
      { requiredKeys: [] },
    );
    const source = fc.constantFrom('a.csv', '-', 'j.yaml');
    fc.assert(
      fc.property(flags, source, (given, sourceArg) => {
        const jobText = 'source: {query: {type: Isolate, createdBefore: 7d}}';
        const job = resolveJob(fromText({ ...base, sourceArg, jobText, flags: { ...who, ...given } }));
        expect(thawJob(JSON.parse(JSON.stringify(job)))).toEqual(job);
      }),
    );
  });

  it.each([undefined, null, 'x', {}, { ...recorded(), concurrency: 'many' }])(
    'thawJob refuses what is not a job',
    (frozen) => {
      expect(() => thawJob(frozen)).toThrow(UsageError);
      expect(() => thawJob(frozen)).toThrow(/holds a job that this version cannot read/);
    },
  );

  it('thawJob leaves out what a later version may have added', () => {
    expect(thawJob({ ...recorded(), novelty: 1 })).toEqual(thawJob(recorded()));
  });
});

describe('mergeForResume', () => {
  it('mergeForResume needs nothing but the ledger', () => {
    const frozen = recorded({ comment: 'x', 'created-after': '7d' });
    expect(resume(frozen)).toEqual(thawJob(frozen));
  });

  it('mergeForResume keeps the moments that ages stood for when the run began', () => {
    expect(resume(recorded({ 'created-after': '7d' })).guards.createdAfter).toBe('2026-11-16T00:00:00.000Z');
    expect(resume(recorded({ 'created-after': '7d' }), { 'created-after': '7d' }).guards.createdAfter).toBe(
      '2026-11-17T00:00:00.000Z',
    );
  });

  it('mergeForResume takes other values from flags and environment, the application too', () => {
    const other = '11111111-2222-4333-8444-555566667777';
    const job = resume(recorded(), { 'client-id': other, 'max-actions': '9' }, { COUNTERMAND_CONCURRENCY: '2' });
    expect([job.clientId, job.guards.maxActions, job.concurrency]).toEqual([other, 9, 2]);
  });

  it('mergeForResume leaves what a session changed to the sessions that follow, as the help of resume says', () => {
    const changed = JSON.parse(JSON.stringify(resume(recorded(), { quota: ['10/1m'], concurrency: '2' })));
    const next = resume(changed);
    expect([next.quota.windows, next.concurrency]).toEqual([[{ calls: 10, perMs: 60_000 }], 2]);
    const files = JSON.parse(JSON.stringify(resume(recorded(), { 'metrics-file': 'm', 'keep-ledgers': '90d' })));
    expect(resume(files)).toMatchObject({ metricsFile: undefined, keepLedgersMs: undefined });
  });

  it('mergeForResume gives a comment to a plan that has none', () => {
    expect(resume(recorded(), { comment: 'x' }).comment).toBe('x');
  });

  it.each<[string, Record<string, unknown>, Record<string, string>, RegExp]>([
    ['tenant', { tenant: OTHER_TENANT }, {}, /--tenant differs from that of this ledger \("0f7c/],
    ['tenant by variable', {}, { COUNTERMAND_TENANT: OTHER_TENANT }, /COUNTERMAND_TENANT differs/],
    ['API host', { 'api-url': 'https://x.example' }, {}, /--api-url differs from that of this ledger \(none\)/],
    ['login host', { 'authority-url': 'https://x.example' }, {}, /--authority-url differs/],
    ['cloud', { cloud: 'gcc' }, {}, /--cloud differs from that of this ledger \("commercial"\)/],
    ['region', { region: 'eu' }, {}, /--region differs/],
    ['comment', { comment: 'other' }, {}, /--comment differs from that of this ledger \("x"\)/],
    ['column', { column: 'ref' }, {}, /--column differs/],
    ['ledger', { ledger: 'other.jsonl' }, {}, /--ledger differs/],
  ])('mergeForResume refuses another %s', (_, flags, env, message) => {
    const refused = () => resume(recorded({ comment: 'x' }), flags, env);
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(message);
  });

  it('mergeForResume takes what names the run when it names the same', () => {
    const frozen = recorded({ comment: 'x' });
    expect(resume(frozen, { tenant: TENANT.toUpperCase(), comment: 'x', cloud: 'commercial' })).toEqual(
      thawJob(frozen),
    );
  });

  it('mergeForResume is not held up by AZURE_TENANT_ID, which only stands in for a tenant', () => {
    expect(resume(recorded(), {}, { AZURE_TENANT_ID: 'other.com' }).tenant).toBe(TENANT);
  });

  it('mergeForResume names every refused value at once', () => {
    expect(() => resume(recorded(), { tenant: OTHER_TENANT, patience: 'soon', cloud: 'gcc' })).toThrow(
      /--patience[\s\S]*--tenant[\s\S]*--cloud/,
    );
  });

  it('mergeForResume may change every setting but those that name the run', () => {
    const fixed = SETTING_NAMES.filter((name) => !SETTINGS[name].resume);
    expect(fixed).toEqual(['tenant', 'cloud', 'region', 'apiUrl', 'authorityUrl', 'comment', 'column', 'ledger']);
  });
});
