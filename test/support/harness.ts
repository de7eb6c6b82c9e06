import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import type { LedgerRecord, RecordKind } from '../../src/ledger/record.ts';
import { JSON_DOCUMENTS } from '../../src/report/json-schema.ts';
import type { SandboxTokenOptions } from '../../src/sandbox/access.ts';
import type { SandboxOptions } from '../../src/sandbox/options.ts';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { COMMAND, type CommandEnd, type CommandOptions, type RunningCommand, startCommand } from './command.ts';

/** A local Defender, a folder of its own, and the built command that is started in it. */
export interface Harness extends AsyncDisposable {
  readonly sandbox: Sandbox;
  readonly folder: string;
  /** What a person would have exported. */
  readonly env: Record<string, string | undefined>;
  path(name: string): string;
  /** Writes a file into the folder and returns its name. */
  file(name: string, content: string | readonly string[]): Promise<string>;
  read(name: string): Promise<string>;
  run(args: readonly string[], options?: CommandOptions): Promise<CommandEnd>;
  start(args: readonly string[], options?: CommandOptions): RunningCommand;
  /** Runs a command line by a shell; `countermand ` in it is the built command. */
  runShell(commandLine: string): Promise<{ code: number | null; stdout: string; stderr: string }>;
  /** The records of a ledger, without its unfinished last line. */
  records(ledger: string): Promise<LedgerRecord[]>;
  /** Names of the ledgers in `ledgers/`, sorted. */
  ledgers(): Promise<string[]>;
}

export interface HarnessOptions extends SandboxOptions {
  /** The command's windows, and the strict server's too; `documented`: nobody says any, so that both take Defender's. @default more than is ever needed */
  windows?: string;
  token?: SandboxTokenOptions;
  env?: Record<string, string | undefined>;
}

const MORE_THAN_NEEDED = '5000/1s';

export async function openHarness(options: HarnessOptions = {}): Promise<Harness> {
  const { windows = MORE_THAN_NEEDED, token, env: more, ...rest } = options;
  const told = windows === 'documented' ? undefined : windows;
  const quota = told === undefined ? undefined : { windows: told.split(',').map(windowOf) };
  const sandbox = await startSandbox({ ...(quota && { quota }), ...rest });
  const folder = await mkdtemp(join(tmpdir(), 'countermand-work-'));
  const env = { ...sandbox.environment(token), COUNTERMAND_QUOTA: told, ...more };
  const started = new Set<RunningCommand>();
  const start: Harness['start'] = (args, given = {}) => {
    const command = startCommand(args, { cwd: folder, ...given, env: { ...env, ...given.env } });
    started.add(command);
    return command;
  };
  return {
    sandbox,
    folder,
    env,
    path: (name) => join(folder, name),
    file: async (name, content) => {
      await writeFile(join(folder, name), typeof content === 'string' ? content : `${content.join('\n')}\n`);
      return name;
    },
    read: (name) => readFile(join(folder, name), 'utf8'),
    start,
    run: (args, given) => start(args, given).ended,
    runShell: (commandLine) => runShell(commandLine, { cwd: folder, env }),
    records: (ledger) => readRecords(join(folder, ledger)),
    ledgers: async () => {
      const names = await readdir(join(folder, 'ledgers')).catch(() => []);
      return names.filter((name) => name.endsWith('.jsonl')).sort();
    },
    [Symbol.asyncDispose]: async () => {
      for (const command of started) await command[Symbol.asyncDispose]();
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function runShell(
  commandLine: string,
  { cwd, env }: { cwd: string; env: Harness['env'] },
): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn('/bin/sh', ['-c', withCommand(commandLine)], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  return { code: code as number | null, stdout, stderr };
}

/** A command line as it is typed, with the built command in place of its name. */
export function withCommand(commandLine: string): string {
  return commandLine.replaceAll('countermand ', `${COMMAND.map((part) => `'${part}'`).join(' ')} `);
}

async function readRecords(path: string): Promise<LedgerRecord[]> {
  const lines = (await readFile(path, 'utf8')).split('\n');
  // What follows the last newline is nothing, or a line that was being written.
  return lines.slice(0, -1).map((line) => JSON.parse(line) as LedgerRecord);
}

export function only<K extends RecordKind>(records: readonly LedgerRecord[], kind: K): (LedgerRecord & { kind: K })[] {
  return records.filter((record): record is LedgerRecord & { kind: K } => record.kind === kind);
}

/** The last outcome of each action, as the ledger has it. */
export function outcomesOf(records: readonly LedgerRecord[]): Map<string, string> {
  return new Map(only(records, 'outcome').map(({ id, outcome }) => [id, outcome]));
}

/** The n-th action ID of a test. */
export function id(n: number): string {
  return `00000000-0000-4000-8000-${n.toString(16).padStart(12, '0')}`;
}

export function ids(count: number, from = 1): string[] {
  return Array.from({ length: count }, (_, index) => id(from + index));
}

/** Actions that are open, numbered from 1. */
export function open(count: number, from = 1): ActionSeed[] {
  return ids(count, from).map((each) => ({ id: each }));
}

/** What `--json` prints. */
export interface Document {
  run: string;
  ledger: string;
  head: string;
  counts: Record<string, number>;
  rejected: Record<string, number>;
  calls: { cancel: number; get: number; list: number; machines: number };
  needsRelease: number;
  durationMs: number;
  exitCode: number;
  decisions?: Record<string, number>;
  forecast?: {
    calls: number;
    startsAt: string;
    endsAt: string;
    quarters: { part: number; at: string }[];
    order?: { by: string; firstMinute: number; firstHour: number; later: number };
  };
}

/** The document on stdout, which has the shape that docs/json.schema.json promises. */
export function documentOf(stdout: string): Document {
  const document: unknown = JSON.parse(stdout);
  const has = (key: string) => Object.hasOwn(document as object, key);
  const { run, runs, error, verifyOffline } = JSON_DOCUMENTS;
  const schema = has('error') ? error : has('ledgers') ? runs : has('tornBytes') ? verifyOffline : run;
  return schema.parse(document) as Document;
}

export const COMMENT = ['--comment', 'INC-4711: the rule misfired'] as const;

function windowOf(text: string): { calls: number; perMs: number } {
  const [, calls, n, unit] = /^(\d+)\/(\d+)(s|m|h)$/.exec(text) ?? [];
  const unitMs = { s: 1000, m: 60_000, h: 3_600_000 }[unit as 's' | 'm' | 'h'];
  return { calls: Number(calls), perMs: Number(n) * unitMs };
}
