import { describe, expect, it } from 'vitest';
import { COMMENT, ids, open, openHarness } from '../support/harness.ts';

const RUN = ['run', 'ids.txt', ...COMMENT, '--yes', '--confirm-for', '0'];

/** Runs the built command against a server that has five open actions, and counts what reached it. */
async function posts(args: readonly string[], env: Record<string, string> = {}) {
  await using harness = await openHarness({ actions: open(5) });
  await harness.file('ids.txt', ids(5));
  const { code, stderr, stdout } = await harness.run(args, { env });
  return { code, stderr, stdout, cancels: harness.sandbox.log.count('cancel') };
}

describe.concurrent('--dry-run never cancels', () => {
  for (const word of [
    '--dry-run',
    ...['true', '1', 'yes', 'on', 'YES', 'On', 'TRUE'].map((said) => `--dry-run=${said}`),
  ]) {
    it(`--dry-run given as ${word} cancels nothing`, async () => {
      expect(await posts([...RUN.filter((arg) => arg !== '--yes'), word])).toMatchObject({ code: 0, cancels: 0 });
      expect(await posts([RUN[0] ?? '', word, ...RUN.slice(1)])).toMatchObject({ cancels: 0 });
    });
  }

  for (const args of [
    ['--dry-run='],
    ['--dry-run=maybe'],
    ['--dry-run=2'],
    ['--dry-run', 'true'],
    ['--dry-run', 'no'],
    ['--dry-run', '--dry-run=false'],
    ['--no-dry-run=1'],
    ['-dry-run'],
    ['--dryrun'],
    ['--dry_run'],
    ['--dry-rn=1'],
    ['\u2014dry-run'],
    ['dry-run'],
  ]) {
    it(`--dry-run is refused when it is written as ${args.join(' ')}`, async () => {
      const { code, cancels, stderr } = await posts([...RUN, ...args]);
      expect({ code, cancels }, stderr).toEqual({ code: 2, cancels: 0 });
      expect(stderr).not.toContain('bug');
    });
  }

  for (const [name, value] of [
    ['COUNTERMAND_DRY_RUN', 'true'],
    ['COUNTERMAND_DRY_RUN', '1'],
    ['COUNTERMAND_DRY_RUN', 'false'],
    ['COUNTERMAND_DRYRUN', 'yes'],
    ['countermand_dry_run', '1'],
    ['COUNTERMAND_MAX_ACTION', '1'],
    ['COUNTERMAND_ONLY_TYPES', 'Offboard'],
  ] as const) {
    it(`a run is refused with the variable ${name}=${value}`, async () => {
      const { code, cancels, stderr } = await posts(RUN, { [name]: value });
      expect({ code, cancels }, stderr).toEqual({ code: 2, cancels: 0 });
      expect(stderr).toContain(name);
    });
  }
});

describe.concurrent('--yes that is not said', () => {
  for (const [flags, env] of [
    [['--yes=no'], { COUNTERMAND_YES: 'true' }],
    [['--no-yes'], { COUNTERMAND_YES: '1' }],
    [[], { COUNTERMAND_YES: 'off' }],
    [[], { COUNTERMAND_YES: 'maybe' }],
    [['--yes', 'no'], {}],
    [['--yes', '--yes=false'], {}],
    [['--yes=maybe'], {}],
  ] as const) {
    it(`--yes that is not said cancels nothing: ${[...flags, JSON.stringify(env)].join(' ')}`, async () => {
      const given = RUN.filter((arg) => arg !== '--yes');
      expect(await posts([...given, ...flags], env)).toMatchObject({ code: 2, cancels: 0 });
    });
  }
});

it('--offline=1 sends nothing, --json=on is a document, and --strict-input=yes is strict', async () => {
  await using harness = await openHarness({ actions: open(5) });
  await harness.file('ids.txt', [...ids(3), 'no id']);
  const strict = await harness.run(['plan', 'ids.txt', '--strict-input=yes', '--ledger', 'a.jsonl']);
  expect(strict.code, strict.stderr).toBe(2);
  const planned = await harness.run(['plan', 'ids.txt', '--strict-input=off', '--ledger', 'b.jsonl', '--json=on']);
  expect(JSON.parse(planned.stdout)).toMatchObject({ exitCode: 3 });
  const before = harness.sandbox.log.entries.length;
  const verified = await harness.run(['verify', 'b.jsonl', '--offline=1', '--json=1']);
  expect(verified.code, verified.stderr).toBe(0);
  expect(JSON.parse(verified.stdout)).toMatchObject({ intact: true });
  expect(harness.sandbox.log.entries.length).toBe(before);
});

describe.concurrent('an error before there is a ledger is a document with --json', () => {
  for (const args of [
    ['plan', 'none.csv', '--json'],
    ['run', 'none.csv', ...COMMENT, '--json=yes'],
    ['resume', 'none.jsonl', '--json'],
    ['verify', 'none.jsonl', '--json'],
    ['report', 'none.jsonl', '--json'],
    ['list', '--json', '--type', 'Isolated'],
    ['run', 'ids.txt', '--json', '--tennant', 'x'],
    ['run', '--json'],
  ]) {
    it(`the error of countermand ${args.join(' ')} is a document with --json, before there is a ledger`, async () => {
      const { code, stdout, stderr } = await posts(args);
      expect(code, stderr).toBe(2);
      const { exitCode, error } = JSON.parse(stdout) as { exitCode: number; error: { message: string } };
      expect(exitCode).toBe(2);
      expect(stderr).toContain(error.message);
    });
  }
});
