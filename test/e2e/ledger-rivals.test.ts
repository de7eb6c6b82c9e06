import { execFileSync } from 'node:child_process';
import {
  copyFile,
  link,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  symlink,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { practiceTenant, sandboxToken } from '../../src/sandbox/access.ts';
import { COMMENT, type Harness, ids, only, open, openHarness } from '../support/harness.ts';

const COUNT = 60;
const LEDGER = 'ledgers/ids.jsonl';
const RUN = ['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never', '--confirm-for', '0', '--concurrency', '4'];

async function stageOf(options: Parameters<typeof openHarness>[0] = {}): Promise<Harness> {
  const harness = await openHarness({ actions: open(COUNT), latencyMs: [60, 120], ...options });
  await harness.file('ids.txt', ids(COUNT));
  return harness;
}

const WAYS: readonly { name: string; replace(path: string): Promise<unknown> | undefined; intact: boolean }[] = [
  { name: 'sed -i', replace: async (path) => execFileSync('sed', ['-i', 's/nothing/else/', path]), intact: true },
  {
    name: 'mv of a copy over it',
    replace: async (path) => {
      await copyFile(path, `${path}.copy`);
      await rename(`${path}.copy`, path);
    },
    intact: true,
  },
  {
    name: 'cp of an older copy over it',
    replace: async (path) => {
      const text = await readFile(path, 'utf8');
      await writeFile(path, `${text.split('\n').slice(0, 3).join('\n')}\n`);
    },
    intact: false,
  },
  { name: 'truncate', replace: (path) => truncate(path, 100), intact: false },
  { name: 'rm', replace: (path) => rm(path), intact: false },
  { name: 'mv elsewhere', replace: (path) => rename(path, `${path}.moved`), intact: false },
];

describe('a ledger that is replaced under a run', () => {
  it.each(WAYS)(
    'a ledger that is replaced under a run by $name stops it before its next calls, with exit 6',
    async ({ name, replace, intact }) => {
      await using harness = await stageOf();
      const { log } = harness.sandbox;
      await using command = harness.start(RUN);
      await log.until(() => log.effective().length >= 8);
      await replace(harness.path(LEDGER));
      const sent = log.count('cancel');
      const { code, stderr } = await command.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(
        /ids\.jsonl .*: the ledger was replaced while the run was using it\. Nothing more was sent/,
      );
      expect(stderr).not.toContain('    at ');
      // Those whose look came before, and no second round.
      expect(log.count('cancel') - sent).toBeLessThanOrEqual(8);
      const names = await readdir(harness.path('ledgers'));
      expect(names.filter((each) => each.endsWith('.lock'))).toEqual([]);
      const kept = names.find((each) => each.includes('.kept-'));
      expect(kept !== undefined, names.join()).toBe(['sed -i', 'mv of a copy over it', 'rm'].includes(name));
      if (kept !== undefined) {
        const intents = only(await harness.records(join('ledgers', kept)), 'intent').map(({ id }) => id);
        expect(
          log.entries
            .flatMap((each) => (each.route === 'cancel' ? each.ids : []))
            .filter((id) => !intents.includes(id)),
        ).toEqual([]);
      }
      if (!intact) return;
      // What stands at the path is a ledger of what went before, and nothing of what came after stands behind it.
      const verified = await harness.run(['verify', LEDGER, '--offline']);
      expect(verified.code, verified.stderr).toBe(0);
    },
  );
});

describe('a plan that was reviewed', () => {
  it.each([
    ['a symbolic link to its folder', (harness: Harness) => symlink(harness.path('ledgers'), harness.path('other'))],
    [
      'a symbolic link to itself',
      async (harness: Harness) => {
        await mkdir(harness.path('other'));
        await symlink(harness.path('ledgers/ids.plan.jsonl'), harness.path('other/ids.plan.jsonl'));
      },
    ],
  ])('a plan that was reviewed is run by one of two that come at once through it and through %s', async (_, make) => {
    await using harness = await stageOf();
    const plan = await harness.run(['plan', 'ids.txt', '--json']);
    expect(plan.code, plan.stderr).toBe(0);
    const { head } = JSON.parse(plan.stdout) as { head: string };
    await make(harness);
    const args = (path: string) => ['run', path, '--head', head, ...COMMENT, '--yes', '--confirm-for', '0'];
    const ends = await Promise.all(
      ['ledgers/ids.plan.jsonl', 'other/ids.plan.jsonl'].map((path) => harness.run(args(path), { timeoutMs: 60_000 })),
    );
    const codes = ends.map(({ code }) => code);
    expect(
      codes.filter((code) => code === 11 || code === 2),
      ends.map(({ stderr }) => stderr).join('\n'),
    ).toHaveLength(1);
    expect(harness.sandbox.log.effective().toSorted()).toEqual(ids(COUNT));
    expect(harness.sandbox.log.count('cancel')).toBe(COUNT);
    expect((await harness.run(['verify', 'ledgers/ids.plan.jsonl', '--offline'])).code).toBe(0);
  });

  it('a plan that was reviewed is refused through either of two hard links', async () => {
    await using harness = await stageOf();
    await harness.run(['plan', 'ids.txt']);
    await mkdir(harness.path('other'));
    await link(harness.path('ledgers/ids.plan.jsonl'), harness.path('other/ids.plan.jsonl'));
    for (const path of ['ledgers/ids.plan.jsonl', 'other/ids.plan.jsonl']) {
      const { code, stderr } = await harness.run(['run', path, ...COMMENT, '--yes']);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain('2 names (hard links)');
    }
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });
});

describe('one sender', () => {
  it.each([
    ['its tenant as a domain', ['--tenant', 'contoso.com'], ['--tenant', practiceTenant]],
    ['its tenant in capitals', ['--tenant', practiceTenant], ['--tenant', practiceTenant.toUpperCase()]],
  ])('one sender is one, however it is spelt: %s', async (_, first, second) => {
    await using harness = await stageOf({ latencyMs: 300, token: { tenant: practiceTenant } });
    await using command = harness.start([...RUN, ...first]);
    await harness.sandbox.log.until((log) => log.count('cancel') > 0);
    const { code, stderr } = await harness.run([...RUN, ...second, '--ledger', 'ledgers/second.jsonl']);
    expect(code, stderr).toBe(11);
    expect(stderr).toMatch(/[Ss]ending as .* is held by process/);
    command.kill();
    expect((await command.ended).code).toBe(143);
  });

  it('one sender may be planned for beside its run where nothing is looked up, and is told so where something is', async () => {
    await using harness = await stageOf({ latencyMs: 300 });
    await using command = harness.start(RUN);
    await harness.sandbox.log.until((log) => log.count('cancel') > 0);
    const refused = await harness.run(['plan', 'ids.txt', '--json']);
    expect(refused.code, refused.stderr).toBe(11);
    expect(refused.stderr).toMatch(/wait until that run ends\. To plan a list beside it, add --screen never: /);
    const planned = await harness.run(['plan', 'ids.txt', '--json', '--screen', 'never']);
    expect(planned.code, planned.stderr).toBe(0);
    expect(JSON.parse(planned.stdout)).toMatchObject({ admitted: COUNT, calls: { cancel: 0, get: 0, list: 0 } });
    command.kill();
    expect((await command.ended).code).toBe(143);
  });

  it('one sender is one by the name of this machine and by its number', async () => {
    await using harness = await stageOf({ latencyMs: 300 });
    const url = harness.env['COUNTERMAND_API_URL'] ?? '';
    expect(url).toContain('127.0.0.1');
    await using command = harness.start(RUN);
    await harness.sandbox.log.until((log) => log.count('cancel') > 0);
    const other = ['--ledger', 'ledgers/second.jsonl', '--api-url', url.replace('127.0.0.1', 'localhost')];
    const { code, stderr } = await harness.run([...RUN, ...other]);
    expect(code, stderr).toBe(11);
    command.kill();
    expect((await command.ended).code).toBe(143);
  });

  it('one sender goes on with a ledger of its domain by its GUID once the token shows it, and with no opaque token', async () => {
    await using harness = await stageOf({ latencyMs: 1 });
    const first = await harness.run([...RUN, '--tenant', 'contoso.com']);
    expect(first.code, first.stderr).toBe(3);
    await harness.file('ids.txt', ids(COUNT));
    const again = (token: string, tenant: string) =>
      harness.run([...RUN, '--ledger', LEDGER, '--tenant', tenant], { env: { COUNTERMAND_TOKEN: token } });
    const other = '99999999-9999-4999-8999-999999999999';
    const wrong = await again(sandboxToken({ tenant: other }), practiceTenant);
    expect([2, 4]).toContain(wrong.code);
    const opaque = await again('opaque', practiceTenant);
    expect(opaque.code, opaque.stderr).toBe(2);
    expect(opaque.stderr).toContain('no token showed');
    const right = await again(sandboxToken(), practiceTenant);
    expect(right.code, right.stderr).toBe(3);
  });
});

/** A lock that a host which is not this one left behind. */
async function foreignLock(harness: Harness, at: Date): Promise<string> {
  const path = harness.path(`${LEDGER}.lock`);
  await mkdir(harness.path('ledgers'), { recursive: true });
  const iso = at.toISOString();
  const holder = {
    ...{ nonce: 'n', host: 'elsewhere', boot: 'b', pidNamespace: null, pid: 7, processStart: null },
    ...{ ledger: harness.path(LEDGER), since: iso, renewedAt: iso },
  };
  await writeFile(path, `${JSON.stringify(holder)}\n`);
  await utimes(path, at, at);
  return path;
}

describe('a lock of another host', () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)(
    'a lock of another host is waited for, which is said; %s ends the wait at once with %i',
    async (signal, expected) => {
      await using harness = await stageOf();
      const lock = await foreignLock(harness, new Date('2099-01-01T00:00:00Z'));
      await using command = harness.start(RUN);
      await command.says(/waiting until \S+Z: .* is held by process 7 on elsewhere/);
      command.kill(signal);
      const { code, stderr } = await command.ended;
      expect(code, stderr).toBe(expected);
      expect(stderr).toContain('nothing was sent');
      expect(harness.sandbox.log.count()).toBe(0);
      expect(await readFile(lock, 'utf8')).toContain('elsewhere');
      expect(await readdir(harness.path('ledgers'))).toEqual(['ids.jsonl.lock']);
    },
  );

  it('a lock of another host is left alone with exit 11 as soon as its holder is seen to renew it', async () => {
    await using harness = await stageOf();
    const lock = await foreignLock(harness, new Date());
    await using command = harness.start(RUN);
    await command.says(/waiting until/);
    const text = await readFile(lock, 'utf8');
    await writeFile(lock, `${JSON.stringify({ ...JSON.parse(text), renewedAt: new Date(1).toISOString() })}\n`);
    const { code, stderr } = await command.ended;
    expect(code, stderr).toBe(11);
    expect(stderr).toMatch(/held by process 7 on elsewhere .*it renewed its lock/);
    expect(harness.sandbox.log.count()).toBe(0);
  });

  it('a lock of another host dated in the year 2099 is taken over after a minute without a renewal', async () => {
    await using harness = await stageOf();
    await foreignLock(harness, new Date('2099-01-01T00:00:00Z'));
    const { code, stderr } = await harness.run(RUN, { timeoutMs: 120_000 });
    expect(code, stderr).toBe(3);
    expect(stderr).toMatch(/was held by process 7 on elsewhere .*taken over/);
  }, 150_000);
});

