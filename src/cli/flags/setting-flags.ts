import type { Options } from 'yargs';
import { SETTING_NAMES, SETTINGS, type Setting, type SettingName } from '../../job/settings.ts';

/** Who we are and where we go: what a command needs that calls Defender, or would. */
export const WHO_AND_WHERE = [
  'tenant',
  'clientId',
  'auth',
  'cloud',
  'region',
  'apiUrl',
  'authorityUrl',
  'allowHost',
] as const satisfies readonly SettingName[];

/** The yargs options of these settings. Defaults are only told, not set: a flag that was not given must not beat the environment. */
export function settingOptions(names: readonly SettingName[] = SETTING_NAMES): Record<string, Options> {
  return Object.fromEntries(names.map((name) => [SETTINGS[name].flag, optionOf(name)]));
}

function optionOf(name: SettingName): Options {
  const { kind, description, default: standard }: Setting = SETTINGS[name];
  const note = standard === undefined ? '' : ` [default: ${standard}]`;
  return {
    describe: `${description}${note}`,
    type: kind === 'boolean' ? 'boolean' : kind === 'texts' ? 'array' : 'string',
    ...(kind === 'boolean' ? {} : { requiresArg: true }),
    ...(kind === 'texts' ? { string: true, nargs: 1 } : {}),
    group: groupOf(name),
  };
}

function groupOf(name: SettingName): string {
  if (WHO_AND_WHERE.some((each) => each === name)) return 'Who and where:';
  if (/^(only|created|max|first)/.test(name)) return 'Guards:';
  if (/^(quota|concurrency|patience|screen|confirm)/.test(name)) return 'Pace:';
  return 'The run:';
}
