import { buildJson, IN_EXECUTABLE, packageJson } from './own-files.ts';

/** From package.json, so that there is one place for it. */
function toolVersion(): string {
  return packageJson().version;
}

/** What a bug report needs to know of the program and of what runs it. */
export function versionLine({ version, platform, arch }: { version: string; platform: string; arch: string }): string {
  // None where it was not built in a clone, or not built at all.
  const commit = buildJson()?.commit;
  const built = commit === undefined ? '' : `commit ${commit}, `;
  // Whose Node it is: the machine's, or the one that the executable brought along.
  const brought = IN_EXECUTABLE ? ' in a single executable' : '';
  return `${toolName()} (${built}Node.js ${version}${brought}, ${platform} ${arch})`;
}

/** As the ledger names this program. */
export function toolName(): string {
  return `countermand ${toolVersion()}`;
}

/** As Defender is told of it. */
export function userAgent(): string {
  return `countermand/${toolVersion()}`;
}
