import { closest, distance } from 'fastest-levenshtein';
import { SETTING_NAMES, SETTINGS, variableOf } from '../job/settings.ts';

/** Variables of ours that are not settings. */
const OTHERS = ['COUNTERMAND_TOKEN', 'COUNTERMAND_TOKEN_FILE', 'COUNTERMAND_LOG_LEVEL', 'COUNTERMAND_YES'];
/** A cluster sets these for a service that is called like us. */
const OF_A_CLUSTER = /^COUNTERMAND_(SERVICE_|PORT(_|$))/;
const ALIKE = 3;

/** A sentence for each variable that looks like one of ours and is none: a guard with a misspelt name would guard nothing. */
export function unknownVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = [...OTHERS, ...SETTING_NAMES.map((name) => variableOf(SETTINGS[name].flag))];
  return Object.keys(env)
    .filter((name) => name.startsWith('COUNTERMAND_') && !known.includes(name) && !OF_A_CLUSTER.test(name))
    .map((name) => {
      const near = closest(name, known);
      const meant = distance(name, near) <= ALIKE ? `; did you mean ${near}?` : '';
      return `the variable ${name} is not one that countermand knows, so it does nothing${meant}`;
    });
}
