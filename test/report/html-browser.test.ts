import { readFileSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { needsLook, OUTCOME_NAMES } from '../../src/ledger/outcomes.ts';
import { campaignSummary } from '../../src/report/facts/campaign-summary.ts';
import { summarise } from '../../src/report/facts/summary.ts';
import type { LedgerView } from '../../src/report/facts/view.ts';
import { campaignPage } from '../../src/report/html/campaign-page.ts';
import { htmlPage } from '../../src/report/html/page.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';
import { launchBrowser, NO_BROWSER } from './browser.ts';
import { RUN, T0 } from './records.ts';
import { EVERY_FATE, type Fate, planStory, runStory } from './stories.ts';
import { viewOf } from './views.ts';

const nowMs = T0 + 86_400_000;
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');

/** Names that try to run, in every place that somebody else may fill. */
const HOSTILE = [
  '<script>window.injected = 1</script>',
  '"><img src=x onerror="window.injected = 2">',
  "'-window.injected-'",
  '</script><script>window.injected = 3</script>',
  '<svg/onload=window.injected=4>',
  '\u202Egnp.exe',
  'javascript:window.injected=5',
  '\u{1F4BB} emoji & <b>bold</b>',
];
const hostileFates: Fate[] = HOSTILE.flatMap((text) => [
  { outcome: 'failed', http: 400, code: text, detail: text, computer: text, requestor: text, type: text, status: text },
  { outcome: 'ran-anyway', computer: text, requestor: text, ended: 'Succeeded' },
]);
const manyLooks: Fate[] = Array.from({ length: 80 }, (_, i) => ({
  outcome: i % 3 === 0 ? 'forbidden' : 'failed',
  http: i % 3 === 0 ? 403 : 500 + (i % 4),
  code: `Code${i}`,
  computer: `host-${(i * 37) % 80}.corp`,
}));

function hostileRun() {
  const records = runStory({ fates: hostileFates }).map((record) => {
    if (record.kind === 'reject') return { ...record, text: HOSTILE[record.line % HOSTILE.length] ?? '' };
    if (record.kind !== 'open') return record;
    // No job of a ledger has a name with a slash.
    const [path, comment, name] = HOSTILE;
    const job = { ...FROZEN_JOB, name, comment, source: { kind: 'file', path } };
    return { ...record, tenant: path ?? '', tool: path ?? '', job };
  });
  return viewOf(records, `ledgers/${HOSTILE[1]}.jsonl`);
}

/** Of each of these ledgers, and one that cannot be read. */
function campaignOf(views: readonly LedgerView[]) {
  const unread = [{ name: `stuck/${HOSTILE[1]}`, tenant: HOSTILE[0] ?? '', reason: 'line 1 is no record' }];
  return campaignSummary('stuck', { runs: views.map((view) => summarise([view], { nowMs })), unread }, nowMs);
}

const title = NO_BROWSER === undefined ? 'in a browser' : `in a browser (skipped: ${NO_BROWSER})`;

describe.skipIf(NO_BROWSER !== undefined)(`the HTML report ${title}`, () => {
  let folder: string;
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const faults: string[] = [];

  const run = viewOf(runStory({ fates: [...EVERY_FATE, ...manyLooks] }));
  const summary = summarise([run], { nowMs });
  const plan = planStory();
  const planView = viewOf(plan.records);
  const later = viewOf(
    runStory({ from: 5, run: `9${RUN.slice(1)}`, startAtMs: T0 + 7_200_000 }),
    'ledgers/later.jsonl',
  );
  const done = viewOf(runStory({ fates: EVERY_FATE.slice(0, 2) }).filter(({ kind }) => kind !== 'reject'));

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'countermand-html-'));
    const pages = {
      run: await htmlPage(summary, [run]),
      hostile: await htmlPage(summarise([hostileRun()], { nowMs }), [hostileRun()]),
      merged: await htmlPage(summarise([run, later], { nowMs }), [run, later]),
      done: await htmlPage(summarise([done], { nowMs }), [done]),
      empty: await htmlPage(summarise([viewOf(runStory({ fates: [] }))], { nowMs }), [viewOf(runStory({ fates: [] }))]),
      campaign: campaignPage(campaignOf([done, planView, run, hostileRun()]), (run) => `${run.length}/report.html`),
      plan: await htmlPage(summarise([planView], { nowMs, plan: plan.facts }), [planView], { plan: plan.facts }),
    };
    for (const [name, text] of Object.entries(pages)) await writeFile(join(folder, `${name}.html`), text);
    browser = await launchBrowser();
    page = await browser.newPage();
    page.on('request', (request) => requests.push(request.url()));
    page.on('console', (message) => faults.push(message.text()));
    page.on('pageerror', (error) => faults.push(error.message));
  });

  afterAll(async () => {
    await browser?.close();
    await rm(folder, { recursive: true, force: true });
  });

  async function open(name: string, { width = 1280, dark = false } = {}): Promise<void> {
    await page.setViewportSize({ width, height: width < 600 ? 844 : 800 });
    await page.emulateMedia({ media: 'screen', colorScheme: dark ? 'dark' : 'light' });
    requests.length = 0;
    faults.length = 0;
    await page.goto(pathToFileURL(join(folder, `${name}.html`)).href);
  }

  const number = async (name: string) =>
    Number((await page.locator(`[data-count="${name}"]`).first().textContent())?.replaceAll(',', ''));

  test.each([1280, 390])('the HTML report shows the counts of the ledger at %i px', async (width) => {
    await open('run', { width });
    const counts = run.state.counts();
    for (const name of OUTCOME_NAMES.filter((each) => counts[each] > 0)) expect(await number(name)).toBe(counts[name]);
    const looks = OUTCOME_NAMES.filter(needsLook).reduce((sum, name) => sum + counts[name], 0);
    expect(await number('needs-look')).toBe(looks);
    expect(await page.locator('#looks').locator('xpath=ancestor::section').locator('tbody tr').count()).toBe(looks);
    expect(await number('calls-cancel')).toBe(run.state.calls.cancel);
    expect(await page.locator('[data-head]').textContent()).toBe(run.head);
  });

  test.each(['run', 'merged', 'plan', 'hostile', 'campaign'])(
    'the HTML report asks for nothing but itself, and nothing in it is refused: %s',
    async (name) => {
      await open(name);
      expect(requests).toEqual([pathToFileURL(join(folder, `${name}.html`)).href]);
      expect(faults).toEqual([]);
    },
  );

  test.each([1280, 390])(
    'answers on the first screen at %i px whether it worked and when it was over',
    async (width) => {
      await open('run', { width });
      const height = page.viewportSize()?.height ?? 0;
      for (const selector of [
        'h1',
        '.sentence',
        '.timing',
        ...(width > 600 ? ['.next', '.bar.large', '.tally'] : []),
      ]) {
        const box = await page.locator(selector).first().boundingBox();
        expect((box?.y ?? 0) + (box?.height ?? Number.NaN), selector).toBeLessThan(height);
      }
    },
  );

  test.each(['run', 'merged', 'plan', 'hostile', 'done', 'empty', 'campaign'])(
    'the HTML report is never wider than a phone: %s',
    async (name) => {
      await open(name, { width: 390 });
      expect(await page.evaluate('document.documentElement.scrollWidth')).toBeLessThanOrEqual(390);
    },
  );

  test('the HTML report runs nothing that names, comments or requestors brought along', async () => {
    await open('hostile');
    for (const folded of await page.locator('details > summary').all()) await folded.click();
    for (const control of await page.locator('th button').all()) await control.click();
    await page.locator('input[type=search]').first().fill('<script>');
    expect(await page.evaluate('window.injected')).toBeUndefined();
    expect(await page.locator('script').count()).toBe(1);
    expect(await page.locator('img, iframe, object, embed, link, form').count()).toBe(0);
    expect(
      await page
        .locator('bdi', { hasText: HOSTILE[0] ?? '' })
        .first()
        .textContent(),
    ).toBe(HOSTILE[0]);
    expect(await page.evaluate('document.body.innerText.includes("\\u202E")')).toBe(false);
  });

  test('the HTML report would not run an injected script either: its policy stands in the way', async () => {
    await open('run');
    await page.evaluate(`{
      const script = document.createElement('script');
      script.textContent = 'window.injected = 9';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<img src="https://example.invalid/x.png" onerror="window.injected = 8">');
    }`);
    expect(await page.evaluate('window.injected')).toBeUndefined();
    const refused = faults.filter((fault) => fault.includes('Content Security Policy'));
    expect(refused.some((fault) => fault.includes('script-src'))).toBe(true);
    expect(refused.some((fault) => fault.includes("default-src 'none'"))).toBe(true);
  });

  const lookRows = (of: Page) => of.locator('#looks').locator('xpath=ancestor::section').locator('tbody tr:visible');
  const rows = () => lookRows(page);
  const column = async (index: number): Promise<string[]> =>
    rows().locator(`td:nth-child(${index}) :is(bdi, .dot)`).allTextContents();

  test('the HTML report sorts by a column, first up, then down, by mouse and by keyboard', async () => {
    await open('run');
    const more = page.getByRole('button', { name: 'Show more rows' }).first();
    await more.click();
    const outcome = page.getByRole('button', { name: 'Outcome' });
    await outcome.click();
    const up = await column(1);
    expect(up).toEqual([...up].sort());
    expect(await page.locator('th[aria-sort]').first().getAttribute('aria-sort')).toBe('ascending');
    await outcome.focus();
    await page.keyboard.press('Enter');
    const down = await column(1);
    expect(down).toEqual([...down].sort().reverse());
    expect(new Set(down).size).toBeGreaterThan(3);
  });

  test('the HTML report sorts numbers in names as numbers', async () => {
    await open('run');
    await page.locator('input[type=search]').first().fill('corp');
    await page.locator('select').first().selectOption('forbidden');
    await page.getByRole('button', { name: 'Device' }).first().click();
    const names = await column(2);
    const numbers = names.filter((name) => name.startsWith('host-')).map((name) => Number(/\d+/.exec(name)?.[0]));
    expect(numbers.length).toBeGreaterThan(10);
    expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  });

  test('the HTML report filters by words and by outcome, and says how many are left', async () => {
    await open('run');
    await page.locator('input[type=search]').first().fill('Code3');
    expect(await rows().count()).toBe(11);
    await page.locator('select').first().selectOption('forbidden');
    const left = manyLooks.filter(({ code, outcome }) => code?.startsWith('Code3') && outcome === 'forbidden').length;
    expect(await rows().count()).toBe(left);
    const status = page.locator('[role=status]').first();
    expect(await status.textContent()).toBe(`${left} of ${left} matching rows shown, ${summary.needsLook} in all`);
    await page.locator('input[type=search]').first().fill('');
    await page.locator('select').first().selectOption('');
    expect(await rows().count()).toBe(25);
    expect(await status.textContent()).toBe(`25 of ${summary.needsLook} rows shown`);
  });

  test('the HTML report shows every row on paper, whatever the screen shows', async () => {
    await open('run');
    await page.emulateMedia({ media: 'print' });
    expect(await rows().count()).toBe(summary.needsLook);
    expect(await page.locator('.tools:visible').count()).toBe(0);
  });

  test('the HTML report shows every row without its script', async () => {
    const context = await browser.newContext({ javaScriptEnabled: false });
    const still = await context.newPage();
    await still.goto(pathToFileURL(join(folder, 'run.html')).href);
    expect(await lookRows(still).count()).toBe(summary.needsLook);
    expect(await still.locator('.tools:visible').count()).toBe(0);
    await context.close();
  });

  const looks = [
    { name: 'run', width: 1280, dark: false },
    { name: 'run', width: 1280, dark: true },
    { name: 'run', width: 390, dark: false },
    { name: 'run', width: 390, dark: true },
    { name: 'plan', width: 1280, dark: false },
    { name: 'plan', width: 390, dark: true },
    { name: 'merged', width: 1280, dark: true },
    { name: 'done', width: 390, dark: false },
    { name: 'empty', width: 1280, dark: false },
    { name: 'campaign', width: 1280, dark: false },
    { name: 'campaign', width: 390, dark: true },
  ];
  test.each(looks)(
    'the HTML report has no fault that axe calls serious: $name at $width px, dark $dark',
    async ({ name, ...look }) => {
      await open(name, look);
      await page.evaluate(axe);
      const found = (await page.evaluate('axe.run()')) as {
        violations: { id: string; impact: string; nodes: { html: string }[] }[];
      };
      const serious = found.violations.filter(({ impact }) => impact === 'serious' || impact === 'critical');
      expect(serious.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`)).toEqual([]);
    },
  );

  test('the HTML report of a plan shows the head to approve, the forecast and what is left out', async () => {
    await open('plan');
    expect(await page.locator('.head[data-head]').textContent()).toBe(planView.head);
    expect(await page.locator('#forecast').isVisible()).toBe(true);
    expect(await page.getByText('only type Isolate').first().isVisible()).toBe(true);
    expect(await number('cancel')).toBe(12);
  });
});
