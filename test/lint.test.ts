import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

/** Files that break a layer, each by one line that a hurried hand might write. */
const PLANTED: readonly (readonly [what: string, file: string, line: string])[] = [
  ['a base file that knows a room', 'src/clock.ts', "import '../src/job/job.ts';"],
  ['a dispatcher that knows the API', 'src/http/planted.ts', "import '../defender/client.ts';"],
  ['an intake that calls Defender', 'src/intake/planted.ts', "import '../defender/client.ts';"],
  ['a ledger that knows its store', 'src/ledger/planted.ts', "import '../store/folder/lock.ts';"],
  ['a run state that knows the engine', 'src/ledger/state/planted.ts', "import '../../engine/session.ts';"],
  ['a quota that knows its backend', 'src/quota/planted.ts', "import './local/local-quota.ts';"],
  ['a gate that knows the quota backend', 'src/quota/gate/planted.ts', "import '../local/limiter.ts';"],
  ['an identity that knows the command line', 'src/identity/planted.ts', "import '../cli/command.ts';"],
  ['a job that reports', 'src/job/planted.ts', "import '../report/text.ts';"],
  ['an API that knows what a run is', 'src/defender/planted.ts', "import '../engine/session.ts';"],
  ['an API that opens a store', 'src/defender/planted-store.ts', "import '../store/store.ts';"],
  ['a store that calls Defender', 'src/store/planted.ts', "import '../defender/client.ts';"],
  ['a folder that knows the engine', 'src/store/folder/planted.ts', "import '../../engine/guards.ts';"],
  ['an engine that shows something', 'src/engine/planted.ts', "import '../report/text.ts';"],
  ['an engine that builds its parts', 'src/engine/planted-run.ts', "import '../run/assemble.ts';"],
  ['an engine that knows files', 'src/engine/planted-folder.ts', "import '../store/folder/hold.ts';"],
  ['an engine that knows the quota backend', 'src/engine/planted-quota.ts', "import '../quota/local/local-quota.ts';"],
  ['a report that asks the engine', 'src/report/planted.ts', "import '../engine/guards.ts';"],
  ['a report that opens files', 'src/report/facts/planted.ts', "import '../../store/folder/read.ts';"],
  ['a report that knows the quota backend', 'src/report/planted-quota.ts', "import '../quota/local/held-window.ts';"],
  ['a run that knows the command line', 'src/run/planted.ts', "import '../cli/machine.ts';"],
  ['a run that knows files', 'src/run/planted-folder.ts', "import '../store/folder/file-disk.ts';"],
  ['a run that knows the quota backend', 'src/run/planted-quota.ts', "import '../quota/local/local-quota.ts';"],
  ['a run that loads the command line later', 'src/run/planted-lazy.ts', "await import('../cli/machine.ts');"],
  ['a worker that knows the command line', 'src/fleet/planted.ts', "import '../cli/machine.ts';"],
  ['a command that knows files', 'src/cli/planted.ts', "import '../store/folder/file-disk.ts';"],
  ['a command that practises', 'src/cli/commands/planted.ts', "import '../../sandbox/start-sandbox.ts';"],
  ['a sandbox that shares our assumptions', 'src/sandbox/planted.ts', "import '../ledger/record.ts';"],
  ['a file that is read outside of the folder store', 'src/run/planted-fs.ts', "import 'node:fs/promises';"],
  ['a file that is read by the engine', 'src/engine/planted-fs.ts', "import 'node:fs';"],
  ['Bottleneck outside of the local quota', 'src/quota/planted-bottleneck.ts', "import 'bottleneck';"],
  ['a database outside of its store', 'src/store/folder/planted-pg.ts', "import 'pg';"],
  ['pg-boss outside of the fleet', 'src/run/planted-boss.ts', "import 'pg-boss';"],
  ['yargs outside of the command line', 'src/run/planted-yargs.ts', "import 'yargs';"],
  ['a terminal outside of the command line', 'src/run/planted-tty.ts', "import 'node:tty';"],
  ['a question outside of the command line', 'src/engine/planted-question.ts', "import 'node:readline/promises';"],
  ['the process outside of the command line', 'src/run/planted-process.ts', 'export const pid = process.pid;'],
  ['the process in the engine, by its module', 'src/engine/planted-process.ts', "import 'node:process';"],
];

