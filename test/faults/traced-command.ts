import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import type { CommandEnd } from '../support/command.ts';
import { type SystemCall, TraceReader } from './trace-reader.ts';

const COMMAND = fileURLToPath(new URL('../../dist/main.js', import.meta.url));

export interface TraceOptions {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** Only calls on this file are traced and tampered with. @default all */
  path?: string;
  /** System calls, as `strace -e trace=` takes them. */
  calls: string;
  /** As `strace -e inject=` takes them. */
  inject?: string;
}

export interface TracedCommand extends AsyncDisposable {
  /** Rejects after a minute. */
  readonly ended: Promise<CommandEnd>;
  /** Bytes of the traced file that an fdatasync has covered. */
  readonly syncedBytes: number;
  /** Resolves at the first call that matches, which is held where `inject` delays it; rejects when the command ends without one. */
  until(matches: (call: SystemCall) => boolean): Promise<void>;
  /** The command itself, not strace. */
  kill(signal: NodeJS.Signals): void;
}

/** The built command under strace, whose output is followed as it is written. One thread does its file work, so that its order is one. */
export function traceCommand(args: readonly string[], { cwd, env, path, calls, inject }: TraceOptions): TracedCommand {
  const strace = ['-f', '-qq', '-s', '16384', '-e', 'signal=none', '-e', `trace=${calls}`, '-o', '|exec cat >&3'];
  if (path !== undefined) strace.push('-P', path);
  if (inject !== undefined) strace.push('-e', `inject=${inject}`);
  const child: ChildProcess = spawn('strace', [...strace, process.execPath, COMMAND, ...args], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], UV_THREADPOOL_SIZE: '1', ...env },
    stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
  });
  const said = { stdout: '', stderr: '' };
  child.stdout?.setEncoding('utf8').on('data', (text: string) => {
    said.stdout += text;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said.stderr += text;
  });
  const reader = new TraceReader();
  let syncedBytes = 0;
  let writtenBytes = 0;
  let over = false;
  const waiting = new Set<(call: SystemCall | undefined) => void>();
  reader.onCall = (call) => {
    if (call.edge === 'exit' && call.name === 'write' && call.result > 0) writtenBytes += call.result;
    if (call.edge === 'exit' && call.name === 'fdatasync' && call.result === 0) syncedBytes = writtenBytes;
    for (const wake of waiting) wake(call);
  };
  (child.stdio[3] as Readable).setEncoding('utf8').on('data', (text: string) => reader.read(text));

  const ended = once(child, 'close', { signal: AbortSignal.timeout(60_000) }).then(([code, signal]): CommandEnd => {
    over = true;
    for (const wake of waiting) wake(undefined);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, ...said };
  });
  ended.catch(() => {});
  const kill = (signal: NodeJS.Signals) => {
    const thread = reader.thread;
    if (thread !== undefined && !over) process.kill(processOf(thread), signal);
  };
  return {
    ended,
    get syncedBytes() {
      return syncedBytes;
    },
    kill,
    until: (matches) =>
      new Promise((resolve, reject) => {
        const wake = (call: SystemCall | undefined) => {
          if (call !== undefined && !matches(call)) return;
          waiting.delete(wake);
          if (call !== undefined) resolve();
          else reject(new Error(`it ended before that system call\n${said.stdout}\n${said.stderr}`));
        };
        if (over) wake(undefined);
        else waiting.add(wake);
      }),
    [Symbol.asyncDispose]: async () => {
      if (!over && child.pid !== undefined) {
        for (const pid of childrenOf(child.pid)) process.kill(pid, 'SIGKILL');
        child.kill('SIGKILL');
      }
      await ended.catch(() => {});
    },
  };
}

/** The process that a thread belongs to. */
function processOf(thread: number): number {
  const [, id] = /^Tgid:\s+(\d+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8')) ?? [];
  return Number(id);
}

function childrenOf(pid: number): number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
