import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The end-to-end tests run the command as it is shipped, others import what tsc made, so a test run starts with a build: nothing stale can pass. */
export default function buildOnce(): void {
  if (process.env['COUNTERMAND_TEST_NO_BUILD'] === '1') return;
  const built = spawnSync(process.execPath, [fileURLToPath(new URL('../build.mjs', import.meta.url))], {
    stdio: 'inherit',
  });
  if (built.status !== 0) throw new Error('the build failed, see the messages above');
}
