import { readFileSync } from 'node:fs';

/** From package.json, so that there is one place for it. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** As the ledger names this program. */
export function toolName(): string {
  return `countermand ${toolVersion()}`;
}

/** As Defender is told of it. */
export function userAgent(): string {
  return `countermand/${toolVersion()}`;
}
