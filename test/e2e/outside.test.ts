import { existsSync } from 'node:fs';
import { link, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { COMMENT, type Harness, ids, open, openHarness } from '../support/harness.ts';
import { chainLedger } from '../support/ledger-lines.ts';

const SECRET = 'a-secret-that-nobody-may-see';

let harness: Harness;
/** As in a session that has said nothing of hosts and windows, with a secret in a file. */
let bare: Record<string, string | undefined>;
beforeAll(async () => {
  harness = await openHarness({ actions: open(3) });
  await harness.file('ids.txt', ids(3));
  await harness.file('secret', SECRET);
  await symlink('secret', harness.path('secret-link.csv'));
  await link(harness.path('secret'), harness.path('secret-too.csv'));
  await symlink('secret', harness.path('secret.yaml'));
  bare = { COUNTERMAND_API_URL: undefined, COUNTERMAND_QUOTA: undefined, AZURE_CLIENT_SECRET_FILE: 'secret' };
});
afterAll(() => harness[Symbol.asyncDispose]());

const cancels = () => harness.sandbox.log.entries.filter(({ route }) => route === 'cancel').length;

/** A plan of the three actions; `change` rewrites the job that its ledger holds, with a right chain. */
async function plan(name: string, change?: (job: Record<string, unknown>) => void): Promise<string> {
  const ledger = `${name}.jsonl`;
  const planned = await harness.run(['plan', 'ids.txt', '--ledger', ledger, ...COMMENT]);
  expect(planned).toMatchObject({ code: 0 });
  if (change !== undefined) {
    const [first = '', ...rest] = (await readFile(harness.path(ledger), 'utf8')).split('\n');
    const record = JSON.parse(first) as { job: Record<string, unknown> };
    change(record.job);
    await writeFile(harness.path(ledger), chainLedger([JSON.stringify(record), ...rest].join('\n')));
  }
  return ledger;
}

describe('a ledger', () => {
  it.each([
    ['run', '--yes'],
    ['resume', '--yes'],
    ['resume', '--dry-run'],
  ])(
    'a ledger that leads to another host and beyond the quota is refused by %s %s, naming the flags',
    async (...args) => {
      const ledger = await plan(`wide-${args.join('')}`);
      const before = harness.sandbox.log.entries.length;
      const [command = '', flag = ''] = args;
      const { code, stderr } = await harness.run([command, ledger, flag], { env: bare });
      expect(code).toBe(2);
      expect(stderr).toContain(`give --api-url ${harness.sandbox.url} if you mean it`);
      expect(stderr).toContain('give --quota 5000/1s if you mean it');
      expect(harness.sandbox.log.entries).toHaveLength(before);
    },
  );

  it('a ledger is started by the line that plan prints, as it stands', async () => {
    const planned = await harness.run(['plan', 'ids.txt', '--ledger', 'a b.jsonl', ...COMMENT]);
    const line = /countermand run .*$/m.exec(planned.stdout.replaceAll(/\s*\n\s{2,}(?=--)/g, ' '))?.[0] ?? '';
    expect(line).toContain(`--api-url ${harness.sandbox.url} --quota 5000/1s`);
    const before = cancels();
    const unsaid = Object.entries(bare).filter(([, value]) => value === undefined);
    const unset = unsaid.map(([name]) => `unset ${name}; `).join('');
    const ran = await harness.runShell(`${unset}${line} --yes`);
    expect(ran).toMatchObject({ code: 0 });
    expect(cancels()).toBe(before + 3);
  });

  it('a ledger writes no file and removes no ledger by its own word', async () => {
    const profile = harness.path('.profile');
    const ledger = await plan('planted', (job) => {
      job['name'] = '$(touch planted-by-name)';
      job['metricsFile'] = profile;
      job['keepLedgersMs'] = 1;
    });
    await harness.run(['run', ledger, '--yes']);
    expect(existsSync(profile)).toBe(false);
    expect(existsSync(harness.path('planted-by-name'))).toBe(false);
  });

  it.each([
    [
      'whose source is a secret',
      (job: Record<string, unknown>) => (job['source'] = { kind: 'file', path: harness.path('secret') }),
    ],
    ['whose comment holds a secret', (job: Record<string, unknown>) => (job['comment'] = `see ${SECRET}`)],
  ])('%s is refused, and the secret is not shown', async (what, change) => {
    const ledger = await plan(what.replaceAll(' ', '-'), change);
    const before = harness.sandbox.log.entries.length;
    const { code, stdout, stderr } = await harness.run(['run', ledger, '--yes'], { env: { ...bare, ...SAID() } });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('AZURE_CLIENT_SECRET_FILE') });
    expect(stdout + stderr).not.toContain(SECRET);
    expect(harness.sandbox.log.entries).toHaveLength(before);
  });
});

/** What a session says that means this sandbox. */
const SAID = () => ({ COUNTERMAND_API_URL: harness.sandbox.url, COUNTERMAND_QUOTA: '5000/1s' });

