import { UsageError } from '../../errors.ts';
import { show } from '../../job/given-settings.ts';
import { BOOLEAN_WORDS, oneOfWords, parseBoolean } from '../../job/values.ts';
import { nearestName } from '../../suggest.ts';
import type { Flag } from '../command.ts';
import { LOG_LEVELS } from '../terminal/log.ts';

/** The flags that a command takes, by their names without dashes. */
export type KnownFlags = Readonly<Record<string, Pick<Flag, 'type' | 'fault'>>>;

/** Flags that every command takes. */
export const COMMON_FLAGS = {
  'log-level': {
    describe: `what is logged to stderr: ${LOG_LEVELS.join(', ')}`,
    type: 'string',
    placeholder: 'LEVEL',
    values: LOG_LEVELS,
    fault: (text: string) => faultIn(text, LOG_LEVELS),
    variable: 'COUNTERMAND_LOG_LEVEL',
  },
  help: { describe: 'show this help', type: 'boolean', alias: 'h' },
  version: { describe: 'show the version, and what runs it', type: 'boolean' },
} as const satisfies Record<string, Flag>;

/** What is wrong with a text that must be one of these. */
function faultIn(text: string, choices: readonly string[]): string | undefined {
  return choices.includes(text) ? undefined : `${oneOfWords(choices, text)}, not ${show(text)}`;
}

/** No flag is a number: this is the value of the one before it. */
const NEGATIVE = /^-\d/;

const SHORT_HELP = '-h';

/** Hyphens as word processors and web pages write them. */
const OTHER_HYPHEN = /^[\u2010-\u2015\u2212\ufe58\ufe63\uff0d]/;

/**
 * Looks a command's arguments through before the parser does, which takes a wrong boolean for a false one and the next word for a value. Returns them
 * with each boolean as `--flag=true` or `--flag=false`. Throws one UsageError that names every flag that is unknown, lacks its value, has one that it
 * does not take, or stands there twice, every word too many, and the argument that is missing. Wrong values are told with these; alone they are left to
 * whoever reads them together with the environment and the job.
 *
 * @param usage the command with its positionals, as in `run <source>`
 * @param given what follows the command's name
 * @param placeOf where a flag belongs that this command does not take, in a sentence; undefined for one that none takes
 */
