// `npm run demo:fleet`: compiles fleet.ts with what it takes from the tests, and runs it.
import { spawnSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');
const built = join(root, 'node_modules/.cache/countermand-demo/built');
rmSync(built, { recursive: true, force: true });
const tsc = join(root, 'node_modules/typescript/bin/tsc');
const compiled = spawnSync(process.execPath, [tsc, '-p', import.meta.dirname], { stdio: 'inherit' });
if (compiled.status === 0) {
  writeFileSync(join(built, 'package.json'), '{"type":"module"}\n');
  const { main } = await import(join(built, 'test/demo/fleet.js'));
  process.exitCode = await main(root);
} else {
  process.exitCode = 1;
}
