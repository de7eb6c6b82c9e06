import { describe, expect, test, vi } from 'vitest';
import type { Setting } from '../../src/job/setting.ts';
import type * as Settings from '../../src/job/settings.ts';
import { duration, texts } from '../../src/job/values.ts';

const NAME = 'resting' as Settings.SettingName;

// What somebody adds who follows docs/contributing.md: a row, and nothing else.
vi.mock('../../src/job/settings.ts', async (importActual) => {
  const { z } = await import('zod');
  const actual = await importActual<typeof Settings>();
  const resting: Setting = {
    flag: 'resting',
    job: 'guards.resting',
    kind: 'text',
    value: duration(),
    placeholder: 'TIME',
    default: '5m',
    description: 'rest this long',
    group: 'Guards',
    frozen: { at: 'guards.restingMs', as: z.number().positive() },
    resume: true,
    fromLedger: 'kept',
    followsJob: true,
    safety: true,
    words: (ms: number) => `rest ${ms / 1000} s`,
  };
  const onlySite: Setting = {
    flag: 'only-site',
    job: 'guards.onlySite',
    kind: 'texts',
    value: texts(),
    description: 'cancel only actions on this site',
    group: 'Guards',
    frozen: { at: 'guards.onlySite', as: z.array(z.string()).readonly() },
    resume: true,
    fromLedger: 'ignored',
    chooses: true,
  };
  const SETTINGS: Record<string, Setting> = { ...actual.SETTINGS, resting, onlySite };
  const SETTING_NAMES = Object.keys(SETTINGS);
  const settingsThat = (are: (setting: Setting) => unknown) =>
    Object.entries(SETTINGS).flatMap(([name, setting]) => (are(setting) ? [name] : []));
  return { ...actual, SETTINGS, SETTING_NAMES, settingsThat };
});

const { frozenJobFault } = await import('../../src/job/job.ts');
const { parseJobFile } = await import('../../src/job/job-file.ts');
const { jobJsonSchema, JOB_KEYS } = await import('../../src/job/job-schema.ts');
const { resolveJob } = await import('../../src/job/resolve-job.ts');
const { mergeForResume, thawJob } = await import('../../src/job/resume-job.ts');
const { jobFacts } = await import('../../src/report/facts/job-facts.ts');
const { settingOptions } = await import('../../src/cli/flags/setting-flags.ts');
const { refuseUnknownSafeties } = await import('../../src/cli/flags/unknown-variables.ts');
const { atPaceOf, refuseOtherGuards } = await import('../../src/run/resume-rules.ts');

const who = {
  AZURE_TENANT_ID: '0f7c9d3e-1111-4222-8333-444455556666',
  AZURE_CLIENT_ID: 'aaaabbbb-cccc-4ddd-8eee-ffff00001111',
};
const base = { sourceArg: 'ids.csv', env: who, cwd: '/home/me', nowMs: 0 };
const recorded = (job: unknown) => JSON.parse(JSON.stringify(job)) as Record<string, unknown>;
const resting = (job: unknown) => (job as { guards: { restingMs: unknown } }).guards.restingMs;
const sites = (job: unknown) => (job as { guards: { onlySite: unknown } }).guards.onlySite;

describe('a setting that is added to the table', () => {
  test('a setting that is added to the table is a flag, a variable, a job key and a default, in this order of precedence', () => {
    const env = { ...who, COUNTERMAND_RESTING: '3m' };
    const jobFile = parseJobFile('source: {file: a.csv}\nguards: {resting: 4m}', '/home/me/j.yaml', {});
    const file = { sourceArg: 'j.yaml', jobFile };
    expect(resting(resolveJob({ ...base, ...file, env, flags: { resting: '2m' } }))).toBe(120_000);
    expect(resting(resolveJob({ ...base, ...file, env, flags: {} }))).toBe(180_000);
    expect(resting(resolveJob({ ...base, ...file, flags: {} }))).toBe(240_000);
    expect(resting(resolveJob({ ...base, flags: {} }))).toBe(300_000);
    expect(sites(resolveJob({ ...base, flags: {} }))).toEqual([]);
    expect(() => resolveJob({ ...base, flags: { resting: 'long' } })).toThrow(/--resting must be a duration above 0/);
  });

  test('a setting that is added to the table is in the schema of job files and in the help, under its head', () => {
    expect(JOB_KEYS).toContain('guards.resting');
    expect(JSON.stringify(jobJsonSchema())).toContain('rest this long (default: 5m)');
    expect(settingOptions([NAME])).toEqual({
      resting: expect.objectContaining({ describe: 'rest this long [default: 5m]', group: 'Guards:', type: 'string' }),
    });
  });

  test('a setting that is added to the table is kept by a ledger, and its shape is checked there', () => {
    const job = resolveJob({ ...base, flags: { resting: '2m', 'only-site': ['a'] } });
    expect(thawJob(recorded(job))).toEqual(job);
    const { guards } = job;
    expect(frozenJobFault(recorded({ ...job, guards: { ...guards, restingMs: -1 } }))).toMatch(/guards\.restingMs/);
    expect(frozenJobFault(recorded({ ...job, guards: { ...guards, restingMs: undefined } }))).toMatch(/restingMs/);
  });

  test('a setting that is added to the table is changed by a resume, or counts for nothing in a ledger, as its row says', () => {
    const frozen = recorded(resolveJob({ ...base, flags: { resting: '2m', 'only-site': ['a'] } }));
    const resume = (flags: Record<string, unknown>) => mergeForResume(frozen, { ...base, flags });
    expect([resting(resume({})), sites(resume({}))]).toEqual([120_000, []]);
    expect(resting(resume({ resting: '9m' }))).toBe(540_000);
  });

  test('a setting that is added to the table follows the job file, is part of what was reviewed, and is a safety, as its row says', () => {
    const run = resolveJob({ ...base, flags: { resting: '2m', 'only-site': ['a'] } });
    const today = resolveJob({ ...base, flags: { resting: '3m', 'only-site': ['b'] } });
    const paced = atPaceOf(today, run);
    expect([resting(paced), sites(paced)]).toEqual([180_000, ['a']]);
    const planned = { start: undefined, sessions: [{ opened: { job: recorded(run) } }] };
    const started = (job: unknown) => refuseOtherGuards({ job, state: planned, fromLedger: true } as never);
    expect(() => started(paced)).not.toThrow();
    expect(() => started(today)).toThrow(/the guards differ/);
    expect(() => refuseUnknownSafeties({ COUNTERMAND_RESTIN: '1m' })).toThrow(/COUNTERMAND_RESTING/);
  });

  test('a setting that is added to the table is told by reports in the words of its row', () => {
    const job = resolveJob({ ...base, flags: { resting: '2m' } });
    expect(jobFacts(recorded(job)).guards).toContain('rest 120 s');
  });
});
