import { platform } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import type { StopSignal } from './exit-codes.ts';

// What differs between operating systems. Nothing else in src asks which one this is; where Linux alone tells something (/proc), it is tried, and done
// without. The rules for Windows and macOS follow their documentation: nobody has run this program there yet.

export interface Platform {
  /** Where a person is asked when stdin holds IDs. */
  readonly terminal: string;
  /** The signals that stop a run, and what each means. */
  readonly stopSignals: ReadonlyMap<NodeJS.Signals, StopSignal>;
  /** Whether the permissions of a file say who may read it. */
  readonly hasModes: boolean;
  /** Whether a folder can be opened, to make its entries durable. */
  readonly opensFolders: boolean;
  /** Whether a terminal is a file that bytes are written to. */
  readonly terminalsAreFiles: boolean;
  /** Whether an error says that another program has the file open, or may say so. */
  isInUse(error: unknown): boolean;
  /** What a file is called for a name that people chose. */
  fileName(name: string): string;
  /** A word of a command as the shell takes it. */
  shellWord(word: string): string;
  /** The line that sets a variable of a shell. */
  setVariable(name: string, value: string): string;
}

const SIGNALS: readonly [NodeJS.Signals, StopSignal][] = [
  ['SIGINT', 'SIGINT'],
  ['SIGTERM', 'SIGTERM'],
  ['SIGHUP', 'SIGHUP'],
];

const posix: Platform = {
  terminal: '/dev/tty',
  stopSignals: new Map(SIGNALS),
  hasModes: true,
  opensFolders: true,
  terminalsAreFiles: true,
  // A name leads to another file there, whoever has the old one open.
  isInUse: () => false,
  fileName: (name) => name,
  shellWord: (word) => (/^[\w./:@%+=,-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`),
  setVariable: (name, value) => `export ${name}=${posix.shellWord(value)}`,
};

/** Names of devices, whatever ending they have. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

const windows: Platform = {
  // The console's input; `CON` cannot be opened for reading and writing.
  terminal: '\\\\.\\CONIN$',
  // SIGHUP comes when the console's window is closed (and then ten seconds at most), SIGBREAK is Ctrl-Break beside Ctrl-C. SIGTERM never comes.
  stopSignals: new Map([...SIGNALS, ['SIGBREAK', 'SIGINT']]),
  // Node makes them up there: who may read is in access control lists.
  hasModes: false,
  opensFolders: false,
  // The console takes text.
  terminalsAreFiles: false,
  // Excel and virus scanners, and a file that may not be changed too.
  isInUse: (error) => error instanceof Error && 'code' in error && IN_USE.has(String(error.code)),
  // A colon would name a stream within a file, which no folder lists.
  fileName: (name) => {
    const without = name.replaceAll(/[<>:"|?*]/g, '-').replace(/[. ]+$/, (end) => '-'.repeat(end.length));
    return without.replace(DEVICE, '$&-');
  },
  // As PowerShell and cmd.exe both take it; a dollar or a backtick only PowerShell.
  shellWord: (word) => {
    if (/^[\w./:\\=+-]+$/.test(word)) return word;
    return /[$`"]/.test(word) ? `'${word.replaceAll("'", "''")}'` : `"${word}"`;
  },
  setVariable: (name, value) => `$env:${name} = '${value.replaceAll("'", "''")}'`,
};

const IN_USE = new Set(['EBUSY', 'EPERM', 'EACCES']);

export function platformOf(name: NodeJS.Platform): Platform {
  return name === 'win32' ? windows : posix;
}

/** The one that this is. */
export const HERE = platformOf(platform());

/** A virus scanner lets go of a file within moments; for Excel nobody waits. */
const WAITS_MS = [20, 50, 100, 200, 400, 800];

/** Changes a name in the file system, once more where another program has the file open. */
export async function whenNotInUse<T>(
  change: () => Promise<T>,
  { isInUse }: Pick<Platform, 'isInUse'> = HERE,
  wait: (ms: number) => Promise<unknown> = sleep,
): Promise<T> {
  for (const ms of WAITS_MS) {
    try {
      return await change();
    } catch (error) {
      if (!isInUse(error)) throw error;
    }
    await wait(ms);
  }
  return await change();
}
