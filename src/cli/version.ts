import { readFileSync } from 'node:fs';

/** From package.json, so that there is one place for it. */
export function toolVersion(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}

/** As the ledger and the `User-Agent` name this program. */
export function toolName(): string {
  return `countermand ${toolVersion()}`;
}
