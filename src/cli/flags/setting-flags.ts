import { z } from 'zod';
import { type Flags, readSetting } from '../../job/given-settings.ts';
import { type Setting, variableOf } from '../../job/setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, settingsThat } from '../../job/settings.ts';
import type { Args, Flag } from '../command.ts';

/** Longer lists of choices stand in the description, where they can be broken. */
const LONGEST_CHOICES = 40;

/** Who we are and where we go: what a command needs that calls Defender, or would. */
const WHO_AND_WHERE = settingsThat(({ group }) => group === 'Where' || group === 'Sign-in');

/** A plan writes no metrics and removes no ledgers. Limits that count once it is started stand in it. */
const NOT_OF_A_PLAN: readonly SettingName[] = ['metricsFile', 'keepLedgers'];

/** What names the run stands in its ledger. */
const NAMES_THE_RUN: readonly SettingName[] = ['tenant', 'comment', 'column', 'ledger'];

/**
 * Who only looks cancels nothing, reads no source, starts no plan and removes no ledgers. A setting that it does not go by would all the same stand in
 * the ledger for the sessions that follow.
 */
const NOT_OF_A_LOOK: readonly SettingName[] = [
  ...settingsThat(({ group }) => group === 'Guards'),
  'first',
  'order',
  'strictInput',
  'keepLedgers',
  'planMaxAge',
  'concurrency',
  'screen',
  'confirmFor',
  'metricsFile',
];

/** Who calls Defender without a ledger needs these to know whom, and how fast. */
const OF_LOOKUPS: readonly SettingName[] = [...WHO_AND_WHERE, 'quota', 'quotaShare', 'quotaRoutes', 'patience'];

const without = (...left: readonly (readonly SettingName[])[]) =>
  SETTING_NAMES.filter((name) => !left.some((names) => names.includes(name)));

/** The settings that a command takes as flags: no more than it has a use for. */
export const SETTINGS_OF = {
  run: SETTING_NAMES,
  plan: without(NOT_OF_A_PLAN),
  resume: without(NAMES_THE_RUN),
  verify: without(NAMES_THE_RUN, NOT_OF_A_LOOK),
  list: [...OF_LOOKUPS.filter((name) => name !== 'quotaRoutes'), 'logFormat'],
  submit: without(['metricsFile', 'keepLedgers']),
  worker: [...WHO_AND_WHERE.filter((name) => name !== 'tenant'), 'quota', 'quotaShare', 'quotaRoutes', 'logFormat'],
  check: [...OF_LOOKUPS.filter((name) => name !== 'patience'), 'ledger', 'logFormat'],
} as const satisfies Record<string, readonly SettingName[]>;

/** These settings as flags. Defaults are only told, not set: a flag that was not given must not beat the environment. */
export function settingOptions(names: readonly SettingName[]): Record<string, Flag> {
  return Object.fromEntries(names.map((name) => [SETTINGS[name].flag, optionOf(name)]));
}

/** Of what was given, the settings that a ledger keeps. */
export function givenSettings(args: Args, names: readonly SettingName[]): Flags {
  const kept: string[] = names
    .filter((name) => name !== 'store' && name !== 'logFormat')
    .map((name) => SETTINGS[name].flag);
  return Object.fromEntries(Object.entries(args).filter(([flag, value]) => kept.includes(flag) && value !== undefined));
}

function optionOf(name: SettingName): Flag {
  const setting: Setting = SETTINGS[name];
  const { kind, description, flag, group } = setting;
  const choices = choicesOf(setting);
  const isShort = choices !== undefined && choices.join('|').length <= LONGEST_CHOICES;
  const placeholder = isShort ? choices.join('|') : setting.placeholder;
  const values = choices ?? setting.known;
  const standard = setting.default ?? setting.fallbackVariable;
  return {
    describe: [
      description,
      ...(choices === undefined || isShort ? [] : [`. One of ${choices.join(', ')}`]),
      ...(setting.known === undefined ? [] : [`. Known: ${setting.known.join(', ')}`]),
      ...(standard === undefined ? [] : [` [default: ${standard}]`]),
    ].join(''),
    type: kind === 'boolean' ? 'boolean' : kind === 'texts' ? 'array' : 'string',
    ...(kind === 'boolean' ? {} : { requiresArg: true }),
    ...(kind === 'texts' ? { string: true, nargs: 1 } : {}),
    ...(placeholder === undefined ? {} : { placeholder }),
    ...(values === undefined ? {} : { values }),
    fault: (text) => {
      const reading = readSetting(name, kind === 'texts' ? [text] : text);
      return 'problem' in reading ? reading.problem : undefined;
    },
    group: `${group}:`,
    head: group,
    variable: variableOf(flag),
  };
}

/** What a setting may be, where that is a list. */
export function choicesOf({ value }: Pick<Setting, 'value'>): readonly string[] | undefined {
  return value instanceof z.ZodEnum ? value.options.map(String) : undefined;
}
