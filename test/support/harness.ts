import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { type CommandEnd, type CommandOptions, type RunningCommand, startCommand } from './command.ts';

/** A sandbox, an empty folder, and the built command that runs in it against the sandbox. */
export interface Harness extends AsyncDisposable {
  sandbox: Sandbox;
  folder: string;
  start(args: readonly string[], options?: CommandOptions): RunningCommand;
  run(args: readonly string[], options?: CommandOptions): Promise<CommandEnd>;
  path(name: string): string;
  read(name: string): Promise<string>;
  write(name: string, text: string): Promise<void>;
  /** Names of the ledgers in `ledgers/`, sorted. */
  ledgers(): Promise<string[]>;
}

export async function openHarness(options: SandboxOptions = {}): Promise<Harness> {
  const sandbox = await startSandbox(options);
  const folder = await mkdtemp(join(tmpdir(), 'countermand-work-'));
  const path = (name: string) => join(folder, name);
  const start: Harness['start'] = (args, { env, ...rest } = {}) =>
    startCommand(args, { cwd: folder, ...rest, env: { ...sandbox.environment(), ...env } });
  return {
    sandbox,
    folder,
    path,
    start,
    run: (args, given) => start(args, given).ended,
    read: (name) => readFile(path(name), 'utf8'),
    write: (name, text) => writeFile(path(name), text),
    ledgers: async () => {
      const names = await readdir(path('ledgers')).catch(() => []);
      return names.filter((name) => name.endsWith('.jsonl')).sort();
    },
    [Symbol.asyncDispose]: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
