// Takes the pictures of the README from reports that the demo has written:
//   node test/report/screenshots.mjs docs report=OUT/report.html plan=plan.html
// Each becomes docs/NAME.png, its first screen at 1280 by 800; NAME-dark.png is the same in the dark.
import { mkdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { chromium } from 'playwright-core';

const [folder, ...shots] = process.argv.slice(2);
if (folder === undefined || shots.length === 0) {
  throw new Error('name the folder for the pictures, then NAME=FILE.html for each report');
}
await mkdir(folder, { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-background-networking'],
});
try {
  for (const shot of shots) {
    const [name, file = ''] = shot.split('=');
    for (const colorScheme of ['light', 'dark']) {
      const page = await browser.newPage({ viewport: { width: 1280, height: 800 }, colorScheme });
      await page.goto(pathToFileURL(resolve(file)).href);
      const path = join(folder, colorScheme === 'dark' ? `${name}-dark.png` : `${name}.png`);
      await page.screenshot({ path });
      await page.close();
      console.log(path);
    }
  }
} finally {
  await browser.close();
}
