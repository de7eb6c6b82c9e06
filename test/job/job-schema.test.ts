import { readdirSync, readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { parseJobFile } from '../../src/job/job-file.ts';
import { JOB_KEYS, jobJsonSchema } from '../../src/job/job-schema.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { fromText } from '../support/job-file-of.ts';

const FOLDER = new URL('../../jobs/', import.meta.url);
const read = (name: string) => readFileSync(new URL(name, FOLDER), 'utf8');
const jobs = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

describe('jobs/job.schema.json', () => {
  it('jobs/job.schema.json is what the schema says; if not, npm run schema', () => {
    expect(JSON.parse(read('job.schema.json'))).toEqual(JSON.parse(JSON.stringify(jobJsonSchema())));
  });

  it('jobs/job.schema.json describes every key', () => {
    const described = (schema: unknown, path: string): string[] =>
      Object.entries((schema as { properties?: Record<string, unknown> }).properties ?? {}).flatMap(([key, value]) => {
        const at = path === '' ? key : `${path}.${key}`;
        return [at, ...described(value, at)];
      });
    expect(described(jobJsonSchema(), '').sort()).toEqual([...JOB_KEYS].sort());
  });

  const validate = new Ajv({ strict: true, strictRequired: false }).compile(jobJsonSchema());

  it.each<[string, boolean]>([
    ['source: {file: x}', true],
    [`source: {file: x}\nconcurrency: \${N}\npatience: \${P:-1m}\nscreen: \${S}`, true],
    ['source: {file: x}\nconfirmFor: 0\nguards: {maxFailures: 50, onlyType: Isolate}', true],
    ['comment: x', false],
    ['source: {file: x, query: {type: a}}', false],
    ['source: {file: x}\npatience: soon', false],
    ['source: {file: x}\nconcurrency: 0', false],
    ['source: {file: x}\nquota: {windows: [lots]}', false],
    ['source: {file: x}\nclientSecret: x', false],
    ['source: {file: x}\nscreen: maybe', false],
  ])('jobs/job.schema.json judges %j as the program does', (text, good) => {
    expect(validate(parse(text))).toBe(good);
    const env = { N: '1', S: 'auto' };
    if (good) parseJobFile(text, '/a.yaml', env);
    else expect(() => parseJobFile(text, '/a.yaml', env)).toThrow();
  });

  it.each(jobs)('jobs/job.schema.json accepts jobs/%s', (name) => {
    expect(validate(parse(read(name)))).toBe(true);
  });
});

describe('the jobs', () => {
  const resolved = (name: string, env: Record<string, string> = {}) =>
    resolveJob(
      fromText({
        sourceArg: `jobs/${name}`,
        jobText: read(name),
        flags: { tenant: 'contoso.com', 'client-id': 'aaaabbbb-cccc-4ddd-8eee-ffff00001111' },
        env,
        cwd: '/home/me',
        nowMs: Date.UTC(2026, 10, 23),
      }),
    );

  it('the jobs are these four', () => {
    expect(jobs).toEqual([
      'demo.yaml',
      'live-response-backlog.yaml',
      'mass-isolation-cleanup.yaml',
      'stale-actions-nightly.yaml',
    ]);
  });

  it.each(jobs)('%s names its schema, says when to use it and is called as its file', (name) => {
    expect(read(name)).toMatch(/^# yaml-language-server: \$schema=\.\/job\.schema\.json\n#\n# \w/);
    expect(`${resolved(name).name}.yaml`).toBe(name);
    expect(resolved(name).comment).toBeTruthy();
  });

  it('mass-isolation-cleanup cancels nothing but isolations of the incident', () => {
    const job = resolved('mass-isolation-cleanup.yaml', {
      INCIDENT_CSV: '/in/i.csv',
      INCIDENT_START: '2026-11-22T08:00:00Z',
    });
    expect(job.source).toEqual({ kind: 'file', path: '/in/i.csv', column: undefined });
    expect(job.guards).toMatchObject({ onlyType: ['Isolate'], createdAfter: '2026-11-22T08:00:00.000Z' });
  });

  it('stale-actions-nightly asks for scans and collections that have been pending for over 7 days, capped', () => {
    const job = resolved('stale-actions-nightly.yaml');
    expect(job.source).toMatchObject({
      query: {
        type: ['RunAntiVirusScan', 'CollectInvestigationPackage'],
        status: ['Pending'],
        createdBefore: '2026-11-16T00:00:00.000Z',
      },
    });
    expect(job.guards.maxActions).toBe(2000);
    expect(job.keepLedgersMs).toBe(90 * 86_400_000);
  });

  it('live-response-backlog asks for pending live response sessions alone', () => {
    expect(resolved('live-response-backlog.yaml').source).toMatchObject({
      query: { type: ['LiveResponse'], status: ['Pending'] },
    });
  });
});
