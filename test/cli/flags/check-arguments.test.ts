import { describe, expect, it } from 'vitest';
import type { Command } from '../../../src/cli/command.ts';
import { check } from '../../../src/cli/commands/check.ts';
import { list } from '../../../src/cli/commands/list.ts';
import { plan } from '../../../src/cli/commands/plan.ts';
import { report } from '../../../src/cli/commands/report.ts';
import { resume } from '../../../src/cli/commands/resume.ts';
import { run } from '../../../src/cli/commands/run.ts';
import { sandbox } from '../../../src/cli/commands/sandbox.ts';
import { verify } from '../../../src/cli/commands/verify.ts';
import {
  COMMON_FLAGS,
  checkArguments,
  findCommand,
  type KnownFlags,
  unknownCommand,
  wantsJson,
} from '../../../src/cli/flags/check-arguments.ts';
import { UsageError } from '../../../src/errors.ts';
import { givenSettings } from '../../../src/job/given-settings.ts';
import { variableOf } from '../../../src/job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../../../src/job/settings.ts';
import { BOOLEAN_WORDS } from '../../../src/job/values.ts';

const COMMANDS: readonly Command[] = [plan, run, resume, verify, report, list, check, sandbox];
const TRUE = ['true', '1', 'yes', 'on', 'TRUE', 'Yes', 'oN', ' true '];
const FALSE = ['false', '0', 'no', 'off', 'FALSE', 'No', 'OfF'];
const NEITHER = ['', ' ', 'ja', 'y', 'n', 't', '2', '-1', '01', 'truee', 'yes,no', 'null', 'undefined', 'dry'];

const knownOf = (command: Command): KnownFlags => ({ ...command.options(), ...COMMON_FLAGS });
/** Flags alone: an argument may stand there, and need not. */
const checkOf = (command: Command, given: readonly string[]) =>
  checkArguments(command.usage.replace(/[<>]/g, ''), given, knownOf(command));
