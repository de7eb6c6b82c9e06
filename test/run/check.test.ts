import { mkdir, readdir } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { type Harness, openHarness } from '../support/harness.ts';

interface Checked {
  findings: { level: string; topic: string; text: string }[];
  exitCode: number;
}

async function check(
  harness: Harness,
  args: readonly string[] = [],
  env: Record<string, string | undefined> = {},
): Promise<Checked & { of: (topic: string) => string[]; stderr: string }> {
  const { code, stdout, stderr } = await harness.run(['check', ...args, '--json'], { env });
  const checked = JSON.parse(stdout) as Checked;
  expect(checked.exitCode).toBe(code);
  const of = (topic: string) =>
    checked.findings.filter((each) => each.topic === topic).map(({ level, text }) => `${level}: ${text}`);
  return { ...checked, of, stderr };
}

describe('countermand check', () => {
  test('countermand check finds everything in order with one read and one request without a token, and writes nothing', async () => {
    await using harness = await openHarness({ windows: 'documented', actions: { count: 3 } });
    const checked = await check(harness);
    expect(checked.exitCode).toBe(0);
    expect(new Set(checked.findings.map(({ level }) => level))).toEqual(new Set(['ok']));
    expect([...new Set(checked.findings.map(({ topic }) => topic))]).toEqual([
      'settings',
      'credential',
      'sign-in',
      'token',
      'permissions',
      'host',
      'clock',
      'read',
      'ledgers',
      'quota',
    ]);
    expect(checked.of('quota')).toEqual([
      expect.stringMatching(/^ok: 100 of 100 calls in 1 min left/),
      expect.stringMatching(/^ok: 1500 of 1500 calls in 1 h left/),
    ]);
    expect(
      harness.sandbox.log.entries.map(({ route, tenant }) => `${route} ${tenant === undefined ? 'nobody' : 'us'}`),
    ).toEqual(['other nobody', 'list us']);
    expect(await readdir(harness.folder)).toEqual([]);
  });

  test('countermand check says in words, one line each in a pipe, whether a run can start', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const { stdout, code } = await harness.run(['check']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^ok {7}settings {5}tenant /);
    expect(stdout).toMatch(/\nA run can start\.\n$/);
  });

  test('countermand check exits 2 and sends nothing when settings are wrong, naming each', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const checked = await check(harness, ['--quota', 'many', '--cloud', 'moon']);
    expect(checked.exitCode).toBe(2);
    expect(checked.of('settings')).toEqual([
      expect.stringMatching(/^wrong: --cloud must be /),
      expect.stringMatching(/^wrong: --quota must be /),
    ]);
    expect(harness.sandbox.log.entries).toEqual([]);
  });

  test('countermand check exits 2 for a host that nobody allowed, before any request', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const checked = await check(harness, ['--api-url', 'https://defender.example.com']);
    expect(checked.exitCode).toBe(2);
    expect(checked.of('settings')[0]).toContain('--allow-host defender.example.com');
    expect(harness.sandbox.log.entries).toEqual([]);
  });

  test('countermand check exits 2 without a credential, and still says whether the host and its clock are there', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const checked = await check(harness, [], { COUNTERMAND_TOKEN: undefined });
    expect(checked.exitCode).toBe(2);
    expect(checked.of('credential')[0]).toMatch(/^wrong: no credential was found/);
    expect(checked.of('host')[0]).toMatch(/^ok/);
    expect(checked.of('clock')[0]).toMatch(/^ok/);
    expect(checked.of('read')).toEqual([]);
    expect(checked.of('sign-in')).toEqual([]);
  });

  test('countermand check exits 4 when the file of the token cannot be read', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const env = { COUNTERMAND_TOKEN: undefined, COUNTERMAND_TOKEN_FILE: harness.path('no-such-file') };
    const checked = await check(harness, [], env);
    expect(checked.exitCode).toBe(4);
    expect(checked.of('credential')[0]).toContain('cannot be read (ENOENT)');
  });

  test('countermand check exits 4 when the token may cancel nothing, and names the permissions', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const token = sandboxToken({ roles: ['Machine.Read.All'] });
    const checked = await check(harness, [], { COUNTERMAND_TOKEN: token });
    expect(checked.exitCode).toBe(4);
    expect(checked.of('permissions')[0]).toMatch(/^wrong: .*Machine\.Isolate/);
    expect(checked.of('read')[0]).toMatch(/^ok/);
  });

  test('a missing read permission is a warning, before and at the read', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const checked = await check(harness, [], { COUNTERMAND_TOKEN: sandboxToken({ roles: ['Machine.Isolate'] }) });
    expect(checked.exitCode).toBe(0);
    expect(checked.of('permissions')[1]).toMatch(/^warning: the token may not look actions up/);
    expect(checked.of('read')[0]).toMatch(/^warning: Defender refused the read \(HTTP 403/);
  });

  test('countermand check does not send a token that is meant for another service, and exits 4', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const token = sandboxToken({ claims: { aud: 'https://graph.microsoft.com' } });
    const checked = await check(harness, [], { COUNTERMAND_TOKEN: token });
    expect(checked.exitCode).toBe(4);
    expect(checked.of('permissions').join()).toContain('https://graph.microsoft.com');
    expect(harness.sandbox.log.entries.map(({ tenant }) => tenant)).toEqual([undefined]);
  });

  test('countermand check exits 4 when Defender refuses the token', async () => {
    await using harness = await openHarness({ windows: 'documented', access: { accepts: () => false } });
    const checked = await check(harness);
    expect(checked.exitCode).toBe(4);
    expect(checked.of('read')[0]).toMatch(/^wrong: Defender refused the token \(HTTP 401/);
  });

  test('countermand check exits 6 when only the host is out of reach, and says what else is in order', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    await new Promise((resolve) => server.close(resolve));
    const checked = await check(harness, ['--api-url', `http://127.0.0.1:${port}`]);
    expect(checked.exitCode).toBe(6);
    expect(checked.of('host')[0]).toMatch(
      /^wrong: no connection to 127\.0\.0\.1:\d+ \(ECONNREFUSED\); check the network/,
    );
    expect(checked.of('permissions')[0]).toMatch(/^ok/);
    expect(checked.of('clock')).toEqual([]);
    expect(checked.of('read')).toEqual([]);
    expect(checked.of('quota')).toHaveLength(2);
  });

  test('countermand check warns of a clock that is wrong, by how much and in which direction', async () => {
    await using harness = await openHarness({ windows: 'documented', dateSkewMs: -600_000 });
    const checked = await check(harness);
    expect(checked.exitCode).toBe(0);
    expect(checked.of('clock')[0]).toMatch(
      /^warning: this machine's clock is (10 min|9 min 5\d s)( \d s)? ahead of Defender's/,
    );
  });

  test('countermand check counts the calls of the ledgers in the folder, and leaves the read out when none is left', async () => {
    await using harness = await openHarness({
      windows: 'documented',
      actions: { count: 4, mix: { statuses: { Pending: 1 }, types: { Isolate: 1 } } },
    });
    const [one] = harness.sandbox.store.all();
    const args = ['run', '-', '--yes', '--comment', 'test', '--confirm-for', '0', '--ledger', 'ledgers/a.jsonl'];
    const ran = await harness.run(args, { input: `${one?.id}\n` });
    expect(ran.stderr).toContain('finished');
    const before = harness.sandbox.log.entries.length;
    const checked = await check(harness, ['--quota', '2/1h', '--quota', '100/1h']);
    expect(checked.of('quota')[0]).toMatch(
      /^warning: 0 of 2 calls in 1 h left .* a run would start automatically in (1 h|59 min)/,
    );
    expect(checked.of('quota')[1]).toMatch(/^ok: 98 of 100 calls/);
    expect(checked.of('read')[0]).toMatch(/^warning: not tried/);
    expect(harness.sandbox.log.entries.length - before).toBe(1);
    const other = await check(harness, ['--ledger', 'elsewhere/b.jsonl']);
    expect(other.of('quota')[0]).toMatch(/^ok: 100 of 100 calls in 1 min left \(per the ledgers in .*elsewhere\)$/);
  });

  test('countermand check takes a job, and names its mistakes with their lines', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    await mkdir(harness.path('jobs'));
    await harness.file(
      'jobs/good.yaml',
      'name: good\nsource:\n  file: x.csv\nquota:\n  windows: [30/1m]\nledger: ../mine/good.jsonl\n',
    );
    const good = await check(harness, ['jobs/good.yaml']);
    expect(good.exitCode).toBe(0);
    expect(good.of('quota')).toEqual([expect.stringMatching(/^ok: 30 of 30 calls in 1 min left .*\/mine\)$/)]);
    await harness.file('jobs/bad.yaml', 'name: bad\nsorce: 1\nquota:\n  share: 7\n');
    const bad = await check(harness, ['jobs/bad.yaml']);
    expect(bad.exitCode).toBe(2);
    expect(bad.of('settings').join('\n')).toMatch(/bad\.yaml:2:\d+.*sorce/);
    const csv = await check(harness, ['ids.csv']);
    expect(csv.of('settings')[0]).toMatch(/^wrong: check takes a job/);
  });

  test.each([
    ['503', { kind: 'status', status: 503 } as const],
    ['429', { kind: 'too-many', seconds: 1 } as const],
    ['a lost answer', { kind: 'html', status: 200 } as const],
    ['a reset', { kind: 'reset' } as const],
  ])('%s that passes does not make it "Not ready"', async (_, fault) => {
    await using harness = await openHarness({ windows: 'documented' });
    harness.sandbox.faults.next(fault, { route: 'list' });
    const checked = await check(harness);
    expect([checked.exitCode, checked.of('read')]).toEqual([0, ['ok: Defender answered a read of one machine action']]);
    expect(harness.sandbox.log.count('list')).toBe(2);
  });

  test('503 that stays is told after two requests', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    harness.sandbox.faults.next({ kind: 'status', status: 503 }, { route: 'list', times: 9 });
    const checked = await check(harness);
    expect([checked.exitCode, harness.sandbox.log.count('list')]).toEqual([6, 2]);
  });

  test('all that is missing is told in one call, each with its remedy', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    const nothing = { COUNTERMAND_TOKEN: undefined, AZURE_TENANT_ID: undefined, AZURE_CLIENT_ID: undefined };
    const checked = await check(harness, ['--cloud', 'gcchigh'], nothing);
    expect(checked.exitCode).toBe(2);
    expect(checked.findings.map(({ level, topic }) => `${level} ${topic}`)).toEqual([
      'wrong settings',
      'wrong settings',
      'wrong settings',
      'wrong credential',
    ]);
    expect(checked.of('settings').join('\n')).toMatch(
      /did you mean gcc-high\?[\s\S]*give --tenant, or set AZURE_TENANT_ID[\s\S]*give --client-id, or set AZURE_CLIENT_ID/,
    );
    expect(checked.of('credential')[0]).toContain('set one of COUNTERMAND_TOKEN');
    expect(checked.stderr).toBe('');
  });

  test('a job without a comment is a warning', async () => {
    await using harness = await openHarness({ windows: 'documented' });
    await harness.file('job.yaml', 'source:\n  file: x.csv\n');
    const checked = await check(harness, ['job.yaml']);
    expect([checked.exitCode, checked.of('settings')[0]]).toEqual([0, expect.stringContaining('has no comment')]);
  });
});
