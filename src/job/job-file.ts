import { distance } from 'fastest-levenshtein';
import { LineCounter, parseDocument, type YAMLError } from 'yaml';
import type { z } from 'zod';
import { UsageError } from '../errors.ts';
import { show } from './given-settings.ts';
import type { Environment } from './interpolate.ts';
import { JOB_KEYS, jobSchema, SENTENCE } from './job-schema.ts';
import { MAX_JOB_LENGTH, tooLong } from './job-text.ts';
import { secretAdvice, secretNamed } from './secrets.ts';
import type { Setting } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, type SettingValues } from './settings.ts';
import { type Mistake, readTree } from './yaml-tree.ts';

/** A job file that was read and found good. */
export interface JobFile {
  /** Absolute. */
  path: string;
  name: string | undefined;
  source: z.output<typeof jobSchema>['source'];
  settings: Partial<SettingValues>;
  /** Sentences about what may not be meant as it stands. */
  remarks: readonly string[];
}

/** After the first slip, YAML may find the same one on every line. */
const MAX_SHOWN = 25;

/**
 * Reads the text of a job file. `path` is absolute; messages call the file `shownAs`. Throws one UsageError that names every mistake with its
 * line and column.
 */
export function parseJobFile(text: string, path: string, env: Environment, shownAs = path): JobFile {
  if (text.length > MAX_JOB_LENGTH) throw tooLong(shownAs);
  const lines = new LineCounter();
  const document = parse(text, lines, shownAs);
  // The parser goes on after it has run out of stack, and says so for each level.
  if (document.errors.some(({ message }) => message.includes('Maximum call stack'))) throw tooDeep(shownAs);
  if (document.errors.length > 0) {
    const mistakes = document.errors.map((error) => ({
      offset: error.pos[0],
      message: yamlMistake(error),
    }));
    throw refusal(mistakes, lines, shownAs);
  }
  if (document.contents === null) throw new UsageError(`${shownAs} is empty: a job names at least its source`);

  const tree = readTree(document.contents, env);
  const parsed = jobSchema.safeParse(tree.value);
  const mistakes = [...tree.mistakes];
  if (!parsed.success) {
    for (const issue of firstOfEach(parsed.error.issues)) {
      // A value that could not be read has its own message already.
      if (!tree.mistaken(issue.path)) mistakes.push(...mistakesOf(issue, tree));
    }
  }
  if (mistakes.length > 0 || !parsed.success) throw refusal(mistakes, lines, shownAs);
  const { name, source } = parsed.data;
  const remarks = tree.cut.map(({ offset, message }) => `${placeIn(lines, offset, shownAs)} ${message}`);
  return { path, name, source, settings: settingsOf(parsed.data), remarks };
}

function placeIn(lines: LineCounter, offset: number, shownAs: string): string {
  const { line, col } = lines.linePos(offset);
  return `${shownAs}:${Math.max(1, line)}:${Math.max(1, col)}`;
}

function parse(text: string, lineCounter: LineCounter, shownAs: string) {
  try {
    return parseDocument(text, {
      lineCounter,
      prettyErrors: false,
      strict: true,
      uniqueKeys: true,
      version: '1.2',
      schema: 'core',
    });
  } catch (cause) {
    throw tooDeep(shownAs, cause);
  }
}

function tooDeep(shownAs: string, cause?: unknown): UsageError {
  return new UsageError(`${shownAs} cannot be read as YAML, it is nested too deeply: write it as in jobs/demo.yaml`, {
    cause,
  });
}

type Tree = ReturnType<typeof readTree>;

function mistakesOf(issue: z.core.$ZodIssue, tree: Tree): Mistake[] {
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      offset: tree.keyOffset([...issue.path, key]),
      message: unknownKey([...issue.path.map(String), key]),
    }));
  }
  const offset = tree.valueOffset(issue.path);
  const at = issue.path.join('.');
  const given = tree.shown(issue.path);
  if (at === '') return [{ offset, message: `a job must be ${issue.message}` }];
  if (issue.code === 'custom' && issue.params === SENTENCE) return [{ offset, message: `${at}: ${issue.message}` }];
  if (at === 'source' && given === undefined) return [{ offset, message: 'source is missing: name a file or a query' }];
  const notText = tree.notText(issue.path);
  if (notText !== undefined && issue.message.startsWith('a text')) {
    return [{ offset, message: `${at} must be a text, and YAML takes ${notText}: write it in quotes` }];
  }
  // What stands in place of a whole section may be anything, a secret too.
  const isSection = issue.code === 'invalid_type' && issue.expected === 'object';
  const instead = given === undefined || isSection ? '' : `, not ${given}`;
  const remedy = tree.needsNoQuotes(issue.path) ? ': write it without quotes' : '';
  return [{ offset, message: `${at} must be ${issue.message}${instead}${remedy}` }];
}

