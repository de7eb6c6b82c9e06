import { describe, expect, it } from 'vitest';
import type { Command } from '../../src/cli/command.ts';
import { COMMAND_NAMES, COMMANDS } from '../../src/cli/command-table.ts';
import { COMMON_FLAGS, checkArguments, placeOfFlag } from '../../src/cli/flags/check-arguments.ts';
import { choicesOf, SETTINGS_OF } from '../../src/cli/flags/setting-flags.ts';
import { helpOf, topicOf } from '../../src/cli/help/help.ts';
import { COLUMNS } from '../../src/cli/help/layout.ts';
import { EXIT_CODES } from '../../src/exit-codes.ts';
import { CREDENTIAL_ORDER } from '../../src/identity/find-credential.ts';
import type { Setting } from '../../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName } from '../../src/job/settings.ts';
import { runCommand } from '../support/command.ts';

interface Shown {
  name: string;
  command: Command;
  help: string;
  /** As it stands in one line: what was broken at the 80th column is whole again. */
  unbroken: string;
}

const unbroken = (text: string) => text.replace(/\s+/g, ' ');
const shown: Shown[] = await Promise.all(
  COMMANDS.map(async ({ name, load }) => {
    const help = await helpOf(name);
    return { name, command: await load(), help, unbroken: unbroken(help) };
  }),
);
const everyCommand = shown.map((each) => [each.name, each] as const);
const flagsOf = ({ command }: Shown) => ({ ...command.options(), ...COMMON_FLAGS });
const allFlags = shown.map((each) => ({ name: each.name, usage: each.command.usage, flags: flagsOf(each) }));
const check = (each: Shown, given: readonly string[]) =>
  checkArguments(each.command.usage.replace(/[<>]/g, ''), given, flagsOf(each), (flag) =>
    placeOfFlag(flag, { name: each.name, usage: each.command.usage }, allFlags),
  );
const settingsOf = (name: string): readonly SettingName[] =>
  Object.entries(SETTINGS_OF).find(([of]) => of === name)?.[1] ?? [];
const isShown = (help: string, flag: string) => new RegExp(`^ {2}(-\\w, )?--${flag}( |$)`, 'm').test(help);
/** A line of a shell as the words of its first command. */
const wordsOf = (line: string) =>
  [...(line.split(/ [|>] /)[0] ?? '').matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '');

describe.each(everyCommand)('the help of `%s`', (name, each) => {
  it('says in its first line what the command does, and then how it is written', () => {
    const [first = '', blank, usage = ''] = each.help.split('\n');
    expect(first).toMatch(new RegExp(`^countermand ${name}: [a-z].*[^.]$`));
    expect(blank).toBe('');
    expect(usage).toMatch(new RegExp(`^Usage: countermand ${name}( \\[?[A-Z]+(\\.\\.\\.)?\\]?)* \\[FLAGS\\]$`));
  });

  it('fits a terminal of 80 columns', () => {
    expect(each.help.split('\n').filter((line) => line.length > COLUMNS)).toEqual([]);
  });

  it('shows every flag that the command takes, with what its value looks like', () => {
    for (const [flag, { type, placeholder }] of Object.entries<{ type?: string; placeholder?: string }>(
      flagsOf(each),
    )) {
      expect(isShown(each.help, flag), flag).toBe(true);
      if (type === 'boolean') expect(placeholder, flag).toBeUndefined();
      else expect(each.help, flag).toContain(`  --${flag} ${placeholder}`);
    }
  });

  it('has no flag with the name of an argument', () => {
    for (const argument of Object.keys(each.command.positionals ?? {})) {
      expect(Object.keys(flagsOf(each))).not.toContain(argument.replace(/s$/, ''));
    }
  });

  it('has its heads in the order of the work: what, guards, pace, where, sign-in, output', () => {
    const order = [
      'Arguments',
      'Which actions',
      'The run',
      'Guards',
      'Pace',
      'Where',
      'Sign-in',
      'Sandbox',
      'Output',
      'Examples',
    ];
    const heads = [...each.help.matchAll(/^([A-Z][a-z- ]+):$/gm)].map(([, head]) => head);
    expect(heads).toEqual(order.filter((head) => heads.includes(head)));
  });

  it('shows examples that run as they stand', () => {
    const lines = [...each.help.matchAll(/^ {2}(countermand .*)$/gm)].map(([, line]) => line ?? '');
    expect(lines.length).toBeGreaterThan(0);
    for (const line of lines) {
      for (const part of line.split(' | ')) {
        const [program, of, ...given] = wordsOf(part);
        expect(program).toBe('countermand');
        const found = shown.find((other) => other.name === of);
        if (found === undefined) throw new Error(`no command: ${line}`);
        expect(() => check(found, given), line).not.toThrow();
      }
    }
  });

  it('leaves the exit codes to `help exit-codes`', () => {
    expect(each.help).toContain('countermand help exit-codes');
    expect(each.help).not.toMatch(/^ +143 {2}/m);
  });

  it('names the sign-in variables in the order in which they count, where the command signs in', () => {
    const kinds = CREDENTIAL_ORDER.map(({ kind }) => kind);
    const numbered = [...each.help.matchAll(/^ {2}(?:\d\.|- ) ([a-z-]+) /gm)].map(([, kind]) => kind);
    expect(numbered).toEqual(settingsOf(name).includes('auth') ? kinds : []);
    if (numbered.length === 0) return;
    for (const { variables, beside = [] } of CREDENTIAL_ORDER) {
      for (const variable of [...variables.flat(), ...[beside].flat()]) expect(each.help).toContain(variable);
    }
  });
});

