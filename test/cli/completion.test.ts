import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { COMMAND_NAMES, SHELL_NAMES, SHELLS } from '../../src/cli/command-table.ts';
import { completionScript } from '../../src/cli/completion/scripts.ts';
import { completed } from '../../src/cli/completion/words.ts';
import { COLUMNS } from '../../src/cli/help/layout.ts';
import { ACTION_TYPES } from '../../src/job/known-names.ts';
import { RETRYABLE } from '../../src/ledger/outcomes.ts';
import { runCommand } from '../support/command.ts';

const all = await completed();
const { commands } = all;
const isThere = (shell: string) => spawnSync(shell, ['--version']).error === undefined;

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'countermand-completion-'));
  await mkdir(join(folder, 'ledgers'));
  await writeFile(join(folder, 'my list.csv'), '');
  for (const shell of SHELL_NAMES) await writeFile(join(folder, shell), completionScript(shell, all));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe('what a shell is told', () => {
  test('is the same of a flag in every command, because a script asks for the flag alone', () => {
    const values = new Map<string, unknown>();
    for (const { flags } of commands) {
      for (const { name, value } of flags) {
        if (values.has(name)) expect(value, name).toEqual(values.get(name));
        values.set(name, value);
      }
    }
  });

  test.each(SHELL_NAMES)('has every command and every flag of it, in %s', (shell) => {
    const script = completionScript(shell, all);
    for (const { name, flags } of commands) {
      expect(script).toContain(name);
      for (const flag of flags) expect(script).toContain(flag.name);
    }
  });

  test('comes with the line that installs it where no shell, or another one, is named', async () => {
    const none = await runCommand(['completion'], { env: { SHELL: '/bin/zsh' } });
    expect([none.code, none.stdout]).toEqual([2, '']);
    for (const shell of SHELL_NAMES) expect(none.stderr).toMatch(new RegExp(`^ {2}${shell} `, 'm'));
    for (const [line] of Object.values(SHELLS)) expect(none.stderr).toContain(line);
    expect(none.stderr.split('\n').filter((line) => line.length > COLUMNS)).toEqual([]);
    const other = await runCommand(['completion', 'bsh']);
    expect(other.stderr).toContain('completion does not know "bsh". Did you mean bash?');
    // A letter that was left out is likelier than a wrong one.
    const omitted = await runCommand(['completion', 'fsh']);
    expect(omitted.stderr).toContain('completion does not know "fsh". Did you mean fish?');
    expect((await runCommand(['help', 'completion'])).stdout).toContain(SHELLS.fish[0]);
  });
});

/** What a shell offers for the last of the words. */
interface Case {
  words: string[];
  offers: readonly string[] | 'files' | 'folders' | 'nothing';
}

const KINDS = ['client-secret', 'certificate', 'workload-identity', 'managed-identity', 'device-code', 'token'];
const CASES: readonly Case[] = [
  { words: [''], offers: COMMAND_NAMES },
  { words: ['pl'], offers: ['plan'] },
  { words: ['run', ''], offers: 'files' },
  { words: ['resume', ''], offers: 'files' },
  { words: ['report', 'a.jsonl', ''], offers: 'files' },
  { words: ['run', '--quo'], offers: ['--quota', '--quota-share', '--quota-routes'] },
  { words: ['run', 'a.csv', '--auth', ''], offers: KINDS },
  { words: ['run', '--screen', 'a'], offers: ['auto', 'always'] },
  { words: ['run', '--only-type', ''], offers: ACTION_TYPES },
  { words: ['list', '--type', 'Iso'], offers: ['Isolate'] },
  { words: ['resume', '--retry', ''], offers: RETRYABLE },
  { words: ['plan', 'a.csv', '--html', ''], offers: 'files' },
  { words: ['report', '--out', ''], offers: 'folders' },
  { words: ['run', '--comment', ''], offers: 'nothing' },
  { words: ['list', ''], offers: 'nothing' },
  { words: ['help', 'ex'], offers: ['exit-codes'] },
  { words: ['help', ''], offers: [...COMMAND_NAMES, 'exit-codes'] },
  { words: ['completion', ''], offers: SHELL_NAMES },
  { words: ['--log-level', 'debug', 'res'], offers: ['resume'] },
  { words: ['--log-level', 'w'], offers: ['warn'] },
  { words: ['--log-l'], offers: ['--log-level'] },
];
const shown = ({ words }: Case) => words.join(' ');

describe.skipIf(!isThere('bash'))('bash', () => {
  const ask = (words: readonly string[]) => {
    const script = `source ./bash; compopt() { echo "compopt $*"; }
      COMP_WORDS=(countermand "$@") COMP_CWORD=$#
      _countermand; printf '%s\\n' "\${COMPREPLY[@]}"; complete -p countermand`;
    const { stdout } = spawnSync('bash', ['--norc', '-c', script, 'bash', ...words], { cwd: folder, encoding: 'utf8' });
    const lines = stdout.split('\n').filter((line) => line !== '');
    // Where the function offers nothing, readline completes files itself.
    expect(lines.at(-1)).toBe('complete -o default -F _countermand countermand');
    const offered = lines.slice(0, -1).filter((line) => !line.startsWith('compopt'));
    if (offered.length > 0) return offered;
    if (lines.includes('compopt -o dirnames')) return 'folders';
    return lines.includes('compopt +o default') ? 'nothing' : 'files';
  };

  test.each(CASES.map((each) => [shown(each), each] as const))('completes `%s`', (_, { words, offers }) => {
    expect(ask(words)).toEqual(offers);
  });

  test('completes a value after an equals sign, which bash makes a word of its own', () => {
    expect(ask(['run', '--auth', '=', 'cert'])).toEqual(['certificate']);
    expect(ask(['run', '--auth', '='])).toEqual(KINDS);
  });
});

describe.skipIf(!isThere('fish'))('fish', () => {
  test.each(CASES.map((each) => [shown(each), each] as const))('completes `%s`', (_, { words, offers }) => {
    const line = ['countermand', ...words].join(' ');
    const { stdout } = spawnSync('fish', ['--no-config', '-c', `source ./fish; complete -C '${line}'`], {
      cwd: folder,
      encoding: 'utf8',
    });
    const lines = stdout.split('\n').flatMap((text) => (text === '' ? [] : [text.split('\t')[0]]));
    if (typeof offers === 'object') expect(lines.toSorted()).toEqual([...offers].sort());
    else if (offers === 'nothing') expect(lines).toEqual([]);
    else {
      expect(lines).toContain('ledgers/');
      expect(lines.includes('my list.csv')).toBe(offers === 'files');
    }
  });
});

test.skipIf(!isThere('zsh'))('zsh takes its script', () => {
  const { status, stderr } = spawnSync('zsh', ['-n', './zsh'], { cwd: folder, encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, '']);
});