const refusal = (command: Command, ...given: string[]): string => {
  try {
    checkOf(command, given);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  return '';
};
const booleansOf = (command: Command) =>
  Object.entries(knownOf(command)).flatMap(([flag, { type }]) => (type === 'boolean' ? [flag] : []));

describe.each(COMMANDS.map((command) => [command.usage, command] as const))('a boolean flag of `%s`', (_, command) => {
  it.each(booleansOf(command).map((flag) => [flag]))(
    '--%s takes every word for yes and no, and nothing else',
    (flag) => {
      expect(checkOf(command, [`--${flag}`])).toEqual([`--${flag}=true`]);
      for (const word of TRUE) expect(checkOf(command, [`--${flag}=${word}`])).toEqual([`--${flag}=true`]);
      for (const word of FALSE) expect(checkOf(command, [`--${flag}=${word}`])).toEqual([`--${flag}=false`]);
      for (const word of NEITHER) {
        const said = refusal(command, `--${flag}=${word}`);
        expect(said).toContain(`--${flag} takes`);
        expect(said).toContain(BOOLEAN_WORDS);
      }
    },
  );

  it.each(booleansOf(command).map((flag) => [flag]))('--%s takes no word that stands apart for its value', (flag) => {
    for (const word of ['no', 'false', '0', 'off', 'true', 'YES']) {
      expect(refusal(command, `--${flag}`, word)).toContain(`Write --${flag}=${word}`);
    }
  });

  it.each(booleansOf(command).map((flag) => [flag]))('--%s may stand twice only if it says the same', (flag) => {
    expect(checkOf(command, [`--${flag}`, `--${flag}=yes`])).toEqual([`--${flag}=true`]);
    for (const pair of [
      [`--${flag}`, `--${flag}=false`],
      [`--${flag}=0`, `--${flag}`],
      [`--${flag}`, `--no-${flag}`],
    ])
      expect(refusal(command, ...pair)).toContain(`--${flag} is given twice, once as`);
  });

  it.each(booleansOf(command).map((flag) => [flag]))('--no-%s is false, and takes no value', (flag) => {
    expect(checkOf(command, [`--no-${flag}`])).toEqual([`--${flag}=false`]);
    expect(refusal(command, `--no-${flag}=true`)).toContain(`--no-${flag} takes no value`);
  });
});

describe('a boolean variable', () => {
  it.each(SETTING_NAMES.filter((name) => SETTINGS[name].kind === 'boolean'))('%s takes the same words', (name) => {
    const variable = variableOf(SETTINGS[name].flag);
    const read = (word: string) => givenSettings({}, { [variable]: word }, { cwd: '/' });
    for (const word of TRUE) expect(read(word).values[name]).toBe(true);
    for (const word of FALSE) expect(read(word).values[name]).toBe(false);
    for (const word of NEITHER.filter((each) => each.trim() !== '')) {
      expect(read(word).problems).toEqual([`${variable} must be one of ${BOOLEAN_WORDS}, not "${word}"`]);
    }
  });
});

describe('a mistyped flag', () => {
  it.each([
    ['--tennant', 'x', 'Unknown flag --tennant. Did you mean --tenant?'],
    ['--coment=a secret', '', 'Unknown flag --coment. Did you mean --comment?'],
    ['--dryrun', '', 'Unknown flag --dryrun. Did you mean --dry-run?'],
    ['--dry_run', '', 'Unknown flag --dry_run. Did you mean --dry-run?'],
    ['--Dry-Run', '', 'Unknown flag --Dry-Run. Did you mean --dry-run?'],
    ['--dry', '', 'Unknown flag --dry. Did you mean --dry-run?'],
    ['-dry-run', '', 'Unknown flag -dry-run. Did you mean --dry-run?'],
    ['-y', '', 'Unknown flag -y.'],
    ['-j', '', 'Unknown flag -j. Did you mean --json?'],
    ['--no-comment', '', 'Unknown flag --no-comment. Did you mean --comment?'],
    ['--dry\u2011run', '', 'Did you mean --dry-run?'],
    ['--__proto__', '', 'Unknown flag --__proto__.'],
    ['--comment.x=1', '', 'Unknown flag --comment.x. Did you mean --comment?'],
    ['\u2014dry-run', '', 'begins with a dash that is not a hyphen'],
    ['\u2013yes', '', 'begins with a dash that is not a hyphen'],
  ])('%s is refused: %s%s', (flag, value, said) => {
    expect(refusal(run, 'ids.csv', flag, ...(value === '' ? [] : [value]))).toContain(said);
  });

  it('a mistyped flag is told together with the others', () => {
    const said = refusal(run, 'ids.csv', '--tennant', 'x', '--dry-run=maybe', '--comment');
    expect(said.split('\n')).toHaveLength(3);
    expect(said).not.toContain('maybe mean');
  });
});

describe('a flag with a value', () => {
  it.each([
    [['--comment', 'a', '--comment', 'b'], '--comment is given twice'],
    [['--comment='], '--comment needs a value after it, and the one given is empty'],
    [['--comment', ''], '--comment needs a value after it, and the one given is empty'],
    [['--html='], '--html needs a value'],
    [['--only-type', ' '], '--only-type needs a value'],
    [['--comment', '--yes'], 'is written --comment=--yes'],
    [['--comment'], '--comment needs a value after it.'],
    [['--log-level='], '--log-level needs a value'],
  ])('%j is refused: %s', (given, said) => {
    expect(refusal(run, 'ids.csv', ...given)).toContain(said);
  });

  it('a flag takes the negative number behind it for its value, and says the one thing that is wrong with it', () => {
    expect(refusal(run, 'ids.csv', '--first', '-1', '--yess')).toMatch(
      /^Unknown flag --yess\. .*\n--first must be a whole number .*, not "-1"\.$/,
    );
    expect(checkOf(run, ['ids.csv', '--first', '-1'])).toEqual(['ids.csv', '--first=-1']);
  });

  it('a flag with a value is handed on as it is, be it another flag’s name or a dash', () => {
    const given = [
      '-',
      '--comment=--yes',
      '--ledger',
      '-',
      '--quota',
      '1/1s',
      '--quota',
      '9/1m',
      '--only-type=Isolate',
    ];
    expect(checkOf(run, given)).toEqual(given);
  });
});

describe('words', () => {
  it('more words than a command takes are refused, one by one', () => {
    expect(refusal(run, 'a.csv', 'b.csv', 'c.csv')).toBe('run takes one source: "b.csv", "c.csv" are too many.');
    expect(refusal(list, 'a.csv')).toBe('list takes no argument: "a.csv" is too many.');
    expect(refusal(report, 'a.jsonl', 'b.jsonl', 'c.jsonl')).toBe('');
    expect(refusal(check)).toBe('');
  });

  it('words that are empty are refused: a variable was not set', () => {
    expect(refusal(run, '')).toContain('An argument is empty');
    expect(refusal(report, 'a.jsonl', '')).toContain('An argument is empty');
  });
});

describe('a command', () => {
  it('a command is the first word, also behind flags that all commands have', () => {
    expect(findCommand(['run', 'x'])).toBe(0);
    expect(findCommand(['--log-level', 'debug', 'run', 'x'])).toBe(2);
    expect(findCommand(['--log-level=debug', 'run'])).toBe(1);
    expect(findCommand(['--help'])).toBeUndefined();
    expect(findCommand([])).toBeUndefined();
  });

  it.each([
    ['rnu', 'Did you mean run?'],
    ['resum', 'Did you mean resume?'],
    ['repotr', 'Did you mean report?'],
    ['cancel-everything', 'Unknown command "cancel-everything".'],
  ])('a command mistyped as %s is told: %s', (word, said) => {
    expect(unknownCommand(word, ['plan', 'run', 'resume', 'verify', 'report', 'list', 'check']).message).toContain(
      said,
    );
  });
});

it('a document is wanted where --json says so, whatever else is wrong', () => {
  expect(wantsJson(['run', 'x', '--json', '--tennant'])).toBe(true);
  expect(wantsJson(['--json=1'])).toBe(true);
  expect(wantsJson(['--json=no'])).toBe(false);
  expect(wantsJson(['run', '--', '--json'])).toBe(false);
  expect(wantsJson(['run'])).toBe(false);
});

describe('several mistakes of one command line', () => {
  const said = (command: Command, ...given: string[]) => {
    try {
      checkArguments(command.usage, given, knownOf(command));
    } catch (error) {
      if (error instanceof UsageError) return error.lines;
      throw error;
    }
    return [];
  };

  it('are told together: unknown flags, the missing argument, wrong values', () => {
    expect(said(run, '--coment', 'x', '--cloud', 'gcchigh', '--only-type', 'Isolat', '--log-level=inf')).toEqual([
      'Unknown flag --coment. Did you mean --comment?',
      'run needs a SOURCE after its name: countermand run SOURCE.',
      '--cloud must be one of commercial, gcc, gcc-high, dod (did you mean gcc-high?), not "gcchigh".',
      expect.stringContaining('(did you mean Isolate?)'),
      expect.stringContaining('(did you mean info?)'),
    ]);
    expect(said(list, '--typ', 'Isolate', '--status', 'pendng')).toEqual([
      'Unknown flag --typ. Did you mean --type?',
      expect.stringMatching(/^--status must be .*did you mean Pending\?/),
    ]);
  });

  it('leave wrong values alone to whoever reads them with the environment and the job', () => {
    expect(said(run, 'ids.csv', '--cloud', 'gcchigh')).toEqual([]);
  });

  it.each([
    [run, 'run needs a SOURCE after its name: countermand run SOURCE.'],
    [resume, 'resume needs a LEDGER after its name: countermand resume LEDGER.'],
    [report, 'report needs a LEDGER after its name: countermand report LEDGER.'],
  ])('name the argument that is missing', (command, sentence) => {
    expect(said(command)).toEqual([sentence]);
    expect(said(command, '--help')).toEqual([]);
  });

  it.each([[check], [list], [sandbox]])('and none where none is needed', (command) => {
    expect(said(command)).toEqual([]);
  });
});

describe('the flag that was meant', () => {
  const flags = Object.keys(knownOf(run));

  it.each(flags.map((flag) => [flag]))('is found for a slip in --%s, and never another', (flag) => {
    const at = Math.floor(flag.length / 2);
    const slips = [
      flag.slice(0, at) + flag.slice(at + 1),
      flag.slice(0, at) + flag.charAt(at) + flag.slice(at),
      flag.replaceAll('-', ''),
      flag.replaceAll('-', '_'),
    ];
    for (const slip of slips.filter((each) => !flags.includes(each))) {
      expect(refusal(run, `--${slip}`)).toBe(`Unknown flag --${slip}. Did you mean --${flag}?`);
    }
  });

  it.each(['tenants-list', 'output', 'foo', 'x', 'profile', 'subscription'])('is none for --%s', (flag) => {
    expect(refusal(run, `--${flag}`)).toBe(`Unknown flag --${flag}.`);
  });
});
