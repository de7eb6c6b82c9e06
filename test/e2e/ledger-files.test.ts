import { execFileSync } from 'node:child_process';
import { chmod, link, mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { describe, expect, it } from 'vitest';
import { COMMENT, type Harness, ids, open, openHarness } from '../support/harness.ts';

/** What a person may give or find as a ledger; each is made at `path`, where `ledger` is a whole one. */
const KINDS = {
  'a named pipe': (path) => void execFileSync('mkfifo', [path]),
  'a socket': (path) =>
    new Promise<void>((resolve) => {
      createServer().listen(path, resolve).unref();
    }),
  'a device': (path) => symlink('/dev/null', path),
  'an endless device': (path) => symlink('/dev/zero', path),
  'a folder': (path) => void mkdir(path),
  'a symbolic link to nothing': (path) => symlink(`${path}.absent`, path),
  'symbolic links in a circle': async (path) => {
    await symlink(`${path}.back`, path);
    await symlink(path, `${path}.back`);
  },
  'a file without permission': async (path, ledger) => {
    await writeFile(path, await readFile(ledger));
    await chmod(path, 0o000);
  },
  'an empty file': (path) => writeFile(path, ''),
  'a symbolic link to a ledger': (path, ledger) => symlink(ledger, path),
  'a second hard link to a ledger': (path, ledger) => link(ledger, path),
} satisfies Record<string, (path: string, ledger: string) => Promise<void> | void>;

type Kind = keyof typeof KINDS;

async function make(kind: Kind, path: string, ledger: string): Promise<void> {
  const places: Record<Kind, (path: string, ledger: string) => Promise<void> | void> = KINDS;
  await places[kind](path, ledger);
}

const odd = 'ledgers/odd.jsonl';
const COMMANDS = {
  'run --head': ['run', odd, '--head', '0123456789abcdef', '--yes'],
  'run of a list into it': ['run', 'ids.txt', '--ledger', odd, '--yes', ...COMMENT],
  'plan of a list into it': ['plan', 'ids.txt', '--ledger', odd],
  resume: ['resume', odd, '--yes'],
  'resume --dry-run': ['resume', odd, '--dry-run'],
  verify: ['verify', odd],
  report: ['report', odd],
} as const;

type CommandName = keyof typeof COMMANDS;

/** Where it is not refused with exit 2. The commands follow one another: what is begun in an empty file is gone on with. */
const TAKEN: Partial<Record<Kind, Partial<Record<CommandName, number>>>> = {
  'an empty file': { 'run of a list into it': 0, resume: 0, 'resume --dry-run': 0, verify: 0, report: 0 },
  'a symbolic link to a ledger': {
    'run of a list into it': 0,
    resume: 0,
    'resume --dry-run': 0,
    verify: 0,
    report: 0,
  },
  'a second hard link to a ledger': { 'resume --dry-run': 0, report: 0 },
};

/** A command that has not ended by then hangs. */
const TIMEOUT_MS = 20_000;

/** Root is asked for no permission, unless it gives up that right. */
const AS_A_USER = process.getuid?.() === 0 ? ['setpriv', '--bounding-set=-all', '--inh-caps=-all'] : [];

/** One finished run of two actions. */
async function stageWith(kind: Kind): Promise<Harness> {
  const harness = await openHarness({ actions: open(2) });
  await harness.file('ids.txt', ids(2));
  const { code, stderr } = await harness.run([
    'run',
    'ids.txt',
    '--ledger',
    'ledgers/whole.jsonl',
    '--yes',
    ...COMMENT,
  ]);
  expect(code, stderr).toBe(0);
  await make(kind, harness.path(odd), harness.path('ledgers/whole.jsonl'));
  return harness;
}

describe.each(Object.keys(KINDS) as Kind[])('%s as a ledger', (kind) => {
  it('what cannot be a ledger, named as one, ends every command at once with a sentence, and is neither sent for nor written to', async () => {
    await using harness = await stageWith(kind);
    const sent = harness.sandbox.log.count();
    for (const [name, args] of Object.entries(COMMANDS) as [CommandName, readonly string[]][]) {
      const expected = TAKEN[kind]?.[name] ?? 2;
      const before = await readFile(harness.path('ledgers/whole.jsonl'), 'utf8');
      const through = kind === 'a file without permission' ? AS_A_USER : [];
      const { code, stderr } = await harness.run(args, { timeoutMs: TIMEOUT_MS, through });
      expect({ name, code }, stderr).toEqual({ name, code: expected });
      expect(stderr).not.toContain('which is a bug');
      if (expected !== 2) continue;
      expect(stderr, name).toMatch(/^countermand: .{20,}/m);
      expect(await readFile(harness.path('ledgers/whole.jsonl'), 'utf8')).toBe(before);
    }
    if (!(kind in TAKEN)) expect(harness.sandbox.log.count()).toBe(sent);
    expect((await readdir(harness.path('ledgers'))).filter((each) => /\.lock/.test(each))).toEqual([]);
  });
});

const BESIDE = [
  'a named pipe',
  'a socket',
  'a device',
  'an endless device',
  'a folder',
  'a symbolic link to nothing',
] as const;

describe.each(BESIDE)('%s beside the ledgers', (kind) => {
  it('what is no ledger, beside ledgers, holds up no run, plan, check or removal of old ledgers', async () => {
    await using harness = await openHarness({ actions: open(2) });
    await mkdir(harness.path('ledgers'));
    await make(kind, harness.path('ledgers/odd.jsonl'), '');
    await make(kind, harness.path('ledgers/needs'), '');
    await harness.file('ids.txt', ids(2));
    for (const args of [['plan', 'ids.txt'], ['run', 'ids.txt', '--yes', ...COMMENT], ['check']]) {
      const { code, stderr } = await harness.run(args, { timeoutMs: TIMEOUT_MS });
      expect({ args, code }, stderr).toEqual({ args, code: 0 });
    }
  });
});

it.each(['a named pipe', 'a socket', 'an endless device'] as const)(
  '%s that is named as an earlier ledger of a job is passed over and said',
  async (kind) => {
    await using harness = await openHarness({ actions: open(2) });
    await mkdir(harness.path('ledgers'));
    await make(kind, harness.path('ledgers/nightly-20200101T000000Z.jsonl'), '');
    await harness.file(
      'nightly.yaml',
      'name: nightly\nsource: { query: { status: [Pending] } }\ncomment: nightly\nkeepLedgers: 1d\n',
    );
    const { code, stderr } = await harness.run(['run', 'nightly.yaml', '--yes'], { timeoutMs: TIMEOUT_MS });
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/named as an earlier ledger of this job and is a /);
    expect(await readdir(harness.path('ledgers'))).toContain('nightly-20200101T000000Z.jsonl');
  },
);

it.each(['a named pipe', 'a socket', 'a device', 'a symbolic link to nothing', 'a folder'] as const)(
  '%s in the place of a lock is said at once, and nothing is sent',
  async (kind) => {
    await using harness = await openHarness({ actions: open(2) });
    await mkdir(harness.path('ledgers'));
    await make(kind, harness.path('ledgers/ids.jsonl.lock'), '');
    await harness.file('ids.txt', ids(2));
    const { code, stderr } = await harness.run(['run', 'ids.txt', '--yes', ...COMMENT], { timeoutMs: TIMEOUT_MS });
    expect(code, stderr).toBe(2);
    expect(stderr).toMatch(/cannot be locked: .*ids\.jsonl\.lock is a .* Remove it/);
    expect(harness.sandbox.log.count()).toBe(0);
  },
);
