import { stringify } from 'yaml';
import { flagDuration } from '../../src/duration.ts';
import type { Flags } from '../../src/job/given-settings.ts';
import type { Job } from '../../src/job/job.ts';
import { parseJobFile } from '../../src/job/job-file.ts';
import { ACTION_STATUSES } from '../../src/job/known-names.ts';
import { resolveJob } from '../../src/job/resolve-job.ts';
import { BEGINNING } from './clock.ts';
import { API } from './defender.ts';
import type { Scenario } from './scenario.ts';
import type { Random } from './seed.ts';
import { CLIENT, TENANT } from './sign-in.ts';

const IDS_FILE = '/ids.txt';
const JOB_FILE = '/simulated.yaml';

/** SOURCE as the simulated operator types it. */
export function sourceArgument({ source }: Scenario): string {
  return source === 'query' ? JOB_FILE : source === 'file' ? IDS_FILE : '-';
}

/** A job that asks for every action, whatever its status. */
export const JOB_TEXT = stringify({ name: 'simulated', source: { query: { status: [...ACTION_STATUSES] } } });
const JOB = parseJobFile(JOB_TEXT, JOB_FILE, {});

/** What the simulated operator asks for, with the ledger at `path`, as words after the command. */
export function jobFlags(scenario: Scenario, path: string): Flags {
  const { guards, reads, windows } = scenario;
  const guarded = reads && (guards.onlyType || guards.createdAfter);
  const { maxFailures } = guards;
  return {
    tenant: TENANT,
    'client-id': CLIENT,
    'api-url': API,
    comment: 'not needed any more',
    ledger: path,
    quota: windows.map(({ calls, perMs }) => `${calls}/${perMs / 1000}s`),
    'quota-share': String(scenario.share),
    'quota-routes': scenario.routes,
    concurrency: String(scenario.concurrency),
    ...(reads && guards.onlyType ? { 'only-type': ['Isolate', 'LiveResponse'] } : {}),
    ...(reads && guards.createdAfter ? { 'created-after': new Date(BEGINNING - 86_400_000).toISOString() } : {}),
    ...(guards.maxActions === undefined ? {} : { 'max-actions': String(guards.maxActions) }),
    'max-failures': 'percent' in maxFailures ? `${maxFailures.percent}%` : String(maxFailures.count),
    ...(guards.first === undefined ? {} : { first: String(guards.first) }),
    ...(guards.maxDurationMs === undefined ? {} : { 'max-duration': flagDuration(guards.maxDurationMs) }),
    patience: flagDuration(scenario.patienceMs),
    // Whoever may not look and cancels all the same has to say so.
    screen: guarded ? 'auto' : reads ? scenario.screen : 'never',
    order: scenario.order,
    'confirm-for': flagDuration(scenario.confirmForMs),
    'plan-max-age': '60d',
    ...(scenario.earlier ? { 'keep-ledgers': '30d' } : {}),
  };
}

/** What that comes down to, with the ledger at `path`. */
export function jobOf(scenario: Scenario, path: string): Job {
  const flags = jobFlags(scenario, path);
  const sourceArg = sourceArgument(scenario);
  return resolveJob({ sourceArg, jobFile: JOB, flags, env: {}, cwd: '/', nowMs: BEGINNING });
}

/** What an operator gives along who has looked at everything and wants it done. */
export const UNLIMITED: Flags = {
  'max-actions': '1000000',
  first: '0',
  'max-duration': '365d',
  'max-failures': '100%',
};

/** What an operator says again with every command, where it is wider than a ledger may ask for by itself. */
export function repeatedFlags({ windows, routes }: Scenario): Flags {
  const isWide = windows.every(({ calls, perMs }) => calls * (3_600_000 / perMs) > 1500);
  return {
    ...(isWide ? { quota: windows.map(({ calls, perMs }) => `${calls}/${perMs / 1000}s`) } : {}),
    ...(routes === 'separate' ? { 'quota-routes': routes } : {}),
  };
}

/** The IDs as a list or a CSV, with the blemishes that lists have. */
export function sourceText(ids: readonly string[], random: Random, priorities: boolean): string {
  const spoiled = random.chance(0.3);
  const csv = random.chance(0.25);
  const ranks = random.fork('priorities');
  const lines = csv ? [`Id,Comment${priorities ? ',Priority' : ''}`] : [];
  const rank = () => (priorities ? `,${ranks.pick(['', '', '2', '-1', '0.5', 'high'])}` : '');
  for (const id of ids) {
    const written = random.chance(0.1) ? id.toUpperCase() : id;
    lines.push(csv ? `${written},${random.chance(0.3) ? 'own "words"'.replaceAll('"', '') : ''}${rank()}` : written);
    if (spoiled && random.chance(0.08)) lines.push(csv ? `${id},${rank()}` : id);
    if (spoiled && random.chance(0.05)) lines.push(csv ? `no id,${rank()}` : 'no-id');
    if (spoiled && random.chance(0.05)) lines.push('');
  }
  return `${lines.join('\n')}\n`;
}
