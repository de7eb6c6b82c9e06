import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sea from 'node:sea';
import { fileURLToPath } from 'node:url';

// What this program reads of itself. It is found from here, because what lies at the top of `src` lies at the top of the bundle as well. In a
// single executable nothing of it is a file: there it is in the executable, by these names (packaging/executable.mjs puts it there).

/** Whether this is the program in one file, with Node in it. */
export const IN_EXECUTABLE = sea.isSea();

/** What Node is to be started with for it to be this command once more, before the command's own arguments. */
export function ownArguments(): string[] {
  return IN_EXECUTABLE ? [] : ['--enable-source-maps', fileURLToPath(new URL('./main.js', import.meta.url))];
}

/** The thread whose file this is, for `new Worker`: an executable hands its text over. */
export function ownThread(file: URL): [file: URL | string, options: { eval?: true }] {
  const name = file.pathname.slice(file.pathname.lastIndexOf('/') + 1);
  return IN_EXECUTABLE ? [sea.getAsset(name, 'utf8'), { eval: true }] : [file, {}];
}

/** The job of the demonstration beside its list. An executable unpacks both, and removes them when it is disposed of. */
export function demoJob(): { path: string } & Disposable {
  if (!IN_EXECUTABLE) {
    return {
      path: fileURLToPath(new URL('../jobs/demo.yaml', import.meta.url)),
      [Symbol.dispose]: () => undefined,
    };
  }
  const folder = mkdtempSync(join(tmpdir(), 'countermand-demo-'));
  for (const name of ['demo.yaml', 'demo.csv']) writeFileSync(join(folder, name), sea.getAsset(name, 'utf8'));
  return {
    path: join(folder, 'demo.yaml'),
    [Symbol.dispose]: () => rmSync(folder, { recursive: true, force: true }),
  };
}

export function packageJson(): { version: string } {
  return JSON.parse(
    IN_EXECUTABLE
      ? sea.getAsset('package.json', 'utf8')
      : readFileSync(new URL('../package.json', import.meta.url), 'utf8'),
  );
}

/** What build.mjs wrote; undefined where it was not built. */
export function buildJson(): { commit?: string } | undefined {
  if (IN_EXECUTABLE) return JSON.parse(sea.getAsset('build.json', 'utf8'));
  try {
    return JSON.parse(readFileSync(new URL('./build.json', import.meta.url), 'utf8'));
  } catch {
    return undefined;
  }
}
