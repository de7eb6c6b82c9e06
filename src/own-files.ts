import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

// What this program reads of itself. It is found from here, because what lies at the top of `src` lies at the top of the bundle as well.

/** The command, for whoever starts it once more. */
export const MAIN = fileURLToPath(new URL('./main.js', import.meta.url));

export const DEMO_JOB = fileURLToPath(new URL('../jobs/demo.yaml', import.meta.url));

export function packageJson(): { version: string } {
  return JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
}

/** What build.mjs wrote; undefined where it was not built. */
export function buildJson(): { commit?: string } | undefined {
  try {
    return JSON.parse(readFileSync(new URL('./build.json', import.meta.url), 'utf8'));
  } catch {
    return undefined;
  }
}
