import { describe, expect, it } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseJobFile } from '../../src/job/job-file.ts';

function parsed(text: string, env: Record<string, string> = {}) {
  return parseJobFile(text, '/jobs/a.yaml', env, 'a.yaml');
}

function refusal(text: string, env: Record<string, string> = {}): string {
  try {
    parsed(text, env);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  throw new Error('the job was taken');
}

describe('parseJobFile', () => {
  it.each([
    ['INC #1 false alarm', 'INC'],
    ['stop # by ops', 'stop'],
  ])('parseJobFile says that a # cuts the comment: %s', (written, comment) => {
    const { settings, remarks } = parsed(`source: {file: x} # theirs\ncomment: ${written}\nname: a # ours`);
    expect(settings.comment).toBe(comment);
    expect(remarks).toEqual([
      expect.stringMatching(`^a.yaml:2:10 comment is "${comment}" without what follows the #.*quotes`),
    ]);
  });

  it.each(['INC#1', '"INC #1"', "'INC #1' # ours", '|\n  INC #1'])(
    'parseJobFile says nothing of a comment that is whole: %s',
    (written) => {
      expect(parsed(`source: {file: x}\ncomment: ${written}`).remarks).toEqual([]);
    },
  );

  it.each([
    ['comment: INC-4711: rule misfired', '2:10', /: put a text that holds a colon and a blank in quotes$/],
    ['comment: @ops', '2:10', /: put all of the text in quotes$/],
    ['comment: "rule" misfired', '2:17', /: put all of the text in quotes$/],
    ['guards: {first: "20"}', '2:17', /guards\.first must be a whole number .*, not "20": write it without quotes$/],
    ["quota: {share: '0.5'}", '2:16', /must be a number .*, not "0\.5": write it without quotes$/],
    ['strictInput: "true"', '2:14', /must be true or false, not "true": write it without quotes$/],
    ['guards: {first: "many"}', '2:17', /, not "many"$/],
    ['guards: {first: "-1"}', '2:17', /, not "-1"$/],
  ])('parseJobFile says where quotes are missing or too many: %s', (written, place, remedy) => {
    const message = refusal(`source: {file: x}\n${written}\n`);
    expect(message).toContain(`  a.yaml:${place} `);
    expect(message).toMatch(remedy);
  });

  it.each([
    'maxActions: 3.000',
    'maxActions: "3.000"',
    'maxActions: 3,000',
    'first: 1.0',
    'maxFailures: 3.000',
    'maxActions: $' + '{N}',
  ])('parseJobFile takes no number with a dot or comma for a whole one: %s', (written) => {
    expect(refusal(`source: {file: x}\nguards:\n  ${written}\n`, { N: '3.000' })).toMatch(
      /a\.yaml:3:\d+ guards\.\w+ must be .*a whole number .*, not "?[13$]/,
    );
  });

  it('parseJobFile takes a share of 1.0, which is no count', () => {
    expect(parsed('source: {file: x}\nquota: {share: 1.0}\nconcurrency: 16').settings).toEqual({
      quotaShare: 1,
      concurrency: 16,
    });
  });

  it('parseJobFile reads every key', () => {
    const text = `
name: all
tenant: contoso.com
clientId: AAAABBBB-cccc-4ddd-8eee-ffff00001111
auth: { kind: certificate }
api: { cloud: commercial, region: eu }
source: { file: ids.csv, column: ref }
comment: stop
ledger: x.jsonl
quota: { windows: [20/1s, 100/10s], share: 0.5, routes: separate }
concurrency: 4
guards:
  onlyType: [isolate]
  onlyRequestor: me
  onlyMachine: [a, b]
  createdAfter: 2026-11-01
  createdBefore: 2h
  maxActions: 5
  maxFailures: 50
  first: 1
  maxDuration: 50m
patience: 90s
screen: never
confirmFor: 0
strictInput: true
planMaxAge: 1h
keepLedgers: 90d
metricsFile: m.prom
`;
    expect(parsed(text)).toEqual({
      path: '/jobs/a.yaml',
      name: 'all',
      remarks: [],
      source: { file: 'ids.csv', column: 'ref' },
      settings: {
        tenant: 'contoso.com',
        clientId: 'aaaabbbb-cccc-4ddd-8eee-ffff00001111',
        auth: 'certificate',
        cloud: 'commercial',
        region: 'eu',
        column: 'ref',
        comment: 'stop',
        ledger: 'x.jsonl',
        quota: [
          { calls: 20, perMs: 1000 },
          { calls: 100, perMs: 10_000 },
        ],
        quotaShare: 0.5,
        quotaRoutes: 'separate',
        concurrency: 4,
        onlyType: ['Isolate'],
        onlyRequestor: ['me'],
        onlyMachine: ['a', 'b'],
        createdAfter: { iso: '2026-11-01T00:00:00.000Z' },
        createdBefore: { ageMs: 7_200_000 },
        maxActions: 5,
        maxFailures: { count: 50 },
        first: 1,
        maxDuration: 3_000_000,
        patience: 90_000,
        screen: 'never',
        confirmFor: 0,
        strictInput: true,
        planMaxAge: 3_600_000,
        keepLedgers: 7_776_000_000,
        metricsFile: 'm.prom',
      },
    });
  });

  it('parseJobFile reads a query', () => {
    const text = 'source: {query: {type: liveresponse, status: [pending], createdBefore: 1h, commentContains: " x "}}';
    expect(parsed(text).source).toEqual({
      query: { type: ['LiveResponse'], status: ['Pending'], createdBefore: { ageMs: 3_600_000 }, commentContains: 'x' },
    });
  });

  it('parseJobFile names five mistakes at once, each with its line and column', () => {
    const text = `source:
  file: ids.csv
  colum: ID
concurency: 4
patience: soon
guards:
  maxActions: many
quota:
  windows:
    - 100/1m
    - lots
`;
    expect(refusal(text)).toBe(`the job has 5 mistakes, nothing was started:
  a.yaml:3:3 there is no key "colum" in source: did you mean source.column?
  a.yaml:4:1 there is no key "concurency": did you mean concurrency?
  a.yaml:5:11 patience must be a duration above 0, such as 90s, 50m, 2h or 7d, not "soon"
  a.yaml:7:15 guards.maxActions must be a whole number from 1 to 100000000, not "many"
  a.yaml:11:7 quota.windows.1 must be a number of calls and a duration, such as 100/1m, or a list of those, not "lots"`);
  });

  it.each<[string, string, string]>([
    ['no content', '', 'a.yaml is empty'],
    ['comments alone', '# nothing\n', 'a.yaml is empty'],
    ['a list', '- a', 'a.yaml:1:1 a job must be a set of keys such as source and comment'],
    ['a text', 'hello', 'a.yaml:1:1 a job must be a set of keys'],
    ['no source', 'comment: x', 'a.yaml:1:1 source is missing: name a file or a query'],
    ['an empty source', 'comment: x\nsource:\n', 'a.yaml:2:8 source must be a set of keys'],
    [
      'a source of two kinds',
      'source: {file: x, query: {type: a}}',
      'a.yaml:1:9 source: name either a file or a query',
    ],
    ['a source of no kind', 'source: {column: x}', 'a.yaml:1:9 source: name either a file or a query'],
    ['an empty query', 'source: {query: {}}', 'a.yaml:1:17 source.query: a query needs at least one condition'],
    [
      'a column of a query',
      'source: {query: {type: a}, column: x}',
      'a.yaml:1:36 source.column: a query has no columns',
    ],
    ['a setting without a value', 'source: {file: x}\npatience:\n', 'a.yaml:2:10 patience must be a duration above 0'],
    [
      'a text where a section stands',
      'source: {file: x}\nquota: fast',
      'a.yaml:2:8 quota must be a set of keys, of which there are windows',
    ],
    [
      'a key of another section',
      'source: {file: x}\nmaxActions: 3',
      'a.yaml:2:1 there is no key "maxActions": did you mean guards.maxActions?',
    ],
    ['a key like none', 'source: {file: x}\nzzz: 3', 'a.yaml:2:1 there is no key "zzz"'],
    ['the key __proto__', 'source: {file: x}\n__proto__: {comment: x}', 'a.yaml:2:1 there is no key "__proto__"'],
    ['a name that is a path', 'source: {file: x}\nname: ../x', 'a.yaml:2:7 name must be at most 64 letters'],
    [
      'a number for a tenant',
      'source: {file: x}\ntenant: 5',
      'a.yaml:2:9 tenant must be a tenant ID (a GUID) or one of its domains, not 5',
    ],
    [
      'a duration without unit',
      'source: {file: x}\npatience: 60',
      'a.yaml:2:11 patience must be a duration above 0, such as 90s, 50m, 2h or 7d, not 60',
    ],
    ['a duration of 0', 'source: {file: x}\npatience: 0s', 'a.yaml:2:11 patience must be a duration above 0'],
    [
      'a share above 1',
      'source: {file: x}\nquota: {share: 2}',
      'a.yaml:2:16 quota.share must be a number above 0 and at most 1',
    ],
    ['101 percent', 'source: {file: x}\nguards: {maxFailures: 101%}', 'guards.maxFailures must be a percentage'],
    [
      'a part of an action',
      'source: {file: x}\nguards: {maxFailures: 0.5}',
      'guards.maxFailures must be a percentage such as 5% or a whole number',
    ],
    [
      'a list with a number in it',
      'source: {file: x}\nguards: {onlyType: [Isolate, 3]}',
      'a.yaml:2:20 guards.onlyType must be an action type',
    ],
    [
      'an empty list',
      'source: {file: x}\nguards: {onlyMachine: []}',
      'guards.onlyMachine must be a text or a list of texts',
    ],
    ['yes for true', 'source: {file: x}\nstrictInput: yes', 'a.yaml:2:14 strictInput must be true or false, not "yes"'],
    [
      'a month that does not exist',
      'source: {file: x}\nguards: {createdAfter: 2026-13-01}',
      'guards.createdAfter must be a date',
    ],
    [
      'another kind of sign-in',
      'source: {file: x}\nauth: {kind: magic}',
      'a.yaml:2:14 auth.kind must be one of client-secret',
    ],
    [
      'a number in place of a comment',
      'source: {file: x}\ncomment: 0471',
      'a.yaml:2:10 comment must be a text, and YAML takes 0471 for a number: write it in quotes',
    ],
    [
      'a truth in place of a comment',
      'source: {file: x}\ncomment: true',
      'comment must be a text, and YAML takes true for true or false: write it in quotes',
    ],
    [
      'a comment that cannot be seen',
      'source: {file: x}\ncomment: "\u200b"',
      'comment must be a text that is not empty: nothing of it can be seen',
    ],
    ['a key twice', 'source: {file: x}\ncomment: a\ncomment: b', 'a.yaml:3:1 this key is there already'],
    ['two documents', 'source: {file: x}\n---\nsource: {file: y}', 'a.yaml:2:1 a job file holds one job'],
    ['an open bracket', 'source: {file: x', 'a.yaml:1:17 not valid YAML'],
    ['a tab for indentation', 'source:\n\tfile: x', 'not valid YAML: Tabs are not allowed'],
    ['an alias', 'source: &a {file: x}\nguards: *a', 'a.yaml:2:9 anchors and aliases are not used in job files'],
    ['a key that is a list', 'source: {file: x}\n? [a]\n: 1', 'a.yaml:2:3 there is no key "?"'],
    [
      'an API host',
      'source: {file: x}\napi: {url: "https://evil.example"}',
      'a.yaml:2:7 "api.url": a job file cannot choose other hosts, because it may come from somebody else; give --api-url',
    ],
    [
      'an API host as the flag has it',
      'source: {file: x}\napi-url: x',
      'a.yaml:2:1 "api-url": a job file cannot choose other hosts',
    ],
    [
      'a login host',
      'source: {file: x}\nauthorityUrl: x',
      'a.yaml:2:1 "authorityUrl": a job file cannot choose other hosts, because it may come from somebody else; give --authority-url',
    ],
    [
      'allowed hosts',
      'source: {file: x}\nallowHosts: [x]',
      'a.yaml:2:1 "allowHosts": a job file cannot choose other hosts, because it may come from somebody else; give --allow-host',
    ],
    [
      'a variable that is not set',
      `source: {file: x}\ncomment: "\${NOPE}"`,
      'a.yaml:2:10 the environment variable NOPE is not set',
    ],
    ['a variable that is not closed', `source: {file: x}\ncomment: "\${NOPE"`, `a.yaml:2:10 "\${" begins a variable`],
  ])('parseJobFile refuses %s', (_, text, message) => {
    expect(refusal(text)).toContain(message);
  });

  it.each([
    ['clientSecret', 'AZURE_CLIENT_SECRET'],
    ['secret', 'AZURE_CLIENT_SECRET'],
    ['AZURE_CLIENT_SECRET', 'AZURE_CLIENT_SECRET'],
    ['client-secret', 'AZURE_CLIENT_SECRET'],
    ['password', 'AZURE_CLIENT_CERTIFICATE_PASSWORD'],
    ['certificatePath', 'AZURE_CLIENT_CERTIFICATE_PATH'],
    ['token', 'COUNTERMAND_TOKEN'],
    ['federatedTokenFile', 'AZURE_FEDERATED_TOKEN_FILE'],
  ])('parseJobFile refuses the secret %s, names the way to give it, and does not show it', (key, variable) => {
    for (const text of [`source: {file: x}\n${key}: hunter2`, `source: {file: x}\nauth:\n  ${key}: hunter2`]) {
      expect(refusal(text)).toContain(`because it is a secret: set ${variable} in the environment`);
      expect(refusal(text)).not.toContain('hunter2');
    }
  });

  it('parseJobFile does not show what stands where a section belongs: it may be a secret', () => {
    expect(refusal('source: {file: x}\nauth: hunter2')).not.toContain('hunter2');
  });

  it('parseJobFile takes sections whose keys are all commented out', () => {
    expect(parsed('source: {file: x}\nguards:\n#  first: 1\nquota:\n').settings).toEqual({});
  });

  it('parseJobFile shows at most 25 mistakes and counts the rest', () => {
    const text = `source: {file: x}\n${Array.from({ length: 40 }, (_, n) => `unheard${n}: 1`).join('\n')}`;
    expect(refusal(text).split('\n')).toHaveLength(27);
    expect(refusal(text)).toMatch(/40 mistakes[\s\S]*and 15 more$/);
  });

  it('parseJobFile refuses a file that is too deep or too long for a job, rather than fall over it', () => {
    expect(refusal('['.repeat(20_000))).toMatch(/not valid YAML|nested too deeply/);
    expect(refusal(`a: ${'x'.repeat(1_000_001)}`)).toMatch(/too long for a job file: is it a list of action IDs\?/);
  });

  describe('variables', () => {
    it('variables take the place of texts, numbers and truth values', () => {
      const text = `source: {file: "\${IN}.csv"}\nconcurrency: \${N}\nstrictInput: \${S:-false}\ncomment: "\${A} and \${B:-b:-}"`;
      const job = parsed(text, { IN: 'ids', N: '7', A: 'a' });
      expect(job.source.file).toBe('ids.csv');
      expect(job.settings).toEqual({ concurrency: 7, strictInput: false, comment: 'a and b:-' });
    });

    it('variables give way to their default when empty', () => {
      expect(parsed(`source: {file: "\${F:-x.csv}"}`, { F: '' }).source.file).toBe('x.csv');
    });

    it('variables are not looked for in what they hold, in keys, or after $$', () => {
      const text = `source: {file: x}\ncomment: "\${A} $\${B} $5"`;
      expect(parsed(text, { A: `\${B}`, B: 'no' }).settings.comment).toBe(`\${B} \${B} $5`);
      expect(refusal(`source: {file: x}\n"\${A}": 1`, { A: 'comment' })).toContain(`there is no key "\${A}"`);
    });

    it.each([
      'AZURE_CLIENT_SECRET',
      'COUNTERMAND_TOKEN',
      'AZURE_CLIENT_SECRET_FILE',
      'DB_PASSWORD',
      'my_api_key',
      'GITHUB_TOKEN',
      'IDENTITY_HEADER',
      'MSI_SECRET',
      'PGPASSWORD',
      'PGPASSFILE',
      'COUNTERMAND_STORE_PASSWORD_FILE',
      'AZURE_CLIENT_CERTIFICATE_KEY_PATH',
      'SIGNING_KEY',
      'smtp_pass',
      'SENTRY_DSN',
      'DB_PWD',
    ])('variables never hold a secret: %s is refused', (name) => {
      const message = refusal(`source: {file: x}\ncomment: "\${${name}}"`, { [name]: 'hunter2' });
      expect(message).toContain(`\${${name}} is a secret and is never part of a job`);
      expect(message).not.toContain('hunter2');
    });

    it.each([
      ['a user and password', 'http://me:hunter2@proxy.corp.example:8080'],
      ['a user and password, without a scheme', 'me:hunter2@proxy.corp.example:8080'],
      ['a key in the place of a user', 'https://hunter2@errors.example/7'],
      ['one among other words', 'see https://me:hunter2@wiki.example for more'],
      ['a signature', 'https://account.blob.example/list.csv?sv=2026&sig=hunter2'],
    ])('variables never hold an address with %s, whatever they are called', (_, value) => {
      const message = refusal(`source: {file: x}\ncomment: "for \${HTTPS_PROXY}"`, { HTTPS_PROXY: value });
      expect(message).toMatch(/the environment variable HTTPS_PROXY holds an address with a/);
      expect(message).not.toContain('hunter2');
    });

    it('variables never hold what a secret variable holds', () => {
      const env = { TICKET: 'x hunter2!', AZURE_CLIENT_SECRET: 'hunter2' };
      const message = refusal(`source: {file: x}\ncomment: "\${TICKET}"`, env);
      expect(message).toContain('the environment variable TICKET holds the secret of AZURE_CLIENT_SECRET');
      expect(message).not.toContain('hunter2');
    });

    it.each([
      ['PWD', '/home/me'],
      ['PATH', '/bin'],
      ['TICKET', 'INC-4711'],
      ['MONKEY', 'a'],
      ['LINK', 'https://teams.example/l/message/19:abc@thread.v2/7'],
      ['MAIL', 'me@corp.example'],
      ['MAIL', 'mailto:me@corp.example'],
    ])('variables may hold what is no secret: %s = %s', (name, value) => {
      expect(parsed(`source: {file: x}\ncomment: "\${${name}}"`, { [name]: value }).settings.comment).toBe(value);
    });

    it('variables are shown by their name, not by what they hold', () => {
      const message = refusal(`source: {file: x}\npatience: \${P}`, { P: 'hunter2' });
      expect(message).toContain(`patience must be a duration above 0, such as 90s, 50m, 2h or 7d, not "\${P}"`);
    });
  });
});
