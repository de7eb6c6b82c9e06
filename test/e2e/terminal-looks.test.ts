import { describe, expect, it } from 'vitest';
import type { ActionSeed } from '../../src/sandbox/sandbox-action.ts';
import { id, ids, open, openHarness } from '../support/harness.ts';
import { drawScreen, type Screen } from '../support/screen.ts';
import { openTerminal, type Terminal } from './terminal.ts';

const QUICK = 'countermand run ids.txt --comment INC-4711 --confirm-for 0';
const RUN = 'countermand run ids.txt --comment INC-4711 --confirm-for 30s';

describe.concurrent('what a person sees at a terminal', () => {
  for (const columns of [80, 120]) {
    it(`a terminal of ${columns} columns shows lookups that move, a steady bar, and a summary that fits and says what is next`, async () => {
      // 2,000 IDs are 20 lookups, one after the other; all but 30 are over.
      await using harness = await openHarness({
        actions: mixed(2000, 30),
        windows: '12/1s,1500/1h',
        faults: ({ route }) => (route === 'list' ? { kind: 'slow', headersMs: 60 } : undefined),
      });
      await harness.file('ids.txt', ids(2000));
      await using terminal = openTerminal(RUN, { cwd: harness.folder, env: harness.env, columns });
      await terminal.shows('[y/N]');
      terminal.types('y\n');
      expect(await terminal.ended, terminal.screen).toBe(3);
      const { screen, pictures } = watch(terminal, columns);

      expect(screen.unknown).toEqual([]);
      expect(screen.wraps).toBe(0);
      expect(screen.cursorHidden).toBe(false);
      const looking = pictures.flatMap((line) => /looking up (\d+)\/2000 /.exec(line)?.[1] ?? []).map(Number);
      expect(new Set(looking).size).toBeGreaterThan(3);
      expect(looking).toEqual(looking.toSorted((a, b) => a - b));
      const cancelling = pictures.filter((line) => /^[█▒░]+ {2}\d+\/2000/.test(line));
      expect(cancelling.length).toBeGreaterThan(3);
      expect(cancelling.every((line) => line.length < columns)).toBe(true);
      // The bar begins and ends in the same columns all the time.
      expect(new Set(cancelling.map((line) => /^[█▒░]+/.exec(line)?.[0].length)).size).toBe(1);
      expect(cancelling.some((line) => line.includes(columns === 80 ? 'quota left' : ' in 1 s'))).toBe(true);

      const text = screen.lines.join('\n');
      // The bars are gone; what was said and the answer stay.
      expect(text).not.toMatch(/[█▒░]/);
      expect(text).toMatch(/Actions +30 on 1 device: Isolate 30\nLeft out +1,970 already finished, of 2,000 actions\n/);
      expect(text).toMatch(
        /\nEnds +\d{4}-[\d-]+ [\d:]+ UTC, in \d+ s, \d+ calls\nOrder +as given, 30 in the first minute\nCancel 30 actions in tenant/,
      );
      expect(text).toMatch(/\[y\/N\] y\n\nDone. Some actions need attention\n30 of 2,000 actions were cancelled/);
      expect(text).toMatch(/Next\n {2}- 1,970 isolations took effect/);
      expect(unwrapped(text)).toContain('they are listed in');
      expect(unwrapped(text)).toContain('ids.jsonl.needs-release.csv');
      expect(unwrapped(text).trimEnd()).toMatch(
        /Exit code 3: finished, but some actions need review[^.]*\. Done. Some actions need attention: 30 of 2,000 actions cancelled and 1,970 may need release\.$/,
      );
      const wide = screen.lines.filter((line) => line.length > Math.min(100, columns) && !/[/]/.test(line));
      expect(wide).toEqual([]);
    });
  }

  it('a pause that Defender asks for is said and counts down', async () => {
    await using harness = await openHarness({
      actions: open(6),
      faults: ({ route, id: asked, nthOfId }) =>
        route === 'cancel' && asked === id(2) && nthOfId === 1 ? { kind: 'too-many', seconds: 3 } : undefined,
    });
    await harness.file('ids.txt', ids(6));
    const { env, folder: cwd } = harness;
    await using terminal = openTerminal(`${RUN} --yes`, { cwd, env });
    expect(await terminal.ended, terminal.screen).toBe(0);
    const { screen, pictures } = watch(terminal, 80);
    const seconds = pictures
      .flatMap((line) => /Defender asks to wait, next try in (\d+) s, /.exec(line)?.[1] ?? [])
      .map(Number);
    expect(new Set(seconds).size).toBeGreaterThanOrEqual(3);
    expect(seconds).toEqual(seconds.toSorted((a, b) => b - a));
    expect(pictures.some((line) => line.includes('quota not used up'))).toBe(true);
    expect(screen.lines.join('\n')).toContain('Done. Nothing needs attention');
    // The exit code is only told when it is not 0.
    expect(screen.lines.join('\n')).not.toContain('Exit code');
  });

  it('Ctrl-C ends the waits, and the summary names the command that goes on', async () => {
    await using harness = await openHarness({ actions: open(40), windows: '10/1m,1500/1h' });
    await harness.file('ids.txt', ids(40));
    const { env, folder: cwd } = harness;
    await using terminal = openTerminal(`${RUN} --yes`, { cwd, env });
    await harness.sandbox.log.until((log) => log.effective().length >= 9);
    terminal.types('\u0003');
    expect(await terminal.ended, terminal.screen).toBe(130);
    const { screen } = watch(terminal, 80);
    const text = screen.lines.join('\n');
    expect(screen.cursorHidden).toBe(false);
    expect(text).toContain('SIGINT: stopping, waiting up to 30 s for calls in flight');
    expect(text).toContain('Interrupted with work left');
    expect(text).toMatch(/Go on with what is left:\n {6}countermand resume \S+ledgers\/ids\.jsonl/);
    expect(unwrapped(text)).toContain('Exit code 130: ');
  });

  it.each([
    ['NO_COLOR', { NO_COLOR: '1' }],
    ['CI', { CI: 'true' }],
    ['a terminal that can do nothing', { TERM: 'dumb' }],
  ])('%s makes the terminal plain: no colour, no line drawing', async (_, more) => {
    await using harness = await openHarness({ actions: open(8), windows: '4/1s,1500/1h' });
    await harness.file('ids.txt', ids(8));
    await using terminal = openTerminal(`${QUICK} --yes`, { cwd: harness.folder, env: { ...harness.env, ...more } });
    expect(await terminal.ended, terminal.screen).toBe(3);
    const { screen } = watch(terminal, 80);
    expect(screen.coloured).toBe(false);
    expect(terminal.screen).not.toMatch(/[─█▒░]/);
    if (!('NO_COLOR' in more)) expect(terminal.screen).not.toContain('\u001b');
    expect(screen.lines.join('\n')).toMatch(/Outcome +Actions {2}Share {2}Action needed {2}Meaning\n-+\n/);
  });

  it('plan and report show the same tables as the run, and the plan the command that starts it', async () => {
    await using harness = await openHarness({ actions: mixed(40, 8) });
    await harness.file('ids.txt', ids(40));
    const { env, folder: cwd } = harness;
    const shown = async (line: string, code: number) => {
      await using terminal = openTerminal(line, { cwd, env });
      expect(await terminal.ended, terminal.screen).toBe(code);
      // Only a command to copy may be longer than the terminal is wide.
      const { lines } = drawScreen(terminal.screen, 1000);
      expect(lines.filter((each) => each.length > 80 && !each.startsWith('      countermand '))).toEqual([]);
      return lines.join('\n');
    };
    const plan = await shown('countermand plan ids.txt', 0);
    expect(plan).toMatch(/Decision +Actions +Meaning\n─+\ncancel +8 /);
    expect(plan).toMatch(/Start exactly this plan:\n {6}countermand run \S+ids\.plan\.jsonl --head [0-9a-f]{16}/);
    const ran = await shown(`${QUICK} --yes`, 3);
    const reported = await shown('countermand report ledgers/ids.jsonl', 0);
    const tables = (text: string) => text.slice(text.indexOf('Outcome '), text.indexOf('\nInput '));
    expect(tables(ran)).toMatch(/^Outcome +Actions +Share +Action needed +Meaning\n─+\n(?:.*\n)+.* +8 +20 %/);
    expect(tables(reported)).toBe(tables(ran));
  });
});

