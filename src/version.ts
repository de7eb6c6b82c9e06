import { readFileSync } from 'node:fs';

/** From package.json, so that there is one place for it. */
function toolVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** Of the commit that was built; undefined where it was not built in a clone, or not built at all. */
function builtCommit(): string | undefined {
  try {
    const text = readFileSync(new URL('./build.json', import.meta.url), 'utf8');
    return (JSON.parse(text) as { commit?: string }).commit;
  } catch {
    return undefined;
  }
}

/** What a bug report needs to know of the program and of what runs it. */
export function versionLine({ version, platform, arch }: { version: string; platform: string; arch: string }): string {
  const commit = builtCommit();
  const built = commit === undefined ? '' : `commit ${commit}, `;
  return `${toolName()} (${built}Node.js ${version}, ${platform} ${arch})`;
}

/** As the ledger names this program. */
export function toolName(): string {
  return `countermand ${toolVersion()}`;
}

/** As Defender is told of it. */
export function userAgent(): string {
  return `countermand/${toolVersion()}`;
}
