import type { Options } from 'yargs';
import type { Setting } from '../../job/setting.ts';
import { SETTING_NAMES, SETTINGS, type SettingName, settingsThat } from '../../job/settings.ts';

/** Who we are and where we go: what a command needs that calls Defender, or would. */
export const WHO_AND_WHERE = settingsThat(({ group }) => group === 'Who and where');

/** The yargs options of these settings. Defaults are only told, not set: a flag that was not given must not beat the environment. */
export function settingOptions(names: readonly SettingName[] = SETTING_NAMES): Record<string, Options> {
  return Object.fromEntries(names.map((name) => [SETTINGS[name].flag, optionOf(name)]));
}

function optionOf(name: SettingName): Options {
  const { kind, description, default: standard, group }: Setting = SETTINGS[name];
  const note = standard === undefined ? '' : ` [default: ${standard}]`;
  return {
    describe: `${description}${note}`,
    type: kind === 'boolean' ? 'boolean' : kind === 'texts' ? 'array' : 'string',
    ...(kind === 'boolean' ? {} : { requiresArg: true }),
    ...(kind === 'texts' ? { string: true, nargs: 1 } : {}),
    group: `${group}:`,
  };
}
