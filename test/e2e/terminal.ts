import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { withCommand } from '../support/harness.ts';

export interface Terminal extends AsyncDisposable {
  /** All that was shown, control sequences included. */
  readonly screen: string;
  /** Resolves once this was shown; rejects when the command line ends before. */
  shows(text: string): Promise<void>;
  /** Its window is closed. */
  hangUp(): void;
  /** As a person at the keyboard. */
  types(text: string): void;
  /** The exit code of the command line. */
  readonly ended: Promise<number | null>;
}

export interface TerminalOptions {
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  /** @default 80 */
  columns?: number;
}

/** Runs a command line by a shell at a terminal of its own: `script`, which Debian always has (bsdutils), makes it. */
export function openTerminal(commandLine: string, { cwd, env, columns = 80 }: TerminalOptions): Terminal {
  const script = `stty cols ${columns} rows 24; ${withCommand(commandLine)}`;
  const child = spawn('script', ['--quiet', '--return', '--command', script, '/dev/null'], {
    cwd,
    env: { PATH: process.env['PATH'], HOME: process.env['HOME'], SHELL: '/bin/sh', TERM: 'xterm-256color', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let screen = '';
  let over = false;
  const listeners = new Set<() => void>();
  const heard = () => {
    for (const listener of listeners) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => {
      screen += text;
      heard();
    });
  }
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code]) => {
    over = true;
    heard();
    return code as number | null;
  });
  return {
    get screen() {
      return screen;
    },
    shows: (text) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (!screen.includes(text) && !over) return;
          listeners.delete(look);
          if (screen.includes(text)) resolve();
          else reject(new Error(`it ended without showing ${text}:\n${screen}`));
        };
        listeners.add(look);
        look();
      }),
    types: (text) => {
      child.stdin.write(text);
    },
    hangUp: () => {
      child.kill('SIGKILL');
    },
    ended,
    [Symbol.asyncDispose]: async () => {
      child.stdin.end();
      child.kill('SIGKILL');
      await ended;
    },
  };
}
