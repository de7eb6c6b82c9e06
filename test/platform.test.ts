import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { platformOf, whenNotInUse } from '../src/platform.ts';

const windows = platformOf('win32');
const linux = platformOf('linux');

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** Fails so many times, then works. */
function change(code: string, times: number): { calls: () => number; change: () => Promise<string> } {
  let calls = 0;
  return {
    calls: () => calls,
    change: async () => {
      calls++;
      if (calls <= times) throw failure(code);
      return 'changed';
    },
  };
}

describe('what differs between operating systems', () => {
  it('nothing but src/platform.ts asks which operating system this is', () => {
    const names = readdirSync(new URL('../src', import.meta.url), { recursive: true, encoding: 'utf8' });
    const asking = names.filter((name) => {
      if (!name.endsWith('.ts') || name === 'platform.ts') return false;
      const text = readFileSync(new URL(`../src/${name}`, import.meta.url), 'utf8');
      return /process\.platform|\bos\.platform|['"](?:win32|darwin)['"]|\{[^}]*\bplatform\b[^}]*\} from 'node:os'/.test(
        text,
      );
    });
    expect(asking).toEqual([]);
  });

  it('macOS is as Linux is', () => {
    expect(platformOf('darwin')).toBe(linux);
  });

  it('a person is asked on the terminal itself: on Windows at the input of the console', () => {
    expect([linux.terminal, windows.terminal]).toEqual(['/dev/tty', '\\\\.\\CONIN$']);
  });

  it('Windows has no permissions that a mode tells, no folders to open, and a console that takes text', () => {
    const { hasModes, opensFolders, terminalsAreFiles } = windows;
    expect({ hasModes, opensFolders, terminalsAreFiles }).toEqual({
      hasModes: false,
      opensFolders: false,
      terminalsAreFiles: false,
    });
    expect([linux.hasModes, linux.opensFolders, linux.terminalsAreFiles]).toEqual([true, true, true]);
  });

  it.each([
    ['night: 1', 'night- 1'],
    ['what? "this"', 'what- -this-'],
    ['a<b>c|d*e', 'a-b-c-d-e'],
    ['ends. .', 'ends---'],
    ['con', 'con-'],
    ['NUL.plan', 'NUL-.plan'],
    ['com1', 'com1-'],
    ['console', 'console'],
    ['stale-actions-nightly-20261123T020000Z', 'stale-actions-nightly-20261123T020000Z'],
  ])(
    'a name that Windows gives another meaning is written otherwise there, and as it is elsewhere: %s',
    (name, file) => {
      expect(windows.fileName(name)).toBe(file);
      expect(linux.fileName(name)).toBe(name);
    },
  );

  it.each([
    ['ledgers/a.jsonl', 'ledgers/a.jsonl', 'ledgers/a.jsonl'],
    ['C:\\runs\\a.jsonl', "'C:\\runs\\a.jsonl'", 'C:\\runs\\a.jsonl'],
    ['my runs/a.jsonl', "'my runs/a.jsonl'", '"my runs/a.jsonl"'],
    ['Isolate,Unisolate', 'Isolate,Unisolate', '"Isolate,Unisolate"'],
    ["it's", "'it'\\''s'", '"it\'s"'],
    ['$x', "'$x'", "'$x'"],
  ])('a word of a printed command is quoted as the shell takes it: %s', (word, sh, powershell) => {
    expect(linux.shellWord(word)).toBe(sh);
    expect(windows.shellWord(word)).toBe(powershell);
  });

  it('a variable is set as the shell does it', () => {
    expect(linux.setVariable('A', 'b c')).toBe("export A='b c'");
    expect(windows.setVariable('A', "b'c")).toBe("$env:A = 'b''c'");
  });
});

describe('a file that another program has open', () => {
  it.each(['EBUSY', 'EPERM', 'EACCES'])(
    'a change of its name is tried again on Windows (%s) until it is let go',
    async (code) => {
      const waited: number[] = [];
      const held = change(code, 3);
      expect(await whenNotInUse(held.change, windows, async (ms) => waited.push(ms))).toBe('changed');
      expect(waited).toEqual([20, 50, 100]);
    },
  );

  it('a change of its name fails after a second and a half with what the system says', async () => {
    const waited: number[] = [];
    const held = change('EBUSY', Number.POSITIVE_INFINITY);
    const ended = whenNotInUse(held.change, windows, async (ms) => waited.push(ms));
    await expect(ended).rejects.toThrow('EBUSY');
    expect(waited.reduce((sum, ms) => sum + ms)).toBe(1570);
  });

  it('a change of its name fails at once elsewhere, and for any other reason', async () => {
    for (const [code, platform] of [
      ['EPERM', linux],
      ['ENOSPC', windows],
    ] as const) {
      const held = change(code, 1);
      await expect(whenNotInUse(held.change, platform, async () => {})).rejects.toThrow(code);
      expect(held.calls()).toBe(1);
    }
  });
});
