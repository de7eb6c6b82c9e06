import { UsageError } from '../../errors.ts';
import { secretAdvice, secretNamed } from '../../job/secrets.ts';

/** Throws a UsageError for a flag that would carry a secret: it would stand in the shell's history and the process list. */
export function refuseSecrets(argv: readonly string[]): void {
  for (const argument of argv) {
    if (argument === '--') return;
    const flag = /^--([a-z][a-z0-9_-]*)/i.exec(argument)?.[1];
    const secret = flag === undefined ? undefined : secretNamed(flag);
    if (secret !== undefined) {
      throw new UsageError(
        `--${flag} is not a flag, because secrets must not stand on a command line: ${secretAdvice(secret)} (and change this one, it may be in your shell's history)`,
      );
    }
  }
}
