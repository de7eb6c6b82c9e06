import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** The command as it is built: `npm test` builds it first. Or the executable of it, which then finds no other program (test/packaging). */
const EXECUTABLE = process.env['COUNTERMAND_TEST_EXECUTABLE'];
export const COMMAND: readonly [string, ...string[]] =
  EXECUTABLE === undefined
    ? [process.execPath, fileURLToPath(new URL('../../dist/main.js', import.meta.url))]
    : [EXECUTABLE];
const PATH = EXECUTABLE === undefined ? process.env['PATH'] : '';

export interface CommandOptions {
  /** The command's whole environment but for what a process needs to start: nothing of the tester's own credentials is seen. */
  env?: Readonly<Record<string, string | undefined>>;
  /** Another build of it. @default this clone's */
  main?: string;
  /** @default the tester's */
  cwd?: string;
  /** What stands in stdin; without it stdin is at its end. */
  input?: string | Uint8Array;
  /** A command that starts ours, as in `ip netns exec NAME`. */
  through?: readonly string[];
  /** stdin stays open, for a test to write to. */
  openInput?: boolean;
  /** Killed after it, which makes the test fail. Longer than a busy machine takes: it finds what hangs, not what is slow. @default 60_000 */
  timeoutMs?: number;
}

export interface CommandEnd {
  /** Null when it was ended by a signal. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

export interface RunningCommand extends AsyncDisposable {
  readonly child: ChildProcess;
  readonly stdout: string;
  readonly stderr: string;
  /** Resolves when it has ended and all its output is read. Rejects when it took longer than `timeoutMs`. */
  readonly ended: Promise<CommandEnd>;
  /** Resolves as soon as stdout or stderr holds the text; rejects when it ends before. */
  says(text: string | RegExp): Promise<void>;
  kill(signal?: NodeJS.Signals): void;
}

/** Starts the built command as a process of its own. Disposing of it kills it. */
export function startCommand(args: readonly string[], options: CommandOptions = {}): RunningCommand {
  const { env = {}, main, cwd, input, openInput = false, timeoutMs = 60_000, through = [] } = options;
  const command = main === undefined ? COMMAND : [process.execPath, main];
  const [file = '', ...before] = [...through, ...command];
  const child = spawn(file, [...before, ...args], {
    cwd,
    env: { PATH, HOME: process.env['HOME'], ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
    // A session of its own has no terminal to ask on, wherever the tests are started.
    detached: true,
  });
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const heard = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
    heard();
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
    heard();
  });
  // A command that does not read its stdin may have ended before all is written.
  child.stdin.on('error', () => {});
  if (!openInput) child.stdin.end(input);

  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    child.kill('SIGKILL');
  }, timeoutMs);
  const ended = once(child, 'close').then(([code, signal]): CommandEnd => {
    clearTimeout(timer);
    if (timedOut) throw new Error(`countermand ${args.join(' ')} took over ${timeoutMs} ms\n${stdout}\n${stderr}`);
    return { code: code as number | null, signal: signal as NodeJS.Signals | null, stdout, stderr };
  });
  let over = false;
  const end = () => {
    over = true;
    heard();
  };
  ended.then(end, end);

  const has = (text: string | RegExp) => {
    const all = `${stdout}\n${stderr}`;
    return typeof text === 'string' ? all.includes(text) : text.test(all);
  };
  return {
    child,
    ended,
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!has(text) && !over) return;
          listeners.delete(look);
          if (has(text)) resolve();
          else
            reject(new Error(`it ended (${child.exitCode ?? child.signalCode}) without ${text}\n${stdout}\n${stderr}`));
        };
        listeners.add(look);
        look();
      }),
    kill: (signal = 'SIGTERM') => {
      child.kill(signal);
    },
    [Symbol.asyncDispose]: async () => {
      child.kill('SIGKILL');
      await ended.catch(() => {});
    },
  };
}

/** Runs the built command to its end. */
export function runCommand(args: readonly string[], options: CommandOptions = {}): Promise<CommandEnd> {
  return startCommand(args, options).ended;
}