/** The first issue of each value: a second one says the same again. */
function firstOfEach(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue[] {
  const seen = new Set<string>();
  return issues.filter((issue) => {
    const key = issue.code === 'unrecognized_keys' ? undefined : issue.path.join('\0');
    if (key === undefined) return true;
    if (seen.has(key)) return false;
    seen.add(key);
    return true;
  });
}

/** Says what to do about a key that a job file does not have. The value under it is never shown: it may be a secret. */
function unknownKey(path: readonly string[]): string {
  const key = path.at(-1) ?? '';
  const plain = key.toLowerCase().replace(/[^a-z0-9]/g, '');
  const secret = secretNamed(key) ?? secretNamed(path.join(''));
  if (secret)
    return `${show(path.join('.'))} has no place in a job file, because it is a secret: ${secretAdvice(secret)}`;

  const barred = SETTING_NAMES.map((name): Setting => SETTINGS[name]).find(
    ({ flag, notInJob }) =>
      notInJob && [flag, `${flag}s`, flag.replace('api-', '')].some((name) => name.replaceAll('-', '') === plain),
  );
  if (barred) return `${show(path.join('.'))}: ${barred.notInJob}; give --${barred.flag} on the command line`;

  const siblings = JOB_KEYS.filter((known) => known.split('.').slice(0, -1).join('.') === path.slice(0, -1).join('.'));
  const guess = nearest(plain, siblings) ?? nearest(plain, JOB_KEYS);
  const where = path.length > 1 ? ` in ${path.slice(0, -1).join('.')}` : '';
  return `there is no key ${show(key)}${where}${guess === undefined ? '' : `: did you mean ${guess}?`}`;
}

function nearest(plain: string, keys: readonly string[]): string | undefined {
  const ranked = keys
    .map((key) => ({ key, off: distance(plain, (key.split('.').at(-1) ?? key).toLowerCase()) }))
    .sort((one, other) => one.off - other.off);
  const best = ranked[0];
  return best && best.off <= Math.max(1, Math.floor(plain.length / 3)) ? best.key : undefined;
}

function settingsOf(data: Readonly<Record<string, unknown>>): Partial<SettingValues> {
  const settings: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const { job }: Setting = SETTINGS[name];
    if (job === undefined) continue;
    const value = job
      .split('.')
      .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], data);
    if (value !== undefined) settings[name] = value;
  }
  return settings as Partial<SettingValues>;
}

function refusal(mistakes: readonly Mistake[], lines: LineCounter, shownAs: string): UsageError {
  const messages = [...mistakes]
    .sort((one, other) => one.offset - other.offset)
    .map(({ offset, message }) => `${placeIn(lines, offset, shownAs)} ${message}`);
  const count = messages.length === 1 ? 'a mistake' : `${messages.length} mistakes`;
  const shown = messages.slice(0, MAX_SHOWN);
  if (messages.length > MAX_SHOWN) shown.push(`and ${messages.length - MAX_SHOWN} more`);
  return new UsageError([`the job has ${count}, nothing was started:`, ...shown.map((line) => `  ${line}`)]);
}

function yamlMistake({ code, message }: YAMLError): string {
  if (code === 'DUPLICATE_KEY') return 'this key is there already: keep one of the two';
  if (code === 'MULTIPLE_DOCS') return 'a job file holds one job: remove the line "---" and what follows';
  if (/call stack/i.test(message)) return 'nested too deeply: write it as in jobs/demo.yaml';
  const remedy =
    code === 'BLOCK_AS_IMPLICIT_KEY'
      ? ': put a text that holds a colon and a blank in quotes'
      : code === 'BAD_SCALAR_START' || /scalar at node end/.test(message)
        ? ': put all of the text in quotes'
        : '';
  return `not valid YAML: ${message.split('\n')[0]}${remedy}`;
}