const CLOCK = pathToFileURL(fileURLToPath(new URL('../support/clock/jumping-clock.mjs', import.meta.url))).href;

describe('a clock that is set during a run', () => {
  it.each([
    ['ahead by 5 minutes', 300_000, /moved ahead by 5 m/],
    ['back by 2 hours', -7_200_000, /moved back by 2 h/],
  ])(
    'a clock that is set %s during a run ends it with exit 6 and is named; run again, it is gone on with',
    async (_, byMs, says) => {
      await using harness = await stageOf();
      const env = { NODE_OPTIONS: `--import ${CLOCK}`, TEST_CLOCK_JUMP_MS: String(byMs) };
      await using command = harness.start(RUN, { env });
      await harness.sandbox.log.until((log) => log.effective().length >= 8);
      command.kill('SIGUSR2');
      const { code, stderr } = await command.ended;
      expect(code, stderr).toBe(6);
      expect(stderr).toMatch(says);
      expect(stderr).not.toContain('stood still');
      expect(harness.sandbox.log.count('cancel')).toBeLessThan(COUNT);
      const again = await harness.run([...RUN, '--keep-missing'], { timeoutMs: 60_000 });
      expect(again.code, again.stderr).toBe(3);
      expect(harness.sandbox.log.effective().toSorted()).toEqual(ids(COUNT));
    },
  );
});

