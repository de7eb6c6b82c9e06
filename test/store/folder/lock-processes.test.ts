import { type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readLedger } from '../../../src/ledger/read-ledger.ts';
import { fileDisk } from '../../../src/store/folder/file-disk.ts';
import { systemProcesses } from '../../../src/store/folder/holder.ts';

const SCRIPT = fileURLToPath(new URL('processes/contend.mjs', import.meta.url));

/** A real process that opens the ledger when told to; these tests need a build. */
class Contender {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(path: string) {
    this.#child = spawn(process.execPath, [SCRIPT, path], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  async says(): Promise<string> {
    return (await this.#lines.next()).value;
  }

  go(): void {
    this.#child.stdin.write('go\n');
  }

  /** Ends in order, or by a signal. */
  async end(signal?: NodeJS.Signals): Promise<void> {
    const gone = this.#child.exitCode ?? this.#child.signalCode;
    const closed = gone === null ? once(this.#child, 'exit') : Promise.resolve();
    if (signal === undefined) this.#child.stdin.end();
    else this.#child.kill(signal);
    await closed;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }
}

let folder: string;
let path: string;
let children: Contender[];
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lock-'));
  path = join(folder, 'a.jsonl');
  children = [];
});
afterEach(async () => {
  await Promise.all(children.map((child) => child.end('SIGKILL')));
  await rm(folder, { recursive: true });
});

async function contender(): Promise<Contender> {
  const child = new Contender(path);
  children.push(child);
  expect(await child.says()).toBe('ready');
  return child;
}

test('exactly one of six processes that see a killed holder at the same moment goes on', async () => {
  const holder = await contender();
  holder.go();
  expect(await holder.says()).toBe('open');
  await holder.end('SIGKILL');
  const rivals = await Promise.all(Array.from({ length: 6 }, contender));
  for (const rival of rivals) rival.go();
  const said = await Promise.all(rivals.map((rival) => rival.says()));
  expect(said.toSorted()).toEqual(['11', '11', '11', '11', '11', 'open']);
  await Promise.all(rivals.map((rival) => rival.end()));
  expect(await readdir(folder)).toEqual(['a.jsonl']);
  const { state, fault } = await readLedger(path, fileDisk);
  expect({ sessions: state.sessions.length, fault }).toEqual({ sessions: 2, fault: undefined });
});

test('a stopped but living holder keeps its ledger, and gives it up when it ends', async () => {
  const holder = await contender();
  holder.go();
  expect(await holder.says()).toBe('open');
  holder.signal('SIGSTOP');
  const rival = await contender();
  rival.go();
  expect(await rival.says()).toBe('11');
  holder.signal('SIGCONT');
  await holder.end();
  const next = await contender();
  next.go();
  expect(await next.says()).toBe('open');
});

test('this machine says who a process is, and whether it is still the same one', async () => {
  const { self, exists, startOf } = systemProcesses();
  expect(self).toMatchObject({ pid: process.pid, host: expect.any(String) });
  expect(exists(process.pid)).toBe(true);
  expect(startOf(process.pid)).toBe(self.processStart);
  const child = spawn(process.execPath, ['-e', ''], { stdio: 'ignore' });
  await once(child, 'exit');
  expect(exists(child.pid ?? 0)).toBe(false);
  expect(startOf(child.pid ?? 0)).toBeNull();
  if (process.platform === 'linux') {
    expect(self.boot).toMatch(/^[0-9a-f-]{36}$/);
    expect(self.pidNamespace).toMatch(/^pid:\[\d+\]$/);
    expect(self.processStart).toMatch(/^\d+$/);
  }
});
