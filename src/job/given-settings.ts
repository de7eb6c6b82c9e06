import { resolve } from 'node:path';
import type { Environment } from './interpolate.ts';
import { type LedgerPlace, ledgerNamed } from './ledger-name.ts';
import { type Setting, variableOf } from './setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, type SettingValues } from './settings.ts';
import { BOOLEAN_WORDS, parseBoolean } from './values.ts';

/** Flags by their names with hyphens and without dashes; a repeatable one as a list. */
export type Flags = Readonly<Record<string, unknown>>;

export interface GivenSettings {
  values: Partial<SettingValues>;
  /** Where each value came from, as a message names it: `--comment` or `COUNTERMAND_COMMENT`. Of one that cannot be taken too. */
  origins: Partial<Record<SettingName, string>>;
  /** One sentence for each value that cannot be taken. */
  problems: string[];
}

/** What flags and environment say; a flag beats its variable, and an empty variable is one that is not set. Relative paths are from `cwd`. */
export function givenSettings(flags: Flags, env: Environment, { cwd, inStore = false }: LedgerPlace): GivenSettings {
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  const problems: string[] = [];
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    const given = flagOf(setting, flags) ?? variable(setting, env);
    if (given === undefined) continue;
    origins[name] = given.origin;
    const isRun = inStore && name === 'ledger';
    const reading = isRun ? readRunName(given.raw) : readSetting(name, given.raw);
    if ('problem' in reading) {
      problems.push(`${given.origin} must be ${reading.problem}`);
      continue;
    }
    values[name] = setting.isPath && !isRun ? resolve(cwd, String(reading.value)) : reading.value;
  }
  return { values: values as Partial<SettingValues>, origins, problems };
}

/** A run of a store may be called anything but as a file of a ledger is, which it would be taken for. */
function readRunName(raw: RawValue): { value: string } | { problem: string } {
  const name = String(plain(raw));
  if (!/\.jsonl$/i.test(name)) return { value: ledgerNamed(name, { cwd: '', inStore: true }) };
  return { problem: `the name of a run in the store, and no file, not ${show(raw)}` };
}

/** The defaults of the table. */
export function defaultSettings(): Partial<SettingValues> {
  const values: Partial<Record<SettingName, unknown>> = {};
  for (const name of SETTING_NAMES) {
    const { kind, default: standard }: Setting = SETTINGS[name];
    if (standard === undefined) continue;
    const reading = readSetting(name, kind === 'texts' ? listOf(standard) : standard);
    if ('problem' in reading) throw new Error(`the default of ${name} must be ${reading.problem}`);
    values[name] = reading.value;
  }
  return values as Partial<SettingValues>;
}

function flagOf({ flag }: Setting, flags: Flags): { raw: unknown; origin: string } | undefined {
  const raw = flags[flag];
  // A flag parser may hand out an empty list for a repeatable flag that was not given.
  if (raw === undefined || raw === null || (Array.isArray(raw) && raw.length === 0)) return undefined;
  return { raw, origin: `--${flag}` };
}

function variable({ flag, kind }: Setting, env: Environment): { raw: unknown; origin: string } | undefined {
  const origin = variableOf(flag);
  const raw = env[origin];
  if (raw === undefined || raw.trim() === '') return undefined;
  return { raw: kind === 'texts' ? listOf(raw) : raw, origin };
}

/** Texts come from flags and variables; booleans and lists from a flag parser. */
export type RawValue = unknown;

export type ReadSetting<K extends SettingName> = { value: SettingValues[K] } | { problem: string };

/**
 * Reads what a flag, a variable or an interpolated job value says. `problem` completes "<where> must be …" and quotes what stood there.
 */
export function readSetting<K extends SettingName>(name: K, raw: RawValue): ReadSetting<K> {
  const setting: Setting = SETTINGS[name];
  const taken = fromText(setting.kind, raw);
  const parsed = setting.value.safeParse(setting.commasSeparate ? separated(taken) : taken);
  if (parsed.success) return { value: parsed.data as SettingValues[K] };
  const wanted = setting.kind === 'boolean' ? `one of ${BOOLEAN_WORDS}` : parsed.error.issues[0]?.message;
  return { problem: `${wanted ?? 'something else'}, not ${show(raw)}` };
}

/** Turns the text of a flag or variable into what the setting's schema takes; what cannot be turned is left for the schema to refuse. */
export function fromText(kind: Setting['kind'], raw: RawValue): unknown {
  if (kind === 'texts') return Array.isArray(raw) ? raw.map(plain) : [plain(raw)];
  // 3.000 is three thousand to some and three to others, so it is no whole number.
  if (kind === 'whole') return typeof raw === 'string' && /^\s*[+-]?\d+\s*$/.test(raw) ? Number(raw) : raw;
  if (kind === 'number') {
    return typeof raw === 'string' && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(raw) ? Number(raw) : raw;
  }
  if (kind === 'boolean') {
    return typeof raw === 'string' ? (parseBoolean(raw) ?? raw) : raw;
  }
  return plain(raw);
}

/** The entries of a variable that holds a comma-separated list. */
export function listOf(variable: string): string[] {
  return variable
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Empty entries are kept, for the schema to refuse. */
function separated(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return list.flatMap((entry: unknown) => (typeof entry === 'string' ? entry.split(',').map(plain) : [entry]));
}

/** A value as it stands in a message: short, and in quotes where it is a text. */
export function show(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing';
  // A flag that may be repeated, given once.
  if (Array.isArray(raw) && raw.length === 1) return show(raw[0]);
  if (typeof raw === 'object')
    return Array.isArray(raw) ? `the list [${raw.map(show).join(', ')}]`.slice(0, 80) : 'a set of keys';
  // An address may have a password before its host.
  const text = String(raw).replace(/\/\/[^/\s]*@/g, '//…@');
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return typeof raw === 'string' ? `"${short}"` : short;
}

function plain(raw: unknown): unknown {
  if (typeof raw === 'string') return raw.trim();
  return typeof raw === 'number' || typeof raw === 'bigint' ? String(raw) : raw;
}
