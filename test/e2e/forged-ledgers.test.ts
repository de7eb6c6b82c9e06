import { copyFile, utimes } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandEnd } from '../support/command.ts';
import { type Harness, openHarness } from '../support/harness.ts';
import { chainLedger } from '../support/ledger-lines.ts';

const JOB = `name: nightly
source:
  query:
    type: RunAntiVirusScan
comment: test
confirmFor: "0"
`;
const EVIL = '../machines/0123456789abcdef0123456789abcdef01234567/offboard?';
const DEEP = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;

/** Changes of a plan that everybody could make who can write to it: every chain value is right afterwards. */
const FORGERIES: Readonly<Record<string, { kind: string; change: (line: string) => string }>> = {
  'an ID that leads to another address': {
    kind: 'admit',
    change: (line) => line.replace(/"id":"[^"]*"/, `"id":"${EVIL}"`),
  },
  'an ID in capitals': {
    kind: 'admit',
    change: (line) => line.replace(/"id":"[^"]*"/, (id) => id.toUpperCase().replace('ID', 'id')),
  },
  'an ID in braces': { kind: 'admit', change: (line) => line.replace(/"id":"([^"]*)"/, '"id":"{$1}"') },
  'a text for a number': { kind: 'admit', change: (line) => line.replace(/"line":(\d+)/, '"line":"$1"') },
  'a comment that moves the cursor': {
    kind: 'admit',
    change: (line) => line.replace('"line"', '"comment":"x\\u001b[2J","line"'),
  },
  'a comment without end': {
    kind: 'admit',
    change: (line) => line.replace('"line"', `"comment":"${'x'.repeat(5000)}","line"`),
  },
  'a field twice': { kind: 'admit', change: (line) => line.replace('"id"', '"id":"x","id"') },
  'a field too few': { kind: 'screen', change: (line) => line.replace(/"status":"[^"]*",/, '') },
  'null for a text': { kind: 'screen', change: (line) => line.replace(/"type":"[^"]*"/, '"type":null') },
  'an endless name': {
    kind: 'screen',
    change: (line) => line.replace(/"computer":"[^"]*"/, `"computer":"${'x'.repeat(99_999)}"`),
  },
  'a value nested ten thousand deep': {
    kind: 'screen',
    change: (line) => line.replace(/"computer":"[^"]*"/, `"computer":${DEEP}`),
  },
  'half of a character': { kind: 'screen', change: (line) => line.replace(/"computer":"/, '"computer":"\\ud800') },
  'a reply to no call': { kind: 'reply', change: (line) => line.replace(/"call":\d+/, '"call":4') },
  'a number beyond all numbers': { kind: 'reply', change: (line) => line.replace(/"ms":\d+/, '"ms":1e999') },
  'a job whose name is a path': {
    kind: 'open',
    change: (line) => line.replace('"name":"nightly"', '"name":"../../x"'),
  },
  'a job whose name is a command': {
    kind: 'open',
    change: (line) => line.replace('"name":"nightly"', '"name":"x\\n$(id)"'),
  },
  'a job without guards': { kind: 'open', change: (line) => line.replace('"guards":', '"guardz":') },
  'a job that is a text': { kind: 'open', change: (line) => line.replace(/"job":.*(?=,"chain")/, '"job":"x"') },
  'a run that is no GUID': { kind: 'open', change: (line) => line.replace(/"run":"[^"]*"/, '"run":"/tmp/x"') },
  'another moment than there is': {
    kind: 'intake',
    change: (line) => line.replace(/"at":"[^"]*"/, '"at":"2026-02-30T00:00:00.000Z"'),
  },
};

const LEDGER = 'ledgers/forged.plan.jsonl';
const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  run: ['run', LEDGER, '--yes'],
  resume: ['resume', LEDGER, '--yes'],
  verify: ['verify', LEDGER],
  'verify --offline': ['verify', LEDGER, '--offline'],
  'verify --offline --json': ['verify', LEDGER, '--offline', '--json'],
  report: ['report', LEDGER],
  'report --json': ['report', LEDGER, '--json'],
  'report --csv --html': ['report', LEDGER, '--csv', 'x.csv', '--html', 'x.html'],
  'report --out': ['report', LEDGER, '--out', 'out'],
  'a plan in its place': ['plan', 'nightly.yaml', '--ledger', LEDGER],
};

let harness: Harness;
let plan: string;
beforeAll(async () => {
  harness = await openHarness({
    windows: 'documented',
    actions: { count: 3, mix: { statuses: { Pending: 1 }, types: { RunAntiVirusScan: 1 } } },
  });
  await harness.file('nightly.yaml', JOB);
  const planned = await harness.run(['plan', 'nightly.yaml', '--ledger', 'ledgers/nightly.plan.jsonl']);
  expect(planned.code, planned.stderr).toBe(0);
  plan = await harness.read('ledgers/nightly.plan.jsonl');
});
afterAll(() => harness[Symbol.asyncDispose]());

/** The plan with the first record of a kind changed, and its line. */
function forged(what: string): { text: string; line: number } {
  const { kind, change } = FORGERIES[what] ?? { kind: '', change: String };
  const lines = plan.trimEnd().split('\n');
  const at = lines.findIndex((line) => line.includes(`"kind":"${kind}"`));
  const changed = change(lines[at] ?? '');
  expect(changed).not.toBe(lines[at]);
  return { text: chainLedger(lines.with(at, changed).join('\n')), line: at + 1 };
}

function expectDamage({ code, stdout, stderr }: CommandEnd, line: number): void {
  expect(code, stderr).toBe(12);
  expect(stderr).toContain(`line ${line} is not a valid`);
  expect(`${stdout}${stderr}`).not.toMatch(/\n\s+at |which is a bug|undefined|\[object/);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what is looked for
  expect(stderr).not.toMatch(/[\u0000-\u0009\u000b-\u001f]/);
}

describe('a ledger with right chain values', () => {
  const names = Object.keys(COMMANDS);
  const tried = Object.keys(FORGERIES).flatMap((what, n) => [
    [what, names[n % names.length] ?? ''],
    [what, names[(n + 3) % names.length] ?? ''],
  ]);
  test.each(tried)(
    'a ledger with right chain values and %s ends %s with exit 12 and the line, and nothing is sent',
    async (what, name) => {
      const { text, line } = forged(what ?? '');
      await harness.file(LEDGER, text);
      harness.sandbox.log.clear();
      const end = await harness.run(COMMANDS[name ?? ''] ?? []);
      // A report of what stands before its first record's damage is none.
      expectDamage(end, line);
      expect(harness.sandbox.log.entries).toEqual([]);
      expect(await harness.read(LEDGER)).toBe(text);
    },
  );

  test('a ledger with right chain values and a wrong record in it, as the newest of a series, stops the job; as a finished one it is said and left', async () => {
    const { text, line } = forged('a field too few');
    const name = 'ledgers/nightly-20250101T000000Z.jsonl';
    await harness.file(name, text);
    harness.sandbox.log.clear();
    const stopped = await harness.run(['run', 'nightly.yaml', '--yes']);
    expectDamage(stopped, line);
    expect(harness.sandbox.log.count('cancel')).toBe(0);

    const finished = chainLedger(text.replace('"reason":"planned"', '"reason":"finished"'));
    await harness.file(name, finished);
    const old = new Date(Date.now() - 400 * 86_400_000);
    await utimes(harness.path(name), old, old);
    const done = await harness.run(['run', 'nightly.yaml', '--yes', '--keep-ledgers', '1d']);
    // Nothing was confirmed, with `confirmFor: "0"`.
    expect(done.code, done.stderr).toBe(3);
    expect(done.stderr).toContain(`line ${line} is not a valid`);
    expect(await harness.read(name)).toBe(finished);
  });

  test('a ledger with right chain values and a wrong record in it, beside another, is said there and stops nothing', async () => {
    await copyFile(harness.path('ledgers/nightly.plan.jsonl'), harness.path('ledgers/beside.plan.jsonl'));
    await harness.file('ledgers/nightly.plan.jsonl', forged('a number beyond all numbers').text);
    const end = await harness.run(['plan', 'nightly.yaml']);
    expect(end.code, end.stderr).toBe(0);
    expect(end.stderr).toMatch(/nightly\.plan\.jsonl beside ours is damaged.*line \d+ cannot be read/);
  });
});

describe('a head', () => {
  test.each(['', ' '])('a head is not left empty: %j', async (head) => {
    await harness.file(LEDGER, plan);
    for (const command of [
      ['run', LEDGER, '--yes', `--head=${head}`],
      ['verify', LEDGER, '--offline', `--head=${head}`],
    ]) {
      const end = await harness.run(command);
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toMatch(/--head needs a value after it, and the one given is empty/);
    }
  });

  const NO_HEADS = [
    'x',
    '3f2a90c1d4e5b677',
    'g'.repeat(32),
    `${'a'.repeat(31)}\u00e9`,
    'a'.repeat(33),
    '"',
    '-1',
    '0x12',
  ];
  test.each(NO_HEADS)('a head is not %j: run and verify say what one looks like and where it stands', async (head) => {
    await harness.file(LEDGER, plan);
    for (const command of [
      ['run', LEDGER, '--yes', `--head=${head}`],
      ['verify', LEDGER, '--offline', `--head=${head}`],
    ]) {
      const end = await harness.run(command);
      expect(end.code, end.stderr).toBe(2);
      expect(end.stderr).toMatch(/--head takes the head of a ledger, 32 hex digits/);
      expect(end.stderr).not.toMatch(/removed|reviewed/);
    }
  });

  test('a head is taken in capitals and with blanks around it', async () => {
    await harness.file(LEDGER, plan);
    const head = /"chain":"([0-9a-f]{32})"\}\n$/.exec(plan)?.[1] ?? '';
    const end = await harness.run(['verify', LEDGER, '--offline', `--head= ${head.toUpperCase()} `]);
    expect(end.code, end.stderr).toBe(0);
  });
});
