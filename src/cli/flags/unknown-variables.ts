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

/** Words of a variable that can only mean a filter, and the guard that each is; of several the first. */
const FILTER_WORDS: readonly (readonly [RegExp, string | undefined])[] = [
  [/^status(es)?$/, undefined],
  [/^types?$/, SETTINGS.onlyType.flag],
  [/^request[oe]rs?$/, SETTINGS.onlyRequestor.flag],
  [/^(machine|device)s?$/, SETTINGS.onlyMachine.flag],
  [/^(after|since|newer)$/, SETTINGS.createdAfter.flag],
  [/^(before|until|older)$/, SETTINGS.createdBefore.flag],
  [/^limit$/, SETTINGS.maxActions.flag],
  [/^(only|filter|include|exclude|skip|guards?)$/, undefined],
];
/** Words that may stand beside those. Others make it a name of something else, as in AUTH_TYPE and DEVICE_CODE. */
const BESIDE_FILTERS = /^(action|job|created|name|id|list|user|account|host|computer)s?$/;

/** In place of a flag: a filter of which there is none, as of a status. */
const SOME_FILTER = 'some-filter';
const FILTERS = settingsThat(({ flag }) => /^(only|created)-/.test(flag)).map((name) => SETTINGS[name].flag);

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
    return [`The variable ${name} is not one that countermand knows, and nothing was done. ${adviceFor(flag, name)}`];
  });
  if (problems.length > 0) throw new UsageError(problems);
}

function adviceFor(flag: string, name: string): string {
  if (flag === SOME_FILTER) {
    return `It looks like a filter, and there is none of that name. Unset it; the guards that filter are ${FILTERS.map(variableOf).join(', ')}.`;
  }
  if (SAFE_FLAGS.includes(flag)) {
    return `--${flag} is a flag and has no variable. Unset ${name}, and give --${flag} to the command that takes it.`;
  }
  return `Did you mean ${variableOf(flag)}? Correct it or unset it.`;
}

function unknownIn(env: Environment): string[] {
  const known = knownVariables();
  return Object.keys(env).filter((name) => PREFIX.test(name) && !known.includes(name) && !OF_A_CLUSTER.test(name));
}

function knownVariables(): string[] {
  return [...OTHERS, ...SETTING_NAMES.map((name) => variableOf(SETTINGS[name].flag))];
}

/** The flag of the safety that a variable names, misspelt or with words round it, or {@link SOME_FILTER}; undefined where something else is nearer. */
function safetyMeant(variable: string): string | undefined {
  const given = rest(variable);
  const safeties = [...SAFE_SETTINGS, ...SAFE_FLAGS];
  const within = safeties.find((flag) =>
    flag.includes('-') ? bareName(given).includes(bareName(flag)) : flag.length > 4 && bareName(given).startsWith(flag),
  );
  const filter = within ?? filterMeant(given);
  if (filter !== undefined) return filter;
  const others = knownVariables().map(rest);
  const near = nearestName(given, [...safeties, ...others]);
  return safeties.find((flag) => near !== undefined && bareName(flag) === bareName(near));
}

/** The guard that `TYPE`, `ONLY_DEVICES` or `ACTION_STATUS` must mean, or {@link SOME_FILTER}; undefined for what is no filter. */
function filterMeant(given: string): string | undefined {
  const words = given
    .toLowerCase()
    .split('_')
    .filter((word) => word !== '');
  const ranks = words.map((word) => FILTER_WORDS.findIndex(([pattern]) => pattern.test(word)));
  if (words.some((word, index) => ranks[index] === -1 && !BESIDE_FILTERS.test(word))) return undefined;
  const [first] = ranks.filter((rank) => rank !== -1).sort((one, other) => one - other);
  return first === undefined ? undefined : (FILTER_WORDS[first]?.[1] ?? SOME_FILTER);
}

function rest(variable: string): string {
  return variable.replace(PREFIX, '');
}