describe('what the machine refuses', () => {
  it('a working folder that was deleted is said by every command', async () => {
    await using harness = await stageOf();
    const inDeleted = ['sh', '-c', 'mkdir gone && cd gone && rmdir ../gone && exec "$@"', 'sh'];
    for (const args of [RUN, ['plan', 'ids.txt'], ['report', 'x.jsonl'], ['list'], ['check']]) {
      const { code, stderr } = await harness.run(args, { through: inDeleted });
      expect(code, stderr).toBe(2);
      expect(stderr).toMatch(/^countermand: the current folder does not exist any more: change to another folder/m);
    }
  });

  // Node itself takes some 18. With a few more the program is loaded, one file after the other, and stops at a file of the run.
  it.each([20, 22, 24])('a limit of %i open files is said, with what to do', async (limit) => {
    await using harness = await stageOf();
    const { code, stderr } = await harness.run(RUN, { through: ['sh', '-c', `ulimit -n ${limit} && exec "$@"`, 'sh'] });
    expect([2, 6], stderr).toContain(code);
    expect(stderr).toMatch(/^countermand: .*nothing (more )?was sent.*ulimit -n/m);
    expect(stderr).not.toContain('    at ');
    if (code === 2) expect(harness.sandbox.log.count()).toBe(0);
  });
});