export function checkArguments(
  usage: string,
  given: readonly string[],
  known: KnownFlags,
  placeOf: (flag: string) => string | undefined = () => undefined,
): string[] {
  const problems: string[] = [];
  const faults: string[] = [];
  const checked: string[] = [];
  const seen = new Map<string, boolean | undefined>();
  const words: string[] = [];
  /** Returns whether it may stand here. */
  const once = (flag: string, value: boolean | undefined): boolean => {
    const isRepeated = seen.has(flag);
    const before = seen.get(flag);
    seen.set(flag, value);
    if (!isRepeated || known[flag]?.type === 'array') return true;
    if (value !== undefined && before === value) return false;
    problems.push(
      value === undefined
        ? `--${flag} is given twice. Give it once.`
        : `--${flag} is given twice, once as ${before} and once as ${value}. Give it once.`,
    );
    return false;
  };
  const takeBoolean = (flag: string, value: boolean) => {
    if (once(flag, value)) checked.push(`--${flag}=${value}`);
  };

  for (let i = 0; i < given.length; i++) {
    const word = given[i] ?? '';
    if (word === '--') {
      words.push(...given.slice(i + 1));
      checked.push(...given.slice(i));
      break;
    }
    if (word === '-' || word === SHORT_HELP || !isFlag(word)) {
      if (word !== SHORT_HELP) words.push(word);
      checked.push(word);
      continue;
    }
    const { flag, value } = partsOf(word);
    const type = Object.hasOwn(known, flag) && word.startsWith('--') ? known[flag]?.type : undefined;
    if (type === undefined) {
      const negated = /^--no-/.test(word) ? flag.slice(3) : undefined;
      if (negated !== undefined && Object.hasOwn(known, negated) && known[negated]?.type === 'boolean') {
        if (value === undefined) takeBoolean(negated, false);
        else problems.push(`--${flag} takes no value. Write --${negated} or --${negated}=false.`);
      } else {
        problems.push(unknownFlag(word, word.startsWith('--') ? placeOf(flag) : undefined, flag, known));
        // Its value is no argument of the command.
        if (value === undefined && given[i + 1] !== undefined && meantWithValue(flag, known)) i++;
      }
      continue;
    }
    const next = given[i + 1];
    if (type === 'boolean') {
      const said = value === undefined ? true : parseBoolean(value);
      if (said === undefined) {
        problems.push(
          `--${flag} takes ${BOOLEAN_WORDS} after "=", or stands alone for true; not ${show(value ?? '')}.`,
        );
      } else if (value === undefined && next !== undefined && parseBoolean(next) !== undefined) {
        i++;
        problems.push(
          `--${flag} ${next} is not clear: the value of --${flag} follows an "=". Write --${flag}=${next}, or ./${next} for a file of that name.`,
        );
      } else takeBoolean(flag, said);
      continue;
    }
    if (value === undefined && (next === undefined || (next !== '-' && isFlag(next) && !NEGATIVE.test(next)))) {
      const like = next === undefined ? '' : ` A value that begins with a hyphen is written --${flag}=${next}.`;
      problems.push(`--${flag} needs a value after it.${like}`);
      continue;
    }
    const text = value ?? next ?? '';
    if (text.trim() === '') problems.push(`--${flag} needs a value after it, and the one given is empty.`);
    else if (once(flag, undefined)) {
      // To the parser, what looks like a flag is a value only behind an "=".
      if (value !== undefined) checked.push(word);
      else checked.push(...(isFlag(text) ? [`${word}=${text}`] : [word, text]));
    }
    const fault = text.trim() === '' ? undefined : known[flag]?.fault?.(text);
    if (fault !== undefined) faults.push(`--${flag} must be ${fault}.`);
    if (value === undefined) i++;
  }
  problems.push(...oddWords(words));
  // What follows an unknown flag may be its value.
  if (problems.length === 0) problems.push(...tooMany(usage, words));
  if (words.length === 0 && !asksForHelp(checked)) problems.push(...missing(usage));
  if (problems.length > 0) throw new UsageError([...problems, ...faults]);
  return checked;
}

/** Whether the result is wanted as a document, as far as can be told of arguments that may be wrong otherwise. */
export function wantsJson(argv: readonly string[]): boolean {
  const end = argv.indexOf('--');
  return argv.slice(0, end < 0 ? argv.length : end).some((word) => {
    const { flag, value } = partsOf(word);
    return word.startsWith('--') && flag === 'json' && (value === undefined || parseBoolean(value) === true);
  });
}

/** Where the command's name stands: the first word that is no flag common to all commands, nor the value of one. Undefined when there is none. */
export function findCommand(argv: readonly string[]): number | undefined {
  for (let i = 0; i < argv.length; i++) {
    const word = argv[i] ?? '';
    if (word === '-' || !isFlag(word)) return i;
    if (word === '--') return undefined;
    const { flag, value } = partsOf(word);
    if (value === undefined && flag === 'log-level') i++;
  }
  return undefined;
}

/** What is said of a word that stands where a command should. */
export function unknownCommand(word: string, commands: readonly string[]): UsageError {
  const near = nearestName(word, commands);
  const meant = near === undefined ? '' : ` Did you mean ${near}?`;
  return new UsageError(`Unknown command ${show(word)}.${meant}`);
}

function isFlag(word: string): boolean {
  return word.startsWith('-') && word !== '-';
}

function partsOf(word: string): { flag: string; value: string | undefined } {
  const match = /^-{1,2}([^=]*)(?:=([\s\S]*))?$/.exec(word);
  return { flag: match?.[1] ?? word, value: match?.[2] };
}

