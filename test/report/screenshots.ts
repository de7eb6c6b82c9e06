import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { PageOptions } from '../../src/report/html/page.ts';
import { htmlPage } from '../../src/report/html/page.ts';
import { summarise } from '../../src/report/summary.ts';
import type { LedgerView } from '../../src/report/view.ts';
import { launchBrowser } from './browser.ts';

export interface Shot {
  /** Name of the picture, without ending. */
  name: string;
  views: readonly LedgerView[];
  plan?: PageOptions['plan'];
  nowMs: number;
  width?: number;
  height?: number;
  dark?: boolean;
}

/** Pictures of the first screen of each report, as small PNG files in `folder`. Returns their paths. */
export async function takeScreenshots(folder: string, shots: readonly Shot[]): Promise<string[]> {
  const pages = await mkdtemp(join(tmpdir(), 'countermand-shots-'));
  const browser = await launchBrowser();
  const paths: string[] = [];
  try {
    await mkdir(folder, { recursive: true });
    for (const { name, views, plan, nowMs, width = 1280, height = 800, dark = false } of shots) {
      const file = join(pages, `${name}.html`);
      await writeFile(file, await htmlPage(summarise(views, { nowMs, plan }), views, { plan }));
      const page = await browser.newPage({ viewport: { width, height }, colorScheme: dark ? 'dark' : 'light' });
      await page.goto(pathToFileURL(file).href);
      const path = join(folder, `${name}.png`);
      await page.screenshot({ path });
      await page.close();
      paths.push(path);
    }
  } finally {
    await browser.close();
    await rm(pages, { recursive: true, force: true });
  }
  return paths;
}
