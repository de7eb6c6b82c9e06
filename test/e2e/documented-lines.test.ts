import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type Harness, id, ids, openHarness } from '../support/harness.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const PAGES = ['README.md', 'docs/operations.md', 'docs/sign-in.md', 'docs/settings.md'] as const;

/** Lines that begin so are not run here, and why. */
const NOT_HERE: readonly (readonly [begins: string, why: string])[] = [
  ['npm ci && npm run demo', 'asks npm’s registry; the check runs both halves'],
  ['npm ci && npm test', 'asks npm’s registry; the check runs both halves'],
  ['npm ci && npm link', 'asks npm’s registry; .ci/package.sh installs in each way'],
  ['export AZURE_TENANT_ID=…', 'values of the reader stand there'],
  ['docker build', 'needs a container engine; .ci/image.sh builds the image and runs a job in it'],
  ['docker run', 'needs a container engine; the images’ arguments are read by test/deploy'],
  ['kubectl ', 'needs a cluster; test/deploy holds the manifests to the schema of Kubernetes'],
  ['az ad app federated-credential', 'needs Azure CLI and a tenant'],
  ['id=$(az ', 'needs Azure CLI and a tenant'],
  ['api=$(az ', 'needs Azure CLI and a tenant'],
  ['for name in Machine.Isolate', 'needs Azure CLI and a tenant'],
  ...[
    'export COUNTERMAND_STORE=',
    'countermand store ',
    'countermand resume incident',
    'countermand stop ',
    'countermand submit',
    'countermand worker',
    'countermand campaign ',
    'countermand status stuck',
    'countermand report stuck',
  ].map(
    (begins) =>
      [begins, 'needs a database; store, fleet and campaign.test.ts in test/e2e run such lines on one'] as const,
  ),
  ['countermand run SOURCE', 'a form: what it lacks, the comment, stands in the lines that are run'],
];

/** They go on until Ctrl-C. */
const UNTIL_STOPPED: readonly (readonly [line: string, shows: string])[] = [
  ['countermand sandbox', 'AZURE_CLIENT_ID'],
  ['countermand status --watch', 'before'],
];

interface Line {
  text: string;
  /** From 1. */
  at: number;
}

/** What a shell takes as one: a loop, a text over several lines and a line that goes on in the next are whole. */
function isWhole(text: string): boolean {
  return !text.endsWith('\\') && spawnSync('bash', ['-n', '-c', text]).status === 0;
}

/** Every line of the page's shell blocks, and every command in its text, in their order. */
function linesOf(page: string): Line[] {
  const lines: Line[] = [];
  let inBlock: 'sh' | 'other' | undefined;
  let begun = '';
  for (const [index, raw] of page.split('\n').entries()) {
    const fence = /^\s*```(\w*)/.exec(raw);
    if (fence !== null) inBlock = inBlock === undefined ? (fence[1] === 'sh' ? 'sh' : 'other') : undefined;
    else if (inBlock === 'sh') {
      if (begun === '' && /^\s*(#|$)/.test(raw)) continue;
      begun += begun === '' ? raw.trim() : `\n${raw.trim()}`;
      if (!isWhole(begun)) continue;
      lines.push({ text: begun, at: index + 1 });
      begun = '';
    } else if (inBlock === undefined) {
      for (const [, text = ''] of raw.matchAll(/`(countermand [a-z][^`]*)`/g)) lines.push({ text, at: index + 1 });
    }
  }
  expect(begun, 'a line without its end').toBe('');
  return lines;
}

const documented = PAGES.map((path) => ({
  path,
  lines: linesOf(readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')),
}));

function whyNotHere({ text }: Line): string | undefined {
  return NOT_HERE.find(([begins]) => text.startsWith(begins))?.[1];
}

const BEFORE = 'ledgers/before.jsonl';

/** What stands for something of the reader's, as somebody who has a finished run would put it. */
async function filledIn(text: string, harness: Harness): Promise<string> {
  const ledger = /ledgers\/\S+\.jsonl/.exec(text)?.[0] ?? BEFORE;
  const head = async () => (await harness.records(ledger)).at(-1)?.chain ?? '';
  const values: Record<string, string> = {
    'LEDGER…': BEFORE,
    LEDGER: BEFORE,
    SOURCE: 'before.csv',
    FILE: 'copy.jsonl',
    COMMAND: 'run',
    SHELL: 'bash',
    '[RUN…]': '',
  };
  let filled = text;
  for (const [name, value] of Object.entries(values)) filled = filled.replaceAll(name, value);
  if (/--head (HEAD|[0-9a-f]{32})/.test(filled)) {
    filled = filled.replace(/--head (HEAD|[0-9a-f]{32})/, `--head ${await head()}`);
  }
  return filled;
}

/** A person at the terminal, who says yes, and stops what would go on. */
async function play(terminal: Terminal, line: string): Promise<number | null> {
  const shows = UNTIL_STOPPED.find(([each]) => line === each)?.[1];
  if (shows !== undefined) {
    await terminal.shows(shows);
    terminal.types('\u0003');
  } else if (/^countermand (run|resume) /.test(line)) {
    void terminal.shows('[y/N]').then(
      () => terminal.types('y\n'),
      () => {},
    );
  }
  return terminal.ended;
}

describe('the lines in README and docs', () => {
  it.each(documented.flatMap(({ path, lines }) => (lines.length > 0 ? [[path, lines] as const] : [])))(
    'the lines in %s run as they are written, or stand in the table of those that need something which is not here',
    async (_path, lines) => {
      const created = new Date(Date.now() - 600_000).toISOString();
      await using harness = await openHarness({
        actions: ids(6).map((each) => ({ id: each, creationDateTimeUtc: created })),
      });
      for (const each of ids(2, 100)) harness.sandbox.store.add({ id: each, type: 'LiveResponse' });
      await harness.file('before.csv', ['id', id(100), id(101)]);
      const before = ['run', 'before.csv', '--comment', 'INC-4710', '--yes', '--confirm-for', '10s'];
      expect(await harness.run(before)).toMatchObject({ code: 0 });

      const done = new Set<string>();
      for (const line of lines) {
        if (whyNotHere(line) !== undefined || done.has(line.text)) continue;
        done.add(line.text);
        await using terminal = openTerminal(await filledIn(line.text, harness), {
          cwd: harness.folder,
          env: harness.env,
        });
        const code = await play(terminal, line.text);
        const isStopped = UNTIL_STOPPED.some(([each]) => each === line.text);
        expect(isStopped ? [0, 130] : [0], `line ${line.at}: ${line.text}\n${terminal.screen}`).toContain(code);
      }
      expect(harness.sandbox.log.overQuota()).toBe(0);
    },
  );

  it('the lines that are not run here are all still there', () => {
    const all = documented.flatMap(({ lines }) => lines);
    for (const [begins] of NOT_HERE)
      expect(all.map(({ text }) => text).filter((text) => text.startsWith(begins))).not.toEqual([]);
    for (const [text] of UNTIL_STOPPED) expect(all.map((line) => line.text)).toContain(text);
  });
});