describe('a secret file of this session', () => {
  it.each([
    ['a source', ['run', 'secret', '--yes', ...COMMENT]],
    ['a source by a symbolic link', ['plan', 'secret-link.csv']],
    ['a source by a hard link', ['plan', 'secret-too.csv']],
    ['a source by another folder', ['plan', '/proc/self/cwd/secret']],
    ['a job', ['plan', 'secret.yaml']],
    ['a ledger', ['report', 'secret-too.csv']],
    ['a ledger to be checked', ['verify', 'secret', '--offline']],
  ])('a secret file of this session is never %s', async (_, args) => {
    const { code, stdout, stderr } = await harness.run(args, { env: { ...bare, ...SAID() } });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('AZURE_CLIENT_SECRET_FILE') });
    expect(stdout + stderr).not.toContain(SECRET);
  });

  it('a secret file of this session is never read from stdin', async () => {
    for (const name of ['-', '/dev/stdin', '/proc/self/fd/0']) {
      const ran = await harness.runShell(`AZURE_CLIENT_SECRET_FILE=secret countermand plan ${name} < secret`);
      expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('AZURE_CLIENT_SECRET_FILE') });
      expect(ran.stdout + ran.stderr).not.toContain(SECRET);
    }
  });

  it('a secret file of this session is no list of certificate authorities', async () => {
    const { code, stderr } = await harness.run(['plan', 'ids.txt'], {
      env: { ...bare, NODE_EXTRA_CA_CERTS: 'secret' },
    });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('NODE_EXTRA_CA_CERTS') });
  });
});

describe('a comment that holds a secret', () => {
  it.each([
    ['of a flag', ['run', 'ids.txt', '--yes', '--ledger', 'c1.jsonl', '--comment', `x ${SECRET}`], {}],
    ['of a variable', ['run', 'ids.txt', '--yes', '--ledger', 'c2.jsonl'], { COUNTERMAND_COMMENT: SECRET }],
    ['of a job', ['run', 'leaky.yaml', '--yes', '--ledger', 'c3.jsonl'], {}],
    ['of a row', ['run', 'leaky.csv', '--yes', ...COMMENT, '--ledger', 'c4.jsonl'], {}],
  ])('%s is refused before anything is sent, and not written down', async (what, args, env) => {
    await harness.file('leaky.yaml', `source: { file: ids.txt }\ncomment: ${SECRET}\n`);
    await harness.file('leaky.csv', ['id,comment', `${ids(1)[0]},INC-1`, `${ids(2)[1]},${SECRET}`]);
    const before = harness.sandbox.log.entries.length;
    const { code, stdout, stderr } = await harness.run(args, { env: { ...bare, ...SAID(), ...env } });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('AZURE_CLIENT_SECRET_FILE') });
    if (what === 'of a row') expect(stderr).toContain('leaky.csv, line 3,');
    expect(stdout + stderr).not.toContain(SECRET);
    const ledger = harness.path(args.find((each) => each.endsWith('.jsonl')) ?? '');
    if (existsSync(ledger)) expect(await readFile(ledger, 'utf8')).not.toContain(SECRET);
    expect(harness.sandbox.log.entries).toHaveLength(before);
  });
});

describe('an environment that leads elsewhere', () => {
  it.each([
    ['TLS switched off', { NODE_TLS_REJECT_UNAUTHORIZED: '0' }, 'NODE_EXTRA_CA_CERTS'],
    ['TLS keys written to a file', { NODE_OPTIONS: '--tls-keylog=keys' }, 'NODE_EXTRA_CA_CERTS'],
    [
      'a far identity endpoint',
      { IDENTITY_ENDPOINT: 'http://192.0.2.1/token', IDENTITY_HEADER: 'h' },
      'IDENTITY_ENDPOINT',
    ],
    ['a far machine learning endpoint', { MSI_ENDPOINT: 'http://192.0.2.1/token' }, 'MSI_ENDPOINT'],
    ['another authority', { AZURE_AUTHORITY_HOST: 'https://login.evil.example' }, 'AZURE_AUTHORITY_HOST'],
  ])('an environment that leads elsewhere is refused: %s', async (_, env, named) => {
    const before = harness.sandbox.log.entries.length;
    const { code, stderr } = await harness.run(['run', 'ids.txt', '--yes', ...COMMENT, '--ledger', 'e.jsonl'], { env });
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining(named) });
    expect(harness.sandbox.log.entries).toHaveLength(before);
  });
});

describe('outputs', () => {
  it('outputs of a report spare the failed.csv that its run was read from', async () => {
    await mkdir(harness.path('report'));
    await harness.file('report/failed.csv', ids(3));
    const run = ['plan', 'report/failed.csv', '--screen', 'never', '--ledger', 'l/again.jsonl'];
    expect(await harness.run(run)).toMatchObject({ code: 0 });
    const { code, stderr } = await harness.run(['report', 'l/again.jsonl', '--out', 'report']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('failed.csv would overwrite') });
    expect(existsSync(harness.path('report/report.html'))).toBe(false);
    expect(await harness.run(['report', 'l/again.jsonl', '--out', 'report-2'])).toMatchObject({ code: 0 });
  });

  it('outputs of one command are never one file', async () => {
    const { code, stderr } = await harness.run(['report', await plan('done'), '--out', 'r', '--csv', 'r/outcomes.csv']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('what --csv writes') });
  });

  it('outputs that a run makes by itself are looked at before anything is sent', async () => {
    await symlink('ids.txt', harness.path('n.jsonl.needs-release.csv'));
    const before = harness.sandbox.log.entries.length;
    const { code, stderr } = await harness.run(['run', 'ids.txt', '--yes', ...COMMENT, '--ledger', 'n.jsonl']);
    expect({ code, stderr }).toMatchObject({ code: 2, stderr: expect.stringContaining('is a symbolic link') });
    expect(harness.sandbox.log.entries).toHaveLength(before);
  });
});