/** The same places with what is allowed there. */
const ALLOWED: readonly (readonly [what: string, file: string, line: string])[] = [
  ['a folder store reads files', 'src/store/folder/allowed.ts', "import 'node:fs/promises';"],
  ['a folder store takes the ledger', 'src/store/folder/allowed-ledger.ts', "import '../../ledger/record.ts';"],
  ['the local quota takes Bottleneck', 'src/quota/local/allowed.ts', "import 'bottleneck';"],
  ['the database store takes pg', 'src/store/postgres/allowed.ts', "import 'pg';"],
  ['the fleet takes pg-boss', 'src/fleet/allowed.ts', "import 'pg-boss';"],
  ['the command line takes yargs', 'src/cli/allowed.ts', "import 'yargs';"],
  ['the command line knows its process', 'src/cli/allowed-process.ts', 'export const pid = process.pid;'],
  ['the real machine takes the backends', 'src/cli/machine.ts', "import '../store/folder/file-disk.ts';"],
  [
    'a run takes engine and report',
    'src/run/allowed.ts',
    "import '../engine/session.ts';\nimport '../report/text.ts';",
  ],
  ['the engine takes the API', 'src/engine/allowed.ts', "import '../defender/client.ts';"],
  ['a report takes the ledger', 'src/report/allowed.ts', "import '../ledger/record.ts';"],
];

let folder: string;
/** Paths of the planted files that the linter's layer rules find fault with. */
let found: Set<string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'countermand-lint-'));
  const config = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8')) as Record<string, unknown>;
  const { $schema: _schema, vcs: _vcs, ...rules } = config;
  writeFileSync(join(folder, 'biome.json'), JSON.stringify(rules));
  for (const [, file, line] of [...PLANTED, ...ALLOWED]) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), `${line}\nexport {};\n`);
  }
  const args = [
    'lint',
    '--reporter=json',
    '--max-diagnostics=none',
    '--only=style/noRestrictedImports',
    '--only=style/noRestrictedGlobals',
    'src',
  ];
  const biome = join(ROOT, 'node_modules/@biomejs/biome/bin/biome');
  const { stdout, stderr } = spawnSync(process.execPath, [biome, ...args], { cwd: folder, encoding: 'utf8' });
  expect(stdout, stderr).toContain('"diagnostics"');
  const { diagnostics } = JSON.parse(stdout.slice(stdout.indexOf('{'))) as { diagnostics: Diagnostic[] };
  found = new Set(diagnostics.map(({ location }) => pathOf(location)));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the linter', () => {
  it.each(PLANTED)('the linter finds %s', (_what, file) => {
    expect(found).toContain(file);
  });

  it.each(ALLOWED)('the linter lets through that %s', (_what, file) => {
    expect(found).not.toContain(file);
  });

  it('the linter gives a reason for every layer that it holds', () => {
    const { overrides } = JSON.parse(readFileSync(join(ROOT, 'biome.json'), 'utf8')) as { overrides: Override[] };
    const patterns = overrides.flatMap(
      ({ linter }) => linter?.rules?.style?.noRestrictedImports?.options.patterns ?? [],
    );
    expect(patterns.length).toBeGreaterThan(10);
    for (const { message } of patterns) expect(message.split(' ').length).toBeGreaterThan(5);
  });
});

interface Diagnostic {
  location: { path: string | { file: string } };
}

interface Override {
  linter?: { rules?: { style?: { noRestrictedImports?: { options: { patterns: { message: string }[] } } } } };
}

function pathOf({ path }: Diagnostic['location']): string {
  return typeof path === 'string' ? path : path.file;
}
