import { withoutHostile } from '../clean.ts';
import { DOCUMENTED_WINDOWS, type Window } from '../quota/quota.ts';
import { flagWindow } from '../quota/windows.ts';
import type { Job } from './job.ts';
import { isKnownHost, isLoopback } from './known-hosts.ts';
import { SETTINGS, type SettingName, settingsThat } from './settings.ts';

/**
 * What a ledger may say to the session that works on it. Whoever can write the file can write it anew, so it may only narrow: it says what
 * to cancel, for whom and under which guards. What reaches outside comes from the session itself: its flags, its environment, its job file.
 */

/** A thing in a ledger that reaches outside, and what a session says to mean it. */
export interface Repeat {
  /** A session that gives this setting itself has repeated it. */
  setting: SettingName;
  /** Completes "this ledger …". */
  says: string;
  flags: readonly (readonly [flag: string, value: string])[];
}

type Rule = (job: Job) => Omit<Repeat, 'setting'> | undefined;

type RepeatedName = {
  [K in SettingName]: (typeof SETTINGS)[K]['fromLedger'] extends 'repeated' ? K : never;
}[SettingName];

/** Of each setting that must be given again where it reaches outside: undefined where it does not. */
const RULES: Readonly<Record<RepeatedName, Rule>> = {
  apiUrl: ({ api }) => otherHost('apiUrl', 'api', api.cloud, api.url),
  authorityUrl: ({ api }) => otherHost('authorityUrl', 'login', api.cloud, api.authorityUrl),
  // A share is part of a window: the shape of a job holds it to 1 at most.
  quota: widerWindows,
  quotaRoutes: ({ quota }) =>
    quota.routes === 'separate'
      ? { says: 'gives each route a quota of its own', flags: [['--quota-routes', 'separate']] }
      : undefined,
};

/** Settings whose values in a ledger count for nothing. */
export const IGNORED_FROM_LEDGER = settingsThat(({ fromLedger }) => fromLedger === 'ignored');

/** What the next session on this job's ledger must say again, in the order of the settings. */
function toRepeat(job: Job): Repeat[] {
  return (Object.keys(RULES) as RepeatedName[]).flatMap((setting) => {
    const repeat = RULES[setting](job);
    return repeat === undefined ? [] : [{ setting, ...repeat }];
  });
}

/** What the next session on this ledger must say again, as words of a command line that are not yet quoted for a shell. */
export function wordsToRepeat(job: Job): string[] {
  return toRepeat(job).flatMap(({ flags }) => flags.flat());
}

/** A sentence for each thing that the ledger says, reaches outside, and was not said by this session. */
export function unrepeated(job: Job, isSaid: (name: SettingName) => boolean): string[] {
  return toRepeat(job)
    .filter(({ setting }) => !isSaid(setting))
    .map(({ says, flags }) => {
      const words = flags.map(([flag, value]) => `${flag} ${value}`).join(' ');
      return `this ledger ${says}, and a ledger may come from somebody else: give ${words} if you mean it`;
    });
}

/** Whether these windows allow more calls than is documented, in any span. */
export function isWider(windows: readonly Window[], share: number): boolean {
  return widerBy(windows, share) !== undefined;
}

/** The first documented window of which these allow more, and how many calls they allow in its span. */
function widerBy(windows: readonly Window[], share: number): { documented: Window; most: number } | undefined {
  for (const documented of DOCUMENTED_WINDOWS) {
    // A span is covered by so many spans of a window, each with as many calls as it allows.
    const allowed = windows.map(
      ({ calls, perMs }) => Math.max(1, Math.floor(calls * share)) * Math.ceil(documented.perMs / perMs),
    );
    const most = Math.min(...allowed);
    if (most > documented.calls) return { documented, most };
  }
  return undefined;
}

function widerWindows({ quota }: Job): Omit<Repeat, 'setting'> | undefined {
  const { windows, share } = quota;
  const wider = widerBy(windows, share);
  if (wider === undefined) return undefined;
  const { documented, most } = wider;
  const given = windows.map(flagWindow);
  const made = flagWindow({ ...documented, calls: most });
  return {
    says: `allows ${given.join(' and ')}${given.includes(made) ? '' : `, which makes ${made}`}, more than the documented ${flagWindow(documented)}`,
    flags: given.map((window) => ['--quota', window] as const),
  };
}

function otherHost(
  setting: 'apiUrl' | 'authorityUrl',
  kind: 'api' | 'login',
  cloud: Job['api']['cloud'],
  address: string | undefined,
): Omit<Repeat, 'setting'> | undefined {
  if (address === undefined || isKnownHost(kind, cloud, address)) return undefined;
  const host = URL.canParse(address) ? new URL(address).hostname : undefined;
  const allow = host === undefined || isLoopback(host) ? [] : [['--allow-host', host] as const];
  const what = kind === 'api' ? 'sends to' : 'signs in at';
  const shown = plain(address);
  return {
    says: `${what} ${shown}, which is not a Microsoft host of cloud ${cloud}`,
    flags: [[`--${SETTINGS[setting].flag}`, shown], ...allow],
  };
}

/** Safe to print: no control characters, and no password before the host, with which no flag would take it either. */
function plain(address: string): string {
  return withoutHostile(address)
    .replace(/\s/g, '')
    .replace(/\/\/[^/]*@/, '//…@')
    .slice(0, 300);
}