describe.each(everyCommand)('a setting and `%s`', (name, each) => {
  it.each(SETTING_NAMES.map((setting) => [SETTINGS[setting].flag, setting] as const))(
    '--%s is shown and taken, or not shown and refused with the commands that take it',
    (flag, setting) => {
      const { kind }: Setting = SETTINGS[setting];
      const given = [`--${flag}${kind === 'boolean' ? '' : '=x'}`];
      const own = Object.keys(each.command.options());
      if (settingsOf(name).includes(setting)) {
        expect(isShown(each.help, flag)).toBe(true);
        expect(() => check(each, given)).not.toThrow();
        return;
      }
      // `list` filters by flags of the same names, and a sandbox has a quota of its own.
      if (own.includes(flag)) return;
      expect(isShown(each.help, flag)).toBe(false);
      expect(() => check(each, given)).toThrow(
        new RegExp(`<${flag}s?[.>]`).test(each.command.usage)
          ? `Unknown flag --${flag}. Give the ${flag} without a flag: countermand ${name} ${flag.toUpperCase()}.`
          : new RegExp(`^Unknown flag --${flag}\\. It is a flag of .*\\brun\\b.*, and not of ${name}\\.$`),
      );
    },
  );

  it.each(settingsOf(name).map((setting) => [setting]))('the help has the choices and the default of %s', (setting) => {
    const row: Setting = SETTINGS[setting];
    const { flag, description, placeholder } = row;
    const choices = choicesOf(row);
    const listed = choices?.join('|') ?? placeholder;
    const isListed = each.unbroken.includes(listed === undefined ? `--${flag} ` : `--${flag} ${listed} `);
    expect(isListed || each.unbroken.includes(`One of ${choices?.join(', ')}`)).toBe(true);
    expect(each.unbroken).toContain(description);
    const standard = row.default ?? row.fallbackVariable;
    if (standard !== undefined) expect(each.unbroken).toContain(`${description} [default: ${standard}]`);
  });
});

