import { spawnSync } from 'node:child_process';
import type { TestContext } from 'vitest';

/** What a fault test asks of the machine, each with the sentence that says why it cannot run without it. */
const NEEDS = {
  strace: {
    met: () => works('strace', ['-o', '/dev/null', 'true']),
    without: 'strace is missing, or may not trace here',
  },
  root: { met: () => process.getuid?.() === 0, without: 'mounting needs root' },
  mounts: {
    met: () => works('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']),
    without: 'nothing can be mounted here',
  },
  ext4: {
    met: () => works('mkfs.ext4', ['-V']) && works('losetup', ['--find']),
    without: 'mkfs.ext4 or loop devices are missing',
  },
  namespaces: {
    met: () => works('unshare', ['--pid', '--mount-proc', '--uts', '--fork', 'true']),
    without: 'namespaces cannot be made here',
  },
} as const;

type Need = keyof typeof NEEDS;

const known = new Map<Need, boolean>();

/** Skips the test with the reason when this machine cannot run it. Where CI is set it must run, so there it fails instead. */
export function need(context: Pick<TestContext, 'skip'>, ...needs: readonly Need[]): void {
  for (const name of needs) {
    const { met, without } = NEEDS[name];
    if (!known.has(name)) known.set(name, process.platform === 'linux' && met());
    if (known.get(name)) continue;
    if (process.env['CI']) throw new Error(`cannot run, and in CI it must: ${without}`);
    context.skip(without);
  }
}

function works(command: string, args: readonly string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0;
}
