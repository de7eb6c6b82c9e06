import type { Options } from 'yargs';
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from '../job/settings.ts';

/** The yargs options of these settings. Defaults are only told, not set: a flag that was not given must not beat the environment. */
export function settingOptions(names: readonly SettingName[] = SETTING_NAMES): Record<string, Options> {
  return Object.fromEntries(names.map((name) => [SETTINGS[name].flag, optionOf(SETTINGS[name])]));
}

function optionOf(setting: Setting): Options {
  const { kind, description, flag } = setting;
  const told = setting.default === undefined ? '' : ` [default: ${setting.default}]`;
  return {
    describe: `${description}${told}`,
    type: kind === 'boolean' ? 'boolean' : kind === 'texts' ? 'array' : 'string',
    ...(kind === 'boolean' ? {} : { requiresArg: true }),
    ...(kind === 'texts' ? { string: true, nargs: 1 } : {}),
    group: groupOf(flag),
  };
}

function groupOf(flag: string): string {
  if (['tenant', 'client-id', 'auth', 'cloud', 'region', 'api-url', 'authority-url', 'allow-host'].includes(flag)) {
    return 'Who and where:';
  }
  if (/^(only|created|max|first)/.test(flag)) return 'Guards:';
  if (/^quota|^concurrency|^patience|^screen|^confirm/.test(flag)) return 'Pace:';
  return 'The run:';
}
