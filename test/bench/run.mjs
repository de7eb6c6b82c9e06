// `npm run bench -- NAME [its options]` runs test/bench/NAME.mjs. A file that another one starts is named after it (quota-held.mjs).
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('.', import.meta.url));
const names = readdirSync(folder)
  .flatMap((file) => (file.endsWith('.mjs') && file !== 'run.mjs' ? [file.slice(0, -'.mjs'.length)] : []))
  .filter((name, _, all) => !all.some((other) => name.startsWith(`${other}-`)))
  .sort();

const [name, ...options] = process.argv.slice(2);
if (name === undefined || !names.includes(name)) {
  process.stderr.write(
    `Name one of the measurements: ${names.join(', ')}. For example: npm run bench -- ${names[0]}\n`,
  );
  process.exitCode = 2;
} else {
  const ran = spawnSync(process.execPath, [`${folder}${name}.mjs`, ...options], { stdio: 'inherit' });
  process.exitCode = ran.status ?? 1;
}
