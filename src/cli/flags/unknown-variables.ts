import { UsageError } from '../../errors.ts';
import { variableOf } from '../../job/setting.ts';
import { SETTING_NAMES, SETTINGS, settingsThat } from '../../job/settings.ts';
import { bareName, nearestName } from '../../suggest.ts';

type Environment = Readonly<Record<string, string | undefined>>;

/** Variables of ours that are not settings. */
const OTHERS = [
  'COUNTERMAND_TOKEN',
  'COUNTERMAND_TOKEN_FILE',
  'COUNTERMAND_STORE_PASSWORD',
  'COUNTERMAND_STORE_PASSWORD_FILE',
  'COUNTERMAND_LOG_LEVEL',
  'COUNTERMAND_YES',
];
/** A cluster sets these for a service that is called like us. */
const OF_A_CLUSTER = /^COUNTERMAND_(SERVICE_|PORT(_|$))/;
const PREFIX = /^COUNTERMAND_/i;

/** Settings that keep a run from doing more than was meant: whoever misspells one believes to be safe and is not. */
const SAFE_SETTINGS = settingsThat(({ safety }) => safety).map((name) => SETTINGS[name].flag);
/** Flags that make a command do less and have no variable. */
const SAFE_FLAGS = ['dry-run', 'offline', 'head', 'withdraw-missing', 'keep-missing'];

/** A sentence for each variable that looks like one of ours and is none, but for those that {@link refuseUnknownSafeties} refuses. */
export function unknownVariables(env: Environment): string[] {
  const known = knownVariables();
  return unknownIn(env)
    .filter((name) => safetyMeant(name) === undefined)
    .map((name) => {
      const near = nearestName(rest(name), known.map(rest));
      const meant = near === undefined ? '' : `; did you mean COUNTERMAND_${near}?`;
      return `the variable ${name} is not one that countermand knows, so it does nothing${meant}`;
    });
}

/** Throws a UsageError that names every unknown variable which names a safety: a guard with a misspelt name would guard nothing. */
export function refuseUnknownSafeties(env: Environment): void {
  const problems = unknownIn(env).flatMap((name) => {
    const flag = safetyMeant(name);
    if (flag === undefined) return [];
    const advice = SAFE_FLAGS.includes(flag)
      ? `--${flag} is a flag and has no variable. Unset ${name}, and give --${flag} to the command that takes it.`
      : `Did you mean ${variableOf(flag)}? Correct it or unset it.`;
    return [`The variable ${name} is not one that countermand knows, and nothing was done. ${advice}`];
  });
  if (problems.length > 0) throw new UsageError(problems);
}

function unknownIn(env: Environment): string[] {
  const known = knownVariables();
  return Object.keys(env).filter((name) => PREFIX.test(name) && !known.includes(name) && !OF_A_CLUSTER.test(name));
}

function knownVariables(): string[] {
  return [...OTHERS, ...SETTING_NAMES.map((name) => variableOf(SETTINGS[name].flag))];
}

/** The flag of the safety that a variable names, misspelt or with words round it; undefined where something else is nearer. */
function safetyMeant(variable: string): string | undefined {
  const given = rest(variable);
  const safeties = [...SAFE_SETTINGS, ...SAFE_FLAGS];
  const within = safeties.find((flag) =>
    flag.includes('-') ? bareName(given).includes(bareName(flag)) : flag.length > 4 && bareName(given).startsWith(flag),
  );
  if (within !== undefined) return within;
  const others = knownVariables().map(rest);
  const near = nearestName(given, [...safeties, ...others]);
  return safeties.find((flag) => near !== undefined && bareName(flag) === bareName(near));
}

function rest(variable: string): string {
  return variable.replace(PREFIX, '');
}
