import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';

export interface Mount extends Disposable {
  readonly folder: string;
  /** Gives it other options while it is in use. */
  remount(options: string): void;
  unmount(): void;
}

/** A small file system in memory, mounted at the folder. */
export function mountTmpfs(folder: string, size: string): Mount {
  return mounted(folder, ['-t', 'tmpfs', '-o', `size=${size},mode=700`, 'tmpfs']);
}

/** A file system in a file, as after an error it goes read-only. */
export interface Ext4 extends Mount {
  /** What a failing disk does: the kernel notes an error and takes no more writes. */
  breakDown(): void;
  /** Checks and mounts it anew. */
  repair(): void;
}

export function mountExt4(folder: string, image: string): Ext4 {
  writeFileSync(image, '');
  truncateSync(image, 16 << 20);
  execFileSync('mkfs.ext4', ['-q', '-F', image]);
  const how = ['-o', 'loop,errors=remount-ro', image];
  const mount = mounted(folder, how);
  return {
    ...mount,
    [Symbol.dispose]: mount[Symbol.dispose],
    breakDown: () => writeFileSync(`/sys/fs/ext4/${basename(deviceOf(folder))}/trigger_fs_error`, '1'),
    repair: () => {
      mount.unmount();
      // 1: errors were found and corrected.
      try {
        execFileSync('e2fsck', ['-f', '-y', image], { stdio: 'ignore' });
      } catch (error) {
        if ((error as { status?: number }).status !== 1) throw error;
      }
      execFileSync('mount', [...how, folder]);
    },
  };
}

function mounted(folder: string, how: readonly string[]): Mount {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  execFileSync('mount', [...how, folder]);
  const unmount = () => execFileSync('umount', [folder]);
  return {
    folder,
    remount: (options) => execFileSync('mount', ['-o', `remount,${options}`, folder]),
    unmount,
    [Symbol.dispose]: () => {
      execFileSync('umount', ['--lazy', folder]);
    },
  };
}

function deviceOf(folder: string): string {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((each) => each.split(' ')[1] === folder);
  return line?.split(' ')[0] ?? '';
}
