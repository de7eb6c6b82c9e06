import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { type ResolveInput, resolveJob, sourceKind } from '../../src/job/resolve-job.ts';
import { DOCUMENTED_WINDOWS } from '../../src/quota/quota.ts';
import { fromText } from '../support/job-file-of.ts';

const TENANT = '0f7c9d3e-1111-4222-8333-444455556666';
const CLIENT = 'aaaabbbb-cccc-4ddd-8eee-ffff00001111';
const NOW = Date.UTC(2026, 10, 23, 18, 27, 5);

/** A job file as its text. */
type Given = Partial<ResolveInput> & { jobText?: string };

function resolved(input: Given = {}) {
  return resolveJob(
    fromText({
      sourceArg: 'incident.csv',
      flags: {},
      env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT },
      cwd: '/home/me',
      nowMs: NOW,
      ...input,
    }),
  );
}

describe('resolveJob', () => {
  it('resolveJob needs nothing but a source and who we are: the rest has defaults', () => {
    expect(resolved()).toEqual({
      name: 'incident',
      tenant: TENANT,
      clientId: CLIENT,
      auth: { kind: undefined },
      api: { cloud: 'commercial', region: undefined, url: undefined, authorityUrl: undefined, allowHosts: [] },
      source: { kind: 'file', path: '/home/me/incident.csv', column: undefined },
      comment: undefined,
      ledger: '/home/me/ledgers/incident.jsonl',
      quota: { windows: DOCUMENTED_WINDOWS, share: 1, routes: 'shared' },
      concurrency: 16,
      guards: {
        onlyType: [],
        onlyRequestor: [],
        onlyMachine: [],
        createdAfter: undefined,
        createdBefore: undefined,
        maxActions: undefined,
        maxFailures: { percent: 10 },
        first: undefined,
        maxDurationMs: undefined,
      },
      patienceMs: 3_600_000,
      screen: 'auto',
      order: 'source',
      confirmForMs: 120_000,
      strictInput: false,
      planMaxAgeMs: 86_400_000,
      keepLedgersMs: undefined,
      metricsFile: undefined,
    });
  });

  it('resolveJob lets a flag beat the environment, the environment the job, and the job the default', () => {
    const jobText = 'name: nightly\nsource: {file: ids.csv}\nconcurrency: 4\npatience: 10m\nscreen: never\n';
    const job = resolved({
      sourceArg: 'jobs/nightly.yaml',
      jobText,
      flags: { concurrency: '6' },
      env: {
        AZURE_TENANT_ID: TENANT,
        AZURE_CLIENT_ID: CLIENT,
        COUNTERMAND_CONCURRENCY: '5',
        COUNTERMAND_PATIENCE: '20m',
      },
    });
    expect([job.concurrency, job.patienceMs, job.screen, job.confirmForMs]).toEqual([6, 1_200_000, 'never', 120_000]);
  });

  it('resolveJob reads every flag', () => {
    const job = resolved({
      flags: {
        tenant: 'Contoso.onmicrosoft.com',
        'client-id': CLIENT.toUpperCase(),
        auth: 'token',
        cloud: 'commercial',
        region: 'eu',
        'api-url': 'http://127.0.0.1:8080/',
        'authority-url': 'https://localhost:9090',
        'allow-host': ['Proxy.example'],
        comment: ' stop ',
        column: '2',
        ledger: 'mine.jsonl',
        quota: ['20/1s', '100/10s'],
        'quota-share': '0.5',
        'quota-routes': 'separate',
        concurrency: '3',
        'only-type': ['isolate', 'Novelty'],
        'only-requestor': ['a@contoso.com'],
        'only-machine': ['host-1'],
        'created-after': '7d',
        'created-before': '2026-11-23T12:00:00+02:00',
        'max-actions': '10',
        'max-failures': '50',
        first: '5',
        'max-duration': '50m',
        patience: '5m',
        screen: 'always',
        order: 'last-seen',
        'confirm-for': '0',
        'strict-input': true,
        'plan-max-age': '1h',
        'keep-ledgers': '90d',
        'metrics-file': 'm.prom',
      },
    });
    expect(job).toEqual({
      name: 'incident',
      tenant: 'contoso.onmicrosoft.com',
      clientId: CLIENT,
      auth: { kind: 'token' },
      api: {
        cloud: 'commercial',
        region: 'eu',
        url: 'http://127.0.0.1:8080',
        authorityUrl: 'https://localhost:9090',
        allowHosts: ['proxy.example'],
      },
      source: { kind: 'file', path: '/home/me/incident.csv', column: '2' },
      comment: 'stop',
      ledger: '/home/me/mine.jsonl',
      quota: {
        windows: [
          { calls: 20, perMs: 1000 },
          { calls: 100, perMs: 10_000 },
        ],
        share: 0.5,
        routes: 'separate',
      },
      concurrency: 3,
      guards: {
        onlyType: ['Isolate', 'Novelty'],
        onlyRequestor: ['a@contoso.com'],
        onlyMachine: ['host-1'],
        createdAfter: '2026-11-16T18:27:05.000Z',
        createdBefore: '2026-11-23T10:00:00.000Z',
        maxActions: 10,
        maxFailures: { count: 50 },
        first: 5,
        maxDurationMs: 3_000_000,
      },
      patienceMs: 300_000,
      screen: 'always',
      order: 'last-seen',
      confirmForMs: 0,
      strictInput: true,
      planMaxAgeMs: 3_600_000,
      keepLedgersMs: 7_776_000_000,
      metricsFile: '/home/me/m.prom',
    });
  });

  it('resolveJob reads a repeatable setting from a comma-separated variable', () => {
    const env = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, COUNTERMAND_ONLY_TYPE: 'Isolate, Offboard,' };
    expect(resolved({ env }).guards.onlyType).toEqual(['Isolate', 'Offboard']);
  });

  it('resolveJob takes an empty variable for one that is not set', () => {
    const env = { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, COUNTERMAND_CONCURRENCY: '' };
    expect(resolved({ env }).concurrency).toBe(16);
  });

  it('resolveJob freezes the job to its last part', () => {
    const job = resolved();
    expect(Object.isFrozen(job) && Object.isFrozen(job.guards) && Object.isFrozen(job.quota.windows)).toBe(true);
  });

  it('resolveJob names every wrong flag and variable at once', () => {
    const refused = () =>
      resolved({
        flags: { patience: 'soon', 'max-actions': '-1' },
        env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: CLIENT, COUNTERMAND_SCREEN: 'maybe' },
      });
    expect(refused).toThrow(UsageError);
    expect(refused).toThrow(/--max-actions must be a whole number/);
    expect(refused).toThrow(/--patience must be a duration .* not "soon"/);
    expect(refused).toThrow(/COUNTERMAND_SCREEN must be one of auto, always, never, not "maybe"/);
  });

  it.each<[string, Given, string]>([
    ['a file', { sourceArg: 'in/Incident 7.csv' }, '/home/me/ledgers/Incident 7.jsonl'],
    ['a plan of a file', { plan: true }, '/home/me/ledgers/incident.plan.jsonl'],
    ['stdin', { sourceArg: '-' }, '/home/me/ledgers/stdin-20261123T182705Z.jsonl'],
    ['a plan of stdin', { sourceArg: '-', plan: true }, '/home/me/ledgers/stdin-20261123T182705Z.plan.jsonl'],
    [
      'a named job',
      { sourceArg: 'j/a.yaml', jobText: 'name: night\nsource: {file: x.csv}' },
      '/home/me/ledgers/night.jsonl',
    ],
    ['a job without a name', { sourceArg: 'j/a.yaml', jobText: 'source: {file: x.csv}' }, '/home/me/ledgers/x.jsonl'],
    [
      'a query',
      { sourceArg: 'j/a.yaml', jobText: 'name: night\nsource: {query: {type: Isolate}}' },
      '/home/me/ledgers/night-20261123T182705Z.jsonl',
    ],
    [
      'a query without a name',
      { sourceArg: 'j/a.yaml', jobText: 'source: {query: {type: Isolate}}' },
      '/home/me/ledgers/a-20261123T182705Z.jsonl',
    ],
    [
      'a ledger that the job names, from its folder',
      { sourceArg: 'j/a.yaml', jobText: 'source: {file: x.csv}\nledger: ../l/x.jsonl' },
      '/home/me/l/x.jsonl',
    ],
    ['a plan with its ledger named', { plan: true, flags: { ledger: 'p.jsonl' } }, '/home/me/p.jsonl'],
  ])('resolveJob gives %s its ledger', (_, input, ledger) => {
    expect(resolved(input).ledger).toBe(ledger);
  });

  it("resolveJob reads the job's relative paths from the job's folder", () => {
    const job = resolved({ sourceArg: 'jobs/a.yaml', jobText: 'source: {file: ../in/x.csv}\nmetricsFile: m.prom' });
    expect(job.source).toEqual({ kind: 'file', path: '/home/me/in/x.csv', column: undefined });
    expect(job.metricsFile).toBe('/home/me/jobs/m.prom');
  });

  it('resolveJob resolves the ages of a query, and asks for open actions when no status is named', () => {
    const jobText = 'source: {query: {type: [RunAntiVirusScan], createdBefore: 7d}}';
    expect(resolved({ sourceArg: 'a.yaml', jobText }).source).toEqual({
      kind: 'query',
      query: {
        type: ['RunAntiVirusScan'],
        status: ['Pending', 'InProgress'],
        requestor: [],
        machine: [],
        createdAfter: undefined,
        createdBefore: '2026-11-16T18:27:05.000Z',
        commentContains: undefined,
      },
    });
  });

  it("resolveJob lets the job's tenant beat AZURE_TENANT_ID, which only stands in", () => {
    const job = resolved({ sourceArg: 'a.yaml', jobText: 'tenant: fabrikam.com\nsource: {file: x.csv}' });
    expect(job.tenant).toBe('fabrikam.com');
  });

  it.each<[string, Given, RegExp]>([
    ['no tenant', { env: { AZURE_CLIENT_ID: CLIENT } }, /tenant is not known: give --tenant/],
    ['no application', { env: { AZURE_TENANT_ID: TENANT } }, /application is not known: give --client-id/],
    ['a wrong AZURE_CLIENT_ID', { env: { AZURE_TENANT_ID: TENANT, AZURE_CLIENT_ID: 'me' } }, /AZURE_CLIENT_ID must be/],
    ['a region of another cloud', { flags: { cloud: 'gcc', region: 'eu' } }, /gcc cloud has no region eu/],
    ['an empty range', { flags: { 'created-after': '1d', 'created-before': '2d' } }, /nothing is created after/],
    ['an empty comment', { flags: { comment: ' ' } }, /--comment must be a text that is not empty/],
    ['a comment that is too long', { flags: { comment: 'x'.repeat(1025) } }, /--comment must be a text of 1 to 1024/],
    ['a comment with an escape', { flags: { comment: 'x\u001b[2Jy' } }, /--comment must be .* without control/],
    [
      'a comment that cannot be seen',
      { flags: { comment: '\u200b' } },
      /--comment must be a text that is not empty: nothing of it can be seen/,
    ],
    [
      'the placeholder of a printed command',
      { flags: { comment: 'REASON' } },
      /--comment must be your own words for why the actions are cancelled, not "REASON"/,
    ],
    [
      'an action ID in place of a file',
      { sourceArg: 'AAAABBBB-cccc-4ddd-8eee-ffff00001111' },
      /is an action ID.*`echo AAAABBBB-cccc-4ddd-8eee-ffff00001111 \| countermand run -`/,
    ],
    [
      'an action ID in place of a file to plan',
      { sourceArg: 'AAAABBBB-cccc-4ddd-8eee-ffff00001111', plan: true },
      /`echo AAAABBBB-cccc-4ddd-8eee-ffff00001111 \| countermand plan -`/,
    ],
    ['an action ID in braces', { sourceArg: '{AAAABBBB-cccc-4ddd-8eee-ffff00001111}' }, /is an action ID/],
    [
      'an address in place of a file, without what may be secret in it',
      { sourceArg: 'https://me:hunter2@security.microsoft.com/actions?id=AAAABBBB-cccc-4ddd-8eee-ffff00001111' },
      /^an address \(at "security.microsoft.com"\) is given as SOURCE.* not guessed.*countermand list/,
    ],
    [
      'an address in a job',
      { sourceArg: 'a.yaml', jobText: 'source: {file: "https://security.microsoft.com/x.csv"}' },
      /an address/,
    ],
    ['a URL with a password', { flags: { 'api-url': 'https://a:b@c' } }, /--api-url must be a URL/],
    ['a day that does not exist', { flags: { 'created-after': '2026-02-30' } }, /--created-after must be a date/],
    ['a share of 0', { flags: { 'quota-share': '0' } }, /--quota-share must be a number above 0/],
    ['a window without calls', { flags: { quota: ['0/1m'] } }, /--quota must be a number of calls/],
  ])('resolveJob refuses %s', (_, input, message) => {
    expect(() => resolved(input)).toThrow(UsageError);
    expect(() => resolved(input)).toThrow(message);
  });

  it('resolveJob takes tenant and application from a token when nothing else names them', () => {
    const job = resolved({ env: { COUNTERMAND_TOKEN: 'x' }, fromToken: { tenant: TENANT, clientId: CLIENT } });
    expect([job.tenant, job.clientId]).toEqual([TENANT, CLIENT]);
  });
});

describe('sourceKind', () => {
  it.each([
    ['-', 'stdin'],
    ['a.yaml', 'job'],
    ['a.YML', 'job'],
    ['a.jsonl', 'ledger'],
    ['a.csv', 'file'],
    ['ids', 'file'],
  ])('sourceKind takes %s for a %s', (source, kind) => {
    expect(sourceKind(source)).toBe(kind);
  });
});
