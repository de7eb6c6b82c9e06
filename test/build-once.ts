import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The end-to-end tests run the built command, so a test run starts with a build: a stale `dist` cannot pass. */
export default function buildOnce(): void {
  if (process.env['COUNTERMAND_TEST_NO_BUILD'] === '1') return;
  const root = fileURLToPath(new URL('..', import.meta.url));
  const built = spawnSync(process.execPath, [`${root}node_modules/typescript/bin/tsc`, '-p', root], {
    stdio: 'inherit',
  });
  if (built.status !== 0) throw new Error('the build failed, see the messages above');
}