describe.concurrent('list', () => {
  it('is a table with a count to a person, and the same bytes as ever to a pipe', async () => {
    await using harness = await openHarness({ actions: open(3) });
    const { env, folder: cwd } = harness;
    await using terminal = openTerminal('countermand list', { cwd, env });
    expect(await terminal.ended, terminal.screen).toBe(0);
    const lines = drawScreen(terminal.screen, 80).lines.filter((line) => line !== '');
    expect(lines[0]).toMatch(/^ID +Type +Status +Device$/);
    expect(lines.slice(2, 5).every((line) => /^[0-9a-f]{8} {2}Isolate +Pending/.test(line))).toBe(true);
    expect(lines.at(-1)).toBe('3 actions. IDs are cut: a wider terminal, a file or --json has them whole.');
    const piped = await harness.run(['list']);
    expect(piped.stdout.split('\n')[0]).toBe(
      'id,type,status,machineId,computerDnsName,requestor,requestorComment,creationDateTimeUtc',
    );
    expect(piped.stderr).toBe('3 actions.\n');
    expect((await harness.run(['list', '--type', 'LiveResponse', '--json'])).stderr).toBe('No action matches.\n');
  });
});

/** The screen at the end, and each picture of a line before the cursor went back to its beginning. */
function watch(terminal: Terminal, columns: number): { screen: Screen; pictures: string[] } {
  const pictures: string[] = [];
  const screen = drawScreen(terminal.screen, columns, (line) => {
    if (line !== '') pictures.push(line);
  });
  return { screen, pictures };
}

/** Isolations of which the first few are open and the others over. */
function mixed(count: number, waiting: number): ActionSeed[] {
  return ids(count).map((each, n) => ({ id: each, status: n < waiting ? 'Pending' : 'Succeeded' }));
}

function unwrapped(text: string): string {
  return text.replaceAll(/\n */g, ' ');
}
