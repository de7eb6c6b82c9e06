import { resolve } from 'node:path';
import type { Environment } from './interpolate.ts';
import { listOf, readSetting } from './read-setting.ts';
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName, type SettingValues, variableOf } from './settings.ts';

/** Flags by their names with hyphens and without dashes; a repeatable one as a list. */
export type Flags = Readonly<Record<string, unknown>>;

export interface GivenSettings {
  values: Partial<SettingValues>;
  /** Where each value came from, as a message names it: `--comment` or `COUNTERMAND_COMMENT`. */
  origins: Partial<Record<SettingName, string>>;
  /** One sentence for each value that cannot be taken. */
  problems: string[];
}

/** What flags and environment say; a flag beats its variable, and an empty variable is one that is not set. Relative paths are from `cwd`. */
export function givenSettings(flags: Flags, env: Environment, cwd: string): GivenSettings {
  const values: Partial<Record<SettingName, unknown>> = {};
  const origins: Partial<Record<SettingName, string>> = {};
  const problems: string[] = [];
  for (const name of SETTING_NAMES) {
    const setting: Setting = SETTINGS[name];
    const given = flagOf(setting, flags) ?? variable(setting, env);
    if (given === undefined) continue;
    const reading = readSetting(name, given.raw);
    if ('problem' in reading) {
      problems.push(`${given.origin} must be ${reading.problem}`);
      continue;
    }
    values[name] = setting.isPath ? resolve(cwd, String(reading.value)) : reading.value;
    origins[name] = given.origin;
  }
  return { values: values as Partial<SettingValues>, origins, problems };
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
