import { chmod, chown, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, it, type TestContext } from 'vitest';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { type RunningCommand, startCommand } from '../support/command.ts';
import { id } from '../support/harness.ts';
import { need } from './needs.ts';

/** As the image and the manifests have it: user `node`. */
const USER = 1000;

/**
 * What a container runtime does before it starts a program, with the kernel's own means: mounts of its own with everything read-only
 * but the volume of the ledgers ($1), no capability, no privilege to gain, another user; and the program is process 1 of its namespace, where
 * no signal has a default action.
 */
const CONTAINER = `
set -eu
volume=$1; shift
mount --bind "$volume" "$volume"
awk '{ print $2 }' /proc/self/mounts | sort -u | while read -r place; do
  case $place in "$volume" | /proc | /proc/* | /sys | /sys/* | /dev | /dev/*) ;;
    *) mount -o remount,bind,ro "$(printf '%b' "$place")" 2>/dev/null || true ;;
  esac
done
if touch "$volume/../written" 2>/dev/null || touch /written 2>/dev/null; then echo 'the root is writable' >&2; exit 99; fi
exec setpriv --reuid ${USER} --regid ${USER} --clear-groups --no-new-privs --bounding-set=-all --inh-caps=-all "$@"
`;

interface Container {
  sandbox: Sandbox;
  folder: string;
  start(args: readonly string[], env?: Record<string, string>): RunningCommand;
  /** The program's process, as this machine numbers it. */
  program(command: RunningCommand): Promise<number>;
}

async function openContainer(actions: readonly ActionSeed[]): Promise<Container & AsyncDisposable> {
  const windows = '20/1s,1500/1h';
  const sandbox = await startSandbox({
    actions,
    latencyMs: [20, 80],
    quota: {
      windows: [
        { calls: 20, perMs: 1000 },
        { calls: 1500, perMs: 3_600_000 },
      ],
    },
  });
  const folder = await mkdtemp(join(tmpdir(), 'countermand-container-'));
  await chmod(folder, 0o755);
  const volume = join(folder, 'ledgers');
  await mkdir(volume);
  await chown(volume, USER, USER);
  const through = [
    'unshare',
    ...['--mount', '--propagation', 'private', '--pid', '--fork', '--kill-child', '--mount-proc'],
    ...['sh', '-c', CONTAINER, 'sh', volume],
  ];
  return {
    sandbox,
    folder,
    start: (args, env = {}) =>
      startCommand(args, {
        cwd: folder,
        through,
        timeoutMs: 120_000,
        env: { HOME: undefined, ...sandbox.environment(), COUNTERMAND_QUOTA: windows, ...env },
      }),
    program: async ({ child: { pid } }) => {
      const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
      return Number(children.trim().split(' ')[0]);
    },
    [Symbol.asyncDispose]: async () => {
      await sandbox.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

const HOUR_MS = 3_600_000;
const COUNT = 120;

/** Open actions of this type, made so long ago. */
function waiting(type: string, ageMs: number): ActionSeed[] {
  const creationDateTimeUtc = new Date(Date.now() - ageMs).toISOString();
  return Array.from({ length: COUNT }, (_, n) => ({ id: id(n + 1), type, creationDateTimeUtc }));
}

const JOBS = [
  { name: 'stale-actions-nightly', actions: () => waiting('RunAntiVirusScan', 8 * 24 * HOUR_MS) },
  { name: 'live-response-backlog', actions: () => waiting('LiveResponse', 5 * HOUR_MS) },
  { name: 'mass-isolation-cleanup', actions: () => waiting('Isolate', HOUR_MS), csv: true },
];

describe.concurrent('as a container would run it', () => {
  for (const { name, actions, csv = false } of JOBS) {
    it(`${name} ends in time with 6, by SIGTERM with 143, and goes on by itself until it ends with 0`, async (context) => {
      const { expect } = context;
      needContainer(context);
      await using container = await openContainer(actions());
      const { sandbox, folder } = container;
      const source = join(folder, 'incident.csv');
      const rows = actions().map((action) => `${action.id},Isolate`);
      if (csv) await writeFile(source, `id,type\n${rows.join('\n')}\n`);
      const env: Record<string, string> = csv ? { INCIDENT_CSV: source } : {};
      const job = fileURLToPath(new URL(`../../jobs/${name}.yaml`, import.meta.url));
      const args = ['run', job, '--yes', '--confirm-for', '30s'];

      await using late = container.start(args, { ...env, COUNTERMAND_MAX_DURATION: csv ? '8s' : '2s' });
      const outOfTime = await late.ended;
      expect(outOfTime.code, outOfTime.stderr).toBe(6);
      const before = sandbox.log.effective().length;
      expect(before).toBeGreaterThan(0);
      expect(before).toBeLessThan(COUNT);

      await using stopped = container.start(args, env);
      const midway = sandbox.log.until((log) => log.effective().length >= before + 10);
      await Promise.race([
        midway,
        stopped.ended.then(({ stderr }) => expect.fail(`it ended before its middle: ${stderr}`)),
      ]);
      const program = await container.program(stopped);
      const status = await readFile(`/proc/${program}/status`, 'utf8');
      expect(status).toMatch(/^NSpid:\t\d+\t1$/m);
      expect(status).toMatch(/^Uid:\t1000\t1000\t1000\t1000$/m);
      expect(status).toMatch(/^CapEff:\t0+$/m);
      expect(status).toMatch(/^Name:\tnode$/m);
      process.kill(program, 'SIGTERM');
      const interrupted = await stopped.ended;
      expect(interrupted.code, interrupted.stderr).toBe(143);
      expect(sandbox.log.effective().length).toBeLessThan(COUNT);
      // Nothing that was sent is left without its answer.
      expect(sandbox.log.entries.filter(({ answeredMs }) => answeredMs === undefined)).toEqual([]);

      await using last = container.start(args, env);
      const ended = await last.ended;
      expect(ended.code, ended.stderr).toBe(0);
      expect(sandbox.log.effective().sort()).toEqual(actions().map((action) => action.id));
      expect(sandbox.log.overQuota()).toBe(0);
      const ledgers = (await readdir(join(folder, 'ledgers'))).filter((file) => file.endsWith('.jsonl'));
      expect(ledgers).toHaveLength(1);
      expect(ledgers[0]).toMatch(
        csv ? /^mass-isolation-cleanup\.jsonl$/ : new RegExp(`^${name}-\\d{8}T\\d{6}Z\\.jsonl$`),
      );
      const finished = JSON.parse(ended.stderr.trim().split('\n').at(-1) ?? '') as Record<string, unknown>;
      expect(finished).toMatchObject({
        msg: 'ended',
        job: name,
        session: 3,
        exitCode: 0,
        counts: { cancelled: COUNT },
      });
    });
  }
});

function needContainer(context: TestContext): void {
  need(context, 'root', 'mounts', 'namespaces');
}
