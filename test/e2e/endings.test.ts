import { execFileSync, spawn } from 'node:child_process';
import { constants } from 'node:fs';
import { open as openFile } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { describe, expect, it } from 'vitest';
import type { RunningCommand } from '../support/command.ts';
import { COMMENT, type Harness, type HarnessOptions, ids, only, open, openHarness } from '../support/harness.ts';

const SIGNALS = [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGHUP', 129],
] as const;

/** Far more than an end takes on a busy machine, and less than any wait that is ended here. */
const SOON_MS = 8000;

/** A server that takes connections and never answers. */
async function silentServer(): Promise<{ url: string; reached: Promise<void> } & AsyncDisposable> {
  const sockets = new Set<Socket>();
  let reach: () => void;
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    socket.once('data', () => reach());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return {
    url: `http://127.0.0.1:${address.port}`,
    reached,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

interface Wait {
  name: string;
  options?: HarnessOptions;
  /** Starts the command, and resolves once it waits. */
  begin(harness: Harness, silent: string): Promise<RunningCommand>;
  /** Whether a ledger is its own by then. */
  ledger?: string;
  /** Waits for the silent server to be reached. */
  isSilent?: true;
}

/** Sign-in is by HTTPS alone: the handshake is what is not answered. */
const secure = (url: string) => url.replace('http:', 'https:');

const NO_TOKEN = { COUNTERMAND_TOKEN: undefined, COUNTERMAND_TOKEN_FILE: undefined };

/** Resolves when the ledger is there with its first record: from then on it must be closed. */
async function untilOpened(harness: Harness, ledger: string): Promise<void> {
  for (;;) {
    const records = await harness.records(ledger).catch(() => []);
    if (records.length > 0) return;
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const WAITS: readonly Wait[] = [
  {
    name: 'an open stdin that is silent',
    ledger: 'ledgers/a.jsonl',
    begin: async (harness) => {
      const command = harness.start(['run', '-', ...COMMENT, '--yes', '--ledger', 'ledgers/a.jsonl'], {
        openInput: true,
      });
      await untilOpened(harness, 'ledgers/a.jsonl');
      return command;
    },
  },
  {
    name: 'an open stdin after some rows, for a plan',
    ledger: 'ledgers/a.jsonl',
    begin: async (harness) => {
      const command = harness.start(['plan', '/dev/stdin', '--ledger', 'ledgers/a.jsonl'], { openInput: true });
      command.child.stdin?.write(`${ids(3).join('\n')}\n`);
      await untilOpened(harness, 'ledgers/a.jsonl');
      return command;
    },
  },
  {
    name: 'a pipe that nobody writes to',
    ledger: 'ledgers/a.jsonl',
    begin: async (harness) => {
      execFileSync('mkfifo', [harness.path('pipe.csv')]);
      const command = harness.start(['run', 'pipe.csv', ...COMMENT, '--yes', '--ledger', 'ledgers/a.jsonl']);
      await untilOpened(harness, 'ledgers/a.jsonl');
      return command;
    },
  },
  {
    name: 'an authority that does not answer, in a run',
    ledger: 'ledgers/ids.jsonl',
    isSilent: true,
    begin: async (harness, silent) => {
      await harness.file('ids.txt', ids(2));
      return harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--authority-url', secure(silent)], {
        env: { ...NO_TOKEN, AZURE_CLIENT_SECRET: 'not-a-secret' },
      });
    },
  },
  {
    name: 'an authority that does not answer, in a list',
    isSilent: true,
    begin: async (harness, silent) =>
      harness.start(['list', '--authority-url', secure(silent)], {
        env: { ...NO_TOKEN, AZURE_CLIENT_SECRET: 'not-a-secret' },
      }),
  },
  {
    name: 'a device code that is being asked for',
    isSilent: true,
    begin: async (harness, silent) =>
      harness.start(['check', '--auth', 'device-code', '--authority-url', secure(silent)], { env: NO_TOKEN }),
  },
  {
    name: 'a page that does not come, in a list',
    isSilent: true,
    begin: async (harness, silent) => harness.start(['list', '--api-url', silent]),
  },
  {
    name: 'a host that does not answer, in a check',
    isSilent: true,
    begin: async (harness, silent) => harness.start(['check', '--api-url', silent]),
  },
  {
    name: 'the quota, in a verify',
    ledger: 'ledgers/ids.jsonl',
    options: {
      windows: '4/30m',
      behaviours: { default: { onCancel: { kind: 'later', becomes: 'Cancelled' } } },
    },
    begin: async (harness) => {
      await harness.file('ids.txt', ids(3));
      await harness.run(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never', '--confirm-for', '0']);
      await harness.run(['verify', 'ledgers/ids.jsonl'], { env: { COUNTERMAND_MAX_DURATION: '1s' } });
      const before = (await harness.records('ledgers/ids.jsonl')).length;
      const command = harness.start(['verify', 'ledgers/ids.jsonl']);
      while ((await harness.records('ledgers/ids.jsonl')).length === before)
        await new Promise((resolve) => setImmediate(resolve));
      return command;
    },
  },
];

describe.concurrent.each(WAITS)('$name', ({ begin, ledger, options, isSilent }) => {
  for (const [signal, exitCode] of SIGNALS) {
    it(`a command in its wait is left at once at ${signal}: ${exitCode}`, async () => {
      await using silent = await silentServer();
      await using harness = await openHarness({ actions: open(5), ...options });
      const command = await begin(harness, silent.url);
      if (isSilent) await silent.reached;
      const sentAtMs = performance.now();
      command.kill(signal);
      const { code, stderr } = await command.ended;
      expect(code, stderr).toBe(exitCode);
      expect(performance.now() - sentAtMs).toBeLessThan(SOON_MS);
      expect(stderr).not.toContain('bug');
      expect(harness.sandbox.log.count('cancel')).toBeLessThanOrEqual(3);
      if (ledger === undefined) return;
      expect(only(await harness.records(ledger), 'close').at(-1)?.reason).toBe('interrupted');
    });
  }
});

describe('a second signal', () => {
  it('a second signal ends a command at once that waits for a call which is never answered, with the code of the first', async () => {
    await using harness = await openHarness({ actions: open(2), faults: () => ({ kind: 'hang', applied: false }) });
    await harness.file('ids.txt', ids(2));
    const command = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
    await harness.sandbox.log.until((log) => log.count('cancel') === 2);
    command.kill('SIGHUP');
    await command.says('SIGHUP: stopping');
    const sentAtMs = performance.now();
    command.kill('SIGTERM');
    const { code, stderr } = await command.ended;
    expect(code, stderr).toBe(129);
    expect(performance.now() - sentAtMs).toBeLessThan(SOON_MS);
    expect(only(await harness.records('ledgers/ids.jsonl'), 'close').at(-1)?.reason).toBe('interrupted');
  });
});

describe('what is not a regular file', () => {
  const PLAN = ['--screen', 'never', '--json'];

  it('what is not a regular file is read once and never compared, and its ledger is named as that of stdin is', async () => {
    await using harness = await openHarness({ actions: open(4) });
    execFileSync('mkfifo', [harness.path('pipe')]);
    for (const ledger of ['a', 'a']) {
      const command = harness.start([
        'run',
        'pipe',
        ...COMMENT,
        '--yes',
        '--json',
        '--ledger',
        `ledgers/${ledger}.jsonl`,
      ]);
      spawn('/bin/sh', ['-c', `printf '%s\\n' ${ids(2).join(' ')} > pipe`], { cwd: harness.folder, stdio: 'ignore' });
      const { code, stderr } = await command.ended;
      expect(code, stderr).toBe(0);
    }
    const substituted = await harness.runShell(
      `exec bash -c 'countermand plan <(echo ${ids(1)[0]}) ${PLAN.join(' ')}'`.replaceAll("'\\''", "'"),
    );
    expect(substituted.code, substituted.stderr).toBe(0);
    expect((JSON.parse(substituted.stdout) as { ledger: string }).ledger).toMatch(
      /ledgers\/stdin-\d{8}T\d{6}Z\.plan\.jsonl$/,
    );
    const piped = await harness.run(['plan', '/dev/stdin', ...PLAN], { input: `${ids(1)[0]}\n` });
    expect((JSON.parse(piped.stdout) as { ledger: string }).ledger).toMatch(/stdin-\d{8}T\d{6}Z\.plan\.jsonl$/);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(2));
  });

  it.each([
    ['/dev/zero', 'is not text'],
    ['/dev/null', 'is empty'],
    ['/', 'is a directory'],
    ['socket', 'is a socket'],
    ['pipe.yaml', 'is a pipe, device or socket'],
    ['folder.yaml', 'is a directory'],
  ])('%s is refused in words: %s', async (source, said) => {
    await using harness = await openHarness({ actions: [] });
    execFileSync('mkfifo', [harness.path('pipe.yaml')]);
    execFileSync('mkdir', [harness.path('folder.yaml')]);
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(harness.path('socket'), resolve));
    const { code, stderr } = await harness.run(['plan', source, '--screen', 'never']);
    await new Promise((resolve) => server.close(resolve));
    expect(code, stderr).toBe(2);
    expect(stderr).toContain(said);
  });

  it('a folder in place of a ledger, a service that is away and a wrong value given once are told with what to do', async () => {
    await using harness = await openHarness({ actions: [] });
    const folder = await harness.run(['report', '.']);
    expect(folder).toMatchObject({ code: 2 });
    expect(folder.stderr).toMatch(/is a directory, EISDIR\): name the ledger in it\./);
    const away = await harness.run(['list', '--api-url', 'http://127.0.0.1:9']);
    expect(away).toMatchObject({ code: 6 });
    expect(away.stderr).toMatch(/\(ECONNREFUSED\); check the network and HTTPS_PROXY, then run again/);
    const slip = await harness.run(['plan', 'ids.txt', '--quota', '100/min']);
    expect(slip).toMatchObject({ code: 2 });
    expect(slip.stderr).toContain('not "100/min"');
  });

  it('what is not a regular file is let go when the ledger is held: a writer is not kept, and the command ends', async () => {
    await using harness = await openHarness({ actions: open(3), windows: '1/10m' });
    await harness.file('ids.txt', ids(2));
    execFileSync('mkfifo', [harness.path('pipe')]);
    const first = harness.start(['run', 'ids.txt', ...COMMENT, '--yes', '--screen', 'never']);
    await harness.sandbox.log.until((log) => log.count('cancel') === 1);
    const { code, stderr } = await harness.run(['run', 'pipe', ...COMMENT, '--yes'], { timeoutMs: 20_000 });
    expect(code, stderr).toBe(11);
    // Nobody reads it any more.
    await expect(openFile(harness.path('pipe'), constants.O_WRONLY | constants.O_NONBLOCK)).rejects.toThrow('ENXIO');
    first.kill('SIGKILL');
  });
});
