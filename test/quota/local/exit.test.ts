import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, expect, it } from 'vitest';

const dist = new URL('../../../build/', import.meta.url);

/** Runs a script against the built code, in a process of its own. */
function run(script: string) {
  const { status, signal, stdout } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
    timeout: 20_000,
  });
  return { status, signal, stdout };
}

const imports = `
  import { systemClock } from '${dist}clock.js';
  import { keepAlive } from '${dist}quota/keep-alive.js';
  import { makeQuota } from '${dist}quota/local/local-quota.js';
`;

describe.skipIf(!existsSync(new URL('quota/local/local-quota.js', dist)))('a process', () => {
  it('a process ends with its last work, although slots are held for another hour', () => {
    const script = `${imports}
      const quota = makeQuota({ windows: [{ calls: 1, perMs: 3_600_000 }], clock: systemClock });
      (await quota.take('cancel')).settle();
      process.stdout.write('done');`;
    expect(run(script)).toEqual({ status: 0, signal: null, stdout: 'done' });
  });

  it('a process that waits for a slot is kept alive by whoever has work left, and by nobody else', () => {
    const waits = (kept: boolean) => `${imports}
      const quota = makeQuota({ windows: [{ calls: 1, perMs: 200 }], clock: systemClock });
      const alive = ${kept ? 'keepAlive()' : '{ [Symbol.dispose]() {} }'};
      (await quota.take('cancel')).settle();
      (await quota.take('cancel')).settle();
      process.stdout.write('done');
      alive[Symbol.dispose]();`;
    expect(run(waits(true))).toEqual({ status: 0, signal: null, stdout: 'done' });
    // Node's way to say that a top-level await will never be settled.
    expect(run(waits(false))).toEqual({ status: 13, signal: null, stdout: '' });
  });
});
