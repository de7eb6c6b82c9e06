import { existsSync } from 'node:fs';
import { type Browser, chromium } from 'playwright-core';

const path = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const present = existsSync(path);

/** Why there is no browser to test in; undefined where there is one. In CI its absence is a failure, not a reason to skip. */
export const NO_BROWSER =
  present || process.env['CI'] === 'true' ? undefined : `no Chromium at ${path}; set CHROMIUM to its path`;

export async function launchBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: path,
    args: [
      '--headless=new',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