/** Whether help is asked for, in arguments that were checked. */
export function wantsHelp(checked: readonly string[]): boolean {
  const end = checked.indexOf('--');
  return checked.slice(0, end < 0 ? checked.length : end).some((word) => [SHORT_HELP, '--help=true'].includes(word));
}

function unknownFlag(word: string, place: string | undefined, flag: string, known: KnownFlags): string {
  const shown = show(word.split('=')[0] ?? word).replace(/^"|"$/g, '');
  if (place !== undefined) return `Unknown flag ${shown}. ${place}`;
  const near = flag.length === 1 ? onlyOne(flag, known) : nearestName(flag, Object.keys(known));
  return `Unknown flag ${shown}.${near === undefined ? '' : ` Did you mean --${near}?`}`;
}

/** The flag that begins with a letter, if there is one alone. */
function onlyOne(letter: string, known: KnownFlags): string | undefined {
  const [first, ...others] = Object.keys(known).filter((flag) => flag.startsWith(letter));
  return others.length === 0 ? first : undefined;
}

/** Whether an unknown flag is most likely one that takes a value. */
function meantWithValue(flag: string, known: KnownFlags): boolean {
  const near = nearestName(flag, Object.keys(known));
  return near !== undefined && known[near]?.type !== 'boolean';
}

function oddWords(words: readonly string[]): string[] {
  return words.flatMap((word) => {
    if (OTHER_HYPHEN.test(word)) {
      return [`${show(word)} begins with a dash that is not a hyphen, as pasted text does. Write it with "-".`];
    }
    return word === '' ? ['An argument is empty: a variable in the command line may not be set.'] : [];
  });
}

function tooMany(usage: string, words: readonly string[]): string[] {
  const [name = '', ...positionals] = usage.split(' ');
  const extra = words.slice(positionals.length);
  if (extra.length === 0 || positionals.some((each) => each.includes('..'))) return [];
  const takes = positionals.length === 0 ? 'takes no argument' : `takes one ${positionals[0]?.replace(/[<>[\]]/g, '')}`;
  return [`${name} ${takes}: ${extra.map(show).join(', ')} ${extra.length === 1 ? 'is' : 'are'} too many.`];
}

function missing(usage: string): string[] {
  const needed = /^(\S+) <([^>.]+)/.exec(usage);
  if (needed === null) return [];
  const [, name = '', positional = ''] = needed;
  const word = positional.replace(/s$/, '').toUpperCase();
  return [`${name} needs a ${word} after its name: countermand ${name} ${word}.`];
}

function asksForHelp(checked: readonly string[]): boolean {
  return checked.some((word) => [SHORT_HELP, '--help=true', '--version=true'].includes(word));
}

/** A command and the flags that it takes. */
export interface FlagsOfCommand {
  name: string;
  /** With its positionals: `resume <ledger>`. */
  usage: string;
  flags: KnownFlags;
}

/** Says where a flag belongs that `own` does not take; undefined for one that no command takes. */
export function placeOfFlag(
  flag: string,
  own: Pick<FlagsOfCommand, 'name' | 'usage'>,
  all: readonly FlagsOfCommand[],
): string | undefined {
  const positional = /[<[]([^>\].]+)/.exec(own.usage)?.[1] ?? '';
  // `report` takes several: `ledgers`.
  if (flag === positional || `${flag}s` === positional)
    return `Give the ${flag} without a flag: countermand ${own.name} ${flag.toUpperCase()}.`;
  const takers = all.filter(({ name, flags }) => name !== own.name && Object.hasOwn(flags, flag));
  if (takers.length === 0) return undefined;
  return `It is a flag of ${listed(takers.map(({ name }) => name))}, and not of ${own.name}.`;
}

function listed(names: readonly string[]): string {
  const last = names.at(-1) ?? '';
  return names.length < 2 ? last : `${names.slice(0, -1).join(', ')} and ${last}`;
}
