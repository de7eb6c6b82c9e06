import { execFileSync } from 'node:child_process';
import { readdir, readFile } from 'node:fs/promises';
import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { id, ids, open, openHarness } from '../support/harness.ts';
import { openTerminal } from './terminal.ts';

describe.concurrent('at a terminal', () => {
  it('12,000 actions are listed into a run that asks there, although its stdin is the pipe', async () => {
    const created = new Date(Date.now() - 60_000).toISOString();
    const old = new Date(Date.now() - 5 * 3_600_000).toISOString();
    await using harness = await openHarness({
      actions: [
        ...ids(12_000).map((each, n) => ({
          id: each,
          // All but five are over, foreign or too old, so that one answer is enough to see what was asked for.
          type: n % 2 === 0 ? 'Isolate' : 'Offboard',
          status: n < 10 ? 'Pending' : 'Succeeded',
          creationDateTimeUtc: created,
        })),
        { id: id(20_000), status: 'Pending', creationDateTimeUtc: old },
      ],
    });
    await using terminal = openTerminal(
      'countermand list --created-after 2h | countermand run - --only-type Isolate --confirm-for 0 --comment "INC-4711" --ledger ledgers/piped.jsonl',
      { cwd: harness.folder, env: harness.env },
    );

    await terminal.shows('Cancel 5 actions in tenant 5a0dbc0c-7d53-4e1c-9f6e-000000000001? [y/N]');
    const { log } = harness.sandbox;
    expect(log.count('cancel')).toBe(0);
    const pages = log.entries.filter(({ route, ids: asked }) => route === 'list' && asked.length === 0);
    expect(pages).toHaveLength(2);
    terminal.types('y\n');

    expect(await terminal.ended, terminal.screen).toBe(3);
    expect(log.effective().sort()).toEqual([id(1), id(3), id(5), id(7), id(9)]);
    expect(log.of(id(20_000))).toEqual([]);
  });

  const toTheEnd = ['--yes', '--quota', '1/10m'];
  it.each([
    ['during the question ends it in order', [], '[y/N]', 'kill -HUP $pid', 129, 'interrupted'],
    ['during the run ends it in order', toTheEnd, 'quota left 0/1', 'kill -HUP $pid', 129, 'interrupted'],
    ['during the question is a no, where the shell keeps the signal to itself', [], '[y/N]', ':', 2, 'planned'],
  ])(
    'a terminal that is closed %s',
    async (_, flags, shown, onHangUp, code, reason) => {
      await using harness = await openHarness({ actions: open(3) });
      await harness.file('ids.txt', ids(3));
      execFileSync('mkfifo', [harness.path('ended')]);
      const run = `countermand run ids.txt --comment "INC-4711" --screen never ${flags.join(' ')}`;
      // The shell outlives its terminal, to tell how the command ended. The first wait ends with the signal.
      const script = `trap '${onHangUp}' HUP; ${run} < /dev/tty & pid=$!; wait $pid; wait $pid; echo $? > ended`;
      await using terminal = openTerminal(script, { cwd: harness.folder, env: harness.env });
      const ended = readFile(harness.path('ended'), 'utf8');
      await terminal.shows(shown);
      terminal.hangUp();
      expect(await ended).toBe(`${code}\n`);
      const records = await harness.records('ledgers/ids.jsonl');
      expect(records.at(-1)).toMatchObject({ kind: 'close', reason });
      expect(await readdir(harness.path('ledgers'))).toEqual(['ids.jsonl']);
    },
    60_000,
  );

  it('what list | run cancels with --yes is what the filter names', async () => {
    const created = new Date(Date.now() - 60_000).toISOString();
    await using harness = await openHarness({
      actions: ids(30).map((each, n) => ({
        id: each,
        type: n % 3 === 0 ? 'Isolate' : 'RunAntiVirusScan',
        status: n % 2 === 0 ? 'Pending' : 'Succeeded',
        creationDateTimeUtc: created,
      })),
      list: { pageSize: 2 },
    });
    await using terminal = openTerminal(
      'countermand list --type Isolate --status Pending --created-after 2h | countermand run - --comment "INC-4711" --confirm-for 0 --yes',
      { cwd: harness.folder, env: harness.env },
    );
    expect(await terminal.ended, terminal.screen).toBe(3);
    expect(harness.sandbox.log.effective().sort()).toEqual(ids(30).filter((_, n) => n % 6 === 0));
  });

  it('a list that breaks off gives the run behind the pipe nothing to cancel', async () => {
    await using harness = await openHarness({
      actions: open(30).map((action) => ({ ...action, creationDateTimeUtc: new Date().toISOString() })),
      list: { pageSize: 10 },
      faults: ({ route }, n) => (route === 'list' && n > 2 ? { kind: 'forbidden' } : undefined),
    });
    await using terminal = openTerminal(
      'countermand list --status Pending | countermand run - --comment "INC-4711" --confirm-for 0 --yes',
      { cwd: harness.folder, env: harness.env },
    );
    expect(await terminal.ended, terminal.screen).toBe(2);
    expect(harness.sandbox.log.count('list')).toBe(3);
    expect(terminal.screen).toMatch(/stdin is\s+empty/);
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });

  it('no is no: nothing is cancelled, and the list is kept to be asked about again', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    const { env, folder: cwd } = harness;
    {
      await using first = openTerminal('countermand run ids.txt --comment INC-4711 --confirm-for 0', { cwd, env });
      await first.shows('Cancel 3 actions');
      first.types('n\n');
      expect(await first.ended, first.screen).toBe(2);
      expect(first.screen).toContain('nothing was cancelled');
    }
    expect(harness.sandbox.log.count('cancel')).toBe(0);
    await using second = openTerminal('countermand run ledgers/ids.jsonl', { cwd, env });
    await second.shows('Cancel 3 actions');
    second.types('y\n');
    expect(await second.ended, second.screen).toBe(3);
    expect(harness.sandbox.log.effective()).toHaveLength(3);
  });

  it('Ctrl-C at the question ends it with 130, and Ctrl-D is no', async () => {
    await using harness = await openHarness({ actions: open(3) });
    await harness.file('ids.txt', ids(3));
    const { env, folder: cwd } = harness;
    for (const [key, code] of [
      ['\u0003', 130],
      ['\u0004', 2],
    ] as const) {
      await using terminal = openTerminal('countermand run ids.txt --comment INC-4711', { cwd, env });
      await terminal.shows('[y/N]');
      terminal.types(key);
      expect(await terminal.ended, terminal.screen).toBe(code);
    }
    expect(harness.sandbox.log.count('cancel')).toBe(0);
  });

  it('--first shows what became of the first ones and asks before the rest', async () => {
    await using harness = await openHarness({ actions: open(6) });
    await harness.file('ids.txt', ids(6));
    const { env, folder: cwd } = harness;
    await using terminal = openTerminal('countermand run ids.txt --comment INC-4711 --first 2', { cwd, env });
    await terminal.shows('Cancel 6 actions');
    terminal.types('y\n');
    await terminal.shows('The first 2: 2 cancelled');
    await terminal.shows('Cancel the rest? [y/N]');
    expect(harness.sandbox.log.effective()).toHaveLength(2);
    terminal.types('y\n');
    expect(await terminal.ended, terminal.screen).toBe(0);
    expect(harness.sandbox.log.effective()).toHaveLength(6);
  });

  it('the bar fits on one line at 80 columns, and at a terminal that tells no size', async () => {
    for (const columns of [80, 0]) {
      await using harness = await openHarness({ actions: open(12), windows: '8/2s,100/1h' });
      await harness.file('ids.txt', ids(12));
      const { env, folder: cwd } = harness;
      const line = 'countermand run ids.txt --comment INC-4711 --yes --confirm-for 0';
      await using terminal = openTerminal(line, { cwd, env, columns });
      expect(await terminal.ended, terminal.screen).toBe(3);
      // Each picture begins by moving the cursor to the first column.
      const pictures = terminal.screen
        .replaceAll('\r', '\n')
        .split('\n')
        .map(plain)
        .filter((text) => /^[█▒░]/.test(text));
      expect(pictures.length).toBeGreaterThan(3);
      expect(Math.max(...pictures.map((text) => text.length))).toBeLessThan(80);
      expect(
        pictures.some((text) => /^[█▒░]{8} {2}\d+\/12 {2}\d+ s left {2}quota left \d\/8, \d+\/100/.test(text)),
      ).toBe(true);
    }
  });
});

/** The text without what moves the cursor and paints. */
function plain(text: string): string {
  return stripVTControlCharacters(text);
}
