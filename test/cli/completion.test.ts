import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';
import { type CommandEnd, runCommand } from '../support/command.ts';

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const BASH = '/bin/bash';

function complete(...words: string[]): Promise<CommandEnd> {
  return runCommand(['--get-yargs-completions', 'countermand', ...words]);
}

describe('shell completion', () => {
  test('shell completion offers every command', async () => {
    const { stdout, stderr, code } = await complete('');
    expect(stdout.split('\n')).toEqual(
      expect.arrayContaining(['plan', 'run', 'resume', 'verify', 'report', 'status', 'list', 'check', 'sandbox']),
    );
    expect([code, stderr]).toEqual([0, '']);
  });

  test('shell completion offers the flags of a command, though its file is loaded only then', async () => {
    const { stdout } = await complete('run', 'ids.csv', '--');
    const flags = stdout.split('\n');
    expect(flags).toEqual(
      expect.arrayContaining(['--tenant', '--max-actions', '--withdraw-missing', '--metrics-file']),
    );
    expect(flags).not.toContain('--offline');
    expect((await complete('verify', 'a.jsonl', '--')).stdout).toContain('--offline');
  });

  test('shell completion prints a script for zsh with descriptions', async () => {
    const env = { SHELL: '/bin/zsh', ZSH_NAME: 'zsh' };
    const { stdout } = await runCommand(['completion'], { env });
    expect(stdout).toContain('#compdef countermand');
    const words = await runCommand(['--get-yargs-completions', 'countermand', 'run', '--'], { env });
    expect(words.stdout).toContain('--tenant:the Entra tenant, by ID or domain');
  });

  test.skipIf(!existsSync(BASH))('shell completion completes a word in bash with the script it prints', async () => {
    const script = `
      countermand() { "$NODE" "$MAIN" "$@"; }
      source <(countermand completion)
      COMP_WORDS=(countermand run --quo) COMP_CWORD=2
      _countermand_yargs_completions
      echo "\${COMPREPLY[@]}"
      complete -p countermand`;
    const env = { PATH: process.env['PATH'], SHELL: BASH, NODE: process.execPath, MAIN };
    const { stdout } = await promisify(execFile)(BASH, ['--norc', '-c', script], { env });
    const [words, registered] = stdout.split('\n');
    expect(words?.split(' ')).toEqual(['--quota', '--quota-share', '--quota-routes']);
    expect(registered).toContain('-F _countermand_yargs_completions countermand');
  });
});
