import type { z } from 'zod';
import type { Setting } from './setting.ts';
import { GUARDS } from './settings/guards.ts';
import { THE_RUN } from './settings/run.ts';
import { THE_SESSION } from './settings/session.ts';
import { WHO_AND_WHERE } from './settings/who-and-where.ts';

/**
 * The one table of settings. Flags, environment, job files and their schema, the frozen job (its type, its shape in a ledger, the way there and
 * back), what a resume may change, help texts, reports and docs/settings.md are all read from it or held to it by a test.
 */
export const SETTINGS = { ...WHO_AND_WHERE, ...THE_RUN, ...GUARDS, ...THE_SESSION } as const satisfies Record<
  string,
  Setting
>;

export type SettingName = keyof typeof SETTINGS;

export const SETTING_NAMES = Object.keys(SETTINGS) as readonly SettingName[];

/** What each setting's value is once read. */
export type SettingValues = { [K in SettingName]: z.output<(typeof SETTINGS)[K]['value']> };

/** The settings whose rows are so, in the order of the table. */
export function settingsThat(are: (setting: Setting) => unknown): readonly SettingName[] {
  return SETTING_NAMES.filter((name) => are(SETTINGS[name]));
}
