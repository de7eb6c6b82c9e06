import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { IGNORED_FROM_LEDGER, isWider, wordsToRepeat } from '../../src/job/from-ledger.ts';
import type { Job } from '../../src/job/job.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { mergeForResume } from '../../src/job/resume-job.ts';
import { DOCUMENTED_WINDOWS, type Window } from '../../src/quota/quota.ts';

const NOW = Date.UTC(2026, 10, 23);
const who = { tenant: '0f7c9d3e-1111-4222-8333-444455556666', 'client-id': 'aaaabbbb-cccc-4ddd-8eee-ffff00001111' };
const base = { sourceArg: 'incident.csv', env: {}, cwd: '/home/me', nowMs: NOW };

type Changes = { [K in keyof Job]?: Partial<Job[K]> | Job[K] };

/** A frozen job as somebody wrote it into a ledger. */
function forged(changes: Changes): Record<string, unknown> {
  const job = JSON.parse(JSON.stringify(resolveJob({ ...base, flags: who }))) as Record<string, unknown>;
  for (const [key, value] of Object.entries(changes)) {
    const there = job[key];
    job[key] =
      typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...(there as object), ...value } : value;
  }
  return job;
}

const resume = (frozen: unknown, flags: Record<string, unknown> = {}, env: Record<string, string> = {}, today?: Job) =>
  mergeForResume(frozen, { flags, env, cwd: '/home/me', nowMs: NOW, today });

const SECOND = 1000;
const HOUR = 3_600_000;
const fast: readonly Window[] = [{ calls: 100_000, perMs: SECOND }];

describe('what a ledger says that reaches outside', () => {
  const reaching: [what: string, changes: Changes, flags: Record<string, unknown>, named: string][] = [
    [
      'an API on loopback',
      { api: { url: 'http://127.0.0.1:9' } },
      { 'api-url': 'http://127.0.0.1:9' },
      '--api-url http://127.0.0.1:9',
    ],
    [
      'an API at another host, which it allows itself',
      { api: { url: 'https://defender.example', allowHosts: ['defender.example'] } },
      { 'api-url': 'https://defender.example', 'allow-host': ['defender.example'] },
      '--api-url https://defender.example --allow-host defender.example',
    ],
    [
      'an API at a Microsoft host of another cloud',
      { api: { url: 'https://api-gov.securitycenter.microsoft.us' } },
      { 'api-url': 'https://api-gov.securitycenter.microsoft.us' },
      '--allow-host api-gov.securitycenter.microsoft.us',
    ],
    [
      'a path behind a known host',
      { api: { url: 'https://api.security.microsoft.com/else' } },
      { 'api-url': 'https://api.security.microsoft.com/else' },
      '--api-url',
    ],
    [
      'a login host on loopback',
      { api: { authorityUrl: 'https://localhost:8443' } },
      { 'authority-url': 'https://localhost:8443' },
      '--authority-url https://localhost:8443',
    ],
    ['wider windows', { quota: { windows: fast } }, { quota: ['100000/1s'] }, '--quota 100000/1s'],
    [
      'only one of the documented windows',
      { quota: { windows: [{ calls: 100, perMs: 60_000 }] } },
      { quota: ['100/1m'] },
      '--quota 100/1m',
    ],
    [
      'windows for each route',
      { quota: { routes: 'separate' } },
      { 'quota-routes': 'separate' },
      '--quota-routes separate',
    ],
  ];

  it.each(reaching)(
    'what a ledger says that reaches outside is refused unless this session repeats it, naming the flag: %s',
    (_, changes, flags, named) => {
      const frozen = forged(changes);
      expect(() => resume(frozen)).toThrow(UsageError);
      expect(() => resume(frozen)).toThrow(named);
      expect(() => resume(frozen, flags)).not.toThrow();
    },
  );

  it('what a ledger says that reaches outside counts as repeated by a variable too', () => {
    const frozen = forged({ api: { url: 'http://127.0.0.1:9' } });
    expect(resume(frozen, {}, { COUNTERMAND_API_URL: 'http://127.0.0.1:9' }).api.url).toBe('http://127.0.0.1:9');
  });

  it('what a ledger says that reaches outside counts as repeated by the job file that found the ledger, but for hosts, which no job file names', () => {
    const today = resolveJob({ ...base, flags: { ...who, quota: ['5000/1s'] } });
    expect(() => resume(forged({ quota: { windows: fast } }), {}, {}, today)).not.toThrow();
    expect(() => resume(forged({ api: { url: 'http://127.0.0.1:9' } }), {}, {}, today)).toThrow('--api-url');
  });

  it('what a ledger says that reaches outside is told all at once', () => {
    const frozen = forged({ api: { url: 'http://127.0.0.1:9' }, quota: { windows: fast, routes: 'separate' } });
    expect(() => resume(frozen)).toThrow(/--api-url[\s\S]*--quota 100000\/1s[\s\S]*--quota-routes/);
  });

  it('what a ledger says that reaches outside is what the next command says again', () => {
    const flags = { ...who, 'api-url': 'https://d.example', 'allow-host': ['d.example'], quota: ['200/1m', '9000/1h'] };
    expect(wordsToRepeat(resolveJob({ ...base, flags }))).toEqual(
      '--api-url https://d.example --allow-host d.example --quota 200/1m --quota 9000/1h'.split(' '),
    );
    expect(wordsToRepeat(resolveJob({ ...base, flags: who }))).toEqual([]);
  });

  it('what a ledger says that reaches outside shows no password of an address that a ledger holds', () => {
    const frozen = forged({ api: { url: 'https://me:hush-hush@evil.example' } });
    expect(() => resume(frozen)).toThrow(UsageError);
    expect(() => resume(frozen)).not.toThrow(/hush-hush/);
  });
});