describe('which settings a command takes', () => {
  const refused = (name: keyof typeof SETTINGS_OF) =>
    SETTING_NAMES.filter((setting) => !settingsOf(name).includes(setting)).map(
      (setting) => `--${SETTINGS[setting].flag}`,
    );

  it('is all of them for run', () => {
    expect(refused('run')).toEqual([]);
  });

  it('is for plan what its ledger keeps', () => {
    expect(refused('plan').sort()).toEqual(['--keep-ledgers', '--metrics-file']);
  });

  it('is for resume what does not name the run', () => {
    const named = ['--column', '--comment', '--ledger', '--tenant'];
    expect(refused('resume').sort()).toEqual(named);
  });

  it('is for verify what lookups need, and no guard', () => {
    expect(settingsOf('verify').map((setting) => SETTINGS[setting].group)).not.toContain('Guards');
    expect(refused('verify')).toEqual(
      expect.arrayContaining(['--strict-input', '--keep-ledgers', '--tenant', '--ledger']),
    );
  });

  it('is for verify nothing that it does not go by, which its ledger would keep for the run', () => {
    const pace = settingsOf('verify').filter((setting) =>
      ['The run', 'Pace', 'Output'].includes(SETTINGS[setting].group),
    );
    expect(pace).toEqual(['quota', 'quotaShare', 'quotaRoutes', 'patience', 'logFormat']);
  });

  it('is only the store for report', () => {
    const { command } = shown.find(({ name }) => name === 'report') ?? {};
    expect(Object.keys(command?.options() ?? {})).toEqual(['store', 'json', 'csv', 'html', 'out', 'redact']);
  });
});

describe('the main help', () => {
  it('names every command, and every exit code, in 80 columns', async () => {
    const help = await helpOf(null);
    for (const name of COMMAND_NAMES) expect(help).toMatch(new RegExp(`^ {2}${name} `, 'm'));
    for (const code of Object.keys(EXIT_CODES)) expect(help).toMatch(new RegExp(`^ +${code} {2}\\S`, 'm'));
    expect(help.split('\n').filter((line) => line.length > COLUMNS)).toEqual([]);
  });

  it('has its table of exit codes in `help exit-codes` too', async () => {
    const [, table] = (await helpOf(null)).split('Exit codes:\n');
    expect(await helpOf('exit-codes')).toContain(table);
  });
});

describe('help is asked for', () => {
  it.each([
    [['help'], null],
    [['--help=true'], null],
    [['-h'], null],
    [['help', 'plan'], 'plan'],
    [['help', '--log-level', 'debug', 'plan'], 'plan'],
    [['help', '--help=true'], 'help'],
    [['help', 'exit-codes'], 'exit-codes'],
    [['plan', 'ids.csv', '--help=true'], 'plan'],
    [['plan', '-h'], 'plan'],
    [['version', '--help=true'], 'version'],
    [['plan', '--help=false'], undefined],
    [['plan', '--', '--help=true'], undefined],
    [['version'], undefined],
  ])('by %j of %s', (args, topic) => {
    expect(topicOf(args)).toBe(topic);
  });

  it('of something that is none, with what was meant', async () => {
    await expect(helpOf('paln')).rejects.toThrow('Unknown command "paln". Did you mean plan?');
  });
});

describe('the built command', () => {
  it.each([
    ['help plan', 'plan --help'],
    ['help run', 'run ids.csv -h'],
    ['help', '--help'],
    ['version', '--version'],
  ])('says the same for `%s` and `%s`, and exits 0', async (one, other) => {
    const [first, second] = await Promise.all([runCommand(one.split(' ')), runCommand(other.split(' '))]);
    expect(second.stdout).toBe(first.stdout);
    expect(first.stdout).not.toBe('');
    expect([first.code, second.code, first.stderr, second.stderr]).toEqual([0, 0, '', '']);
  });

  it('shows the main help where no command is given, and that this is wrong usage', async () => {
    const { code, stdout, stderr } = await runCommand([]);
    expect(stdout).toBe(await helpOf(null));
    expect(stderr).toBe('countermand: Give a command.\n');
    expect(code).toBe(2);
  });

  it('says of each flag that it does not take where it belongs, on a line of its own', async () => {
    const { code, stdout, stderr } = await runCommand(['resume', '--ledger', 'a.jsonl', '--tenant', 'x']);
    expect(stderr.split('\n').slice(0, 2)).toEqual([
      'countermand: Unknown flag --ledger. Give the ledger without a flag: countermand resume LEDGER.',
      'Unknown flag --tenant. It is a flag of plan, run, list, check and submit, and not of resume.',
    ]);
    expect([code, stdout]).toEqual([2, '']);
  });
});