describe('a file to write or remove, or a host to allow, that a ledger names', () => {
  it('a file to write or remove, or a host to allow, that a ledger names counts for nothing unless this session gives it', () => {
    const frozen = forged({ metricsFile: '/root/.profile', keepLedgersMs: 1, api: { allowHosts: ['evil.example'] } });
    const job = resume(frozen);
    expect([job.metricsFile, job.keepLedgersMs, job.api.allowHosts]).toEqual([undefined, undefined, []]);
    const given = resume(frozen, { 'metrics-file': 'm.prom', 'keep-ledgers': '400d' });
    expect([given.metricsFile, given.keepLedgersMs]).toEqual(['/home/me/m.prom', 400 * 86_400_000]);
    expect(IGNORED_FROM_LEDGER).toEqual(['allowHost', 'store', 'keepLedgers', 'metricsFile', 'logFormat']);
  });
});

describe('a known host and documented or narrower windows', () => {
  it.each<[string, Changes]>([
    ['nothing but the defaults', {}],
    ['a regional host', { api: { url: 'https://eu.api.security.microsoft.com' } }],
    ['the login host', { api: { authorityUrl: 'https://login.microsoftonline.com' } }],
    ['half of the quota', { quota: { share: 0.5 } }],
    ['an evenly spread quota', { quota: { windows: [{ calls: 25, perMs: 60_000 }] } }],
    ['slow windows of other lengths', { quota: { windows: [{ calls: 1, perMs: 3 * SECOND }] } }],
  ])('a known host and documented or narrower windows of a ledger need not be repeated: %s', (_, changes) => {
    expect(() => resume(forged(changes))).not.toThrow();
  });

  it('a ledger with wider windows is refused by the documented one that they pass', () => {
    const windows = [{ calls: 8, perMs: 10 * SECOND }];
    expect(() => resume(forged({ quota: { windows } }))).toThrow(
      'allows 8/10s, which makes 2880/1h, more than the documented 1500/1h',
    );
  });

  it('narrower windows are told from wider ones by the most calls that any span can hold', () => {
    const window = fc.record({
      calls: fc.integer({ min: 1, max: 3000 }),
      perMs: fc.integer({ min: 1, max: 7200 }).map((seconds) => seconds * SECOND),
    });
    let narrow = 0;
    fc.assert(
      fc.property(
        fc.array(window, { minLength: 1, maxLength: 3 }),
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        (windows, share) => {
          if (isWider(windows, share)) return;
          narrow += 1;
          for (const { calls, perMs } of DOCUMENTED_WINDOWS) {
            // Sent as fast as one window alone allows: a whole burst at the beginning of each of its spans.
            const inSpan = windows.map((one) => {
              const burst = Math.max(1, Math.floor(one.calls * share));
              let sent = 0;
              for (let at = 0; at < perMs; at += one.perMs) sent += burst;
              return sent;
            });
            expect(Math.min(...inSpan)).toBeLessThanOrEqual(calls);
          }
        },
      ),
    );
    expect(narrow).toBeGreaterThan(5);
    expect(isWider(DOCUMENTED_WINDOWS, 1)).toBe(false);
    expect(
      isWider(
        [
          { calls: 101, perMs: 60_000 },
          { calls: 1500, perMs: HOUR },
        ],
        1,
      ),
    ).toBe(true);
    expect(
      isWider(
        [
          { calls: 100, perMs: 60_000 },
          { calls: 1500, perMs: HOUR - 1 },
        ],
        1,
      ),
    ).toBe(true);
  });
});

describe('a job in a ledger', () => {
  it.each([
    ['no window at all', { windows: [] }],
    ['a share above the whole', { share: 3 }],
  ])('a job in a ledger with %s is not one that a run writes', (_what, quota) => {
    expect(() => resume(forged({ quota }))).toThrow(/holds a job that this version cannot read/);
  });
});

describe("a job's name in a ledger", () => {
  it.each(['incident', 'a $(b) `c`', 'Größe 2', 'x'.repeat(200), '😀'.repeat(200)])(
    "a job's name in a ledger may be %j",
    (name) => {
      expect(resume(forged({ name })).name).toBe(name);
    },
  );

  it.each([
    '',
    'x'.repeat(201),
    '../../etc/cron.d/x',
    'a/b',
    'a\\b',
    'a\nb',
    'a\rb',
    'a\u0000b',
    'a\u001b[2K',
    'a\u2028b',
    'a\u0085b',
  ])("a job's name in a ledger may not be %j", (name) => {
    expect(() => resume(forged({ name }))).toThrow(UsageError);
    expect(() => resume(forged({ name }))).toThrow(/holds a job that this version cannot read \(name/);
  });

  it("a job's name in a ledger is one that its own ledger may hold, whatever the source is called", () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 260 }), (file) => {
        fc.pre(!file.includes('\u0000') && !/\.(ya?ml|jsonl)$/i.test(file) && file !== '-' && file !== '');
        const job = resolveJob({ ...base, sourceArg: file, flags: who });
        expect(() => resume(JSON.parse(JSON.stringify(job)))).not.toThrow();
      }),
    );
  });
});
