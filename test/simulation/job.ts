import { filterFromFlags } from '../../src/job/action-filter.ts';
import type { Job } from '../../src/job/job.ts';
import { BEGINNING } from './clock.ts';
import { API } from './defender.ts';
import type { Scenario } from './scenario.ts';
import type { Random } from './seed.ts';
import { CLIENT, TENANT } from './sign-in.ts';

/** What the simulated operator asks for, with the ledger at `path`. */
export function jobOf(scenario: Scenario, path: string): Job {
  const { guards, reads } = scenario;
  const guarded = reads && (guards.onlyType || guards.createdAfter);
  return {
    name: 'simulated',
    tenant: TENANT,
    clientId: CLIENT,
    auth: { kind: 'client-secret' },
    api: { cloud: 'commercial', region: undefined, url: API, authorityUrl: undefined, allowHosts: [] },
    source:
      scenario.source === 'query'
        ? { kind: 'query', query: filterFromFlags({}, BEGINNING) }
        : scenario.source === 'file'
          ? { kind: 'file', path: '/ids.txt', column: undefined }
          : { kind: 'stdin', column: undefined },
    comment: 'not needed any more',
    ledger: path,
    quota: { windows: scenario.windows, share: scenario.share, routes: scenario.routes },
    concurrency: scenario.concurrency,
    guards: {
      onlyType: reads && guards.onlyType ? ['Isolate', 'LiveResponse'] : [],
      onlyRequestor: [],
      onlyMachine: [],
      createdAfter: reads && guards.createdAfter ? new Date(BEGINNING - 86_400_000).toISOString() : undefined,
      createdBefore: undefined,
      maxActions: guards.maxActions,
      maxFailures: guards.maxFailures,
      first: guards.first,
      maxDurationMs: guards.maxDurationMs,
    },
    patienceMs: scenario.patienceMs,
    // Whoever may not look and cancels all the same has to say so.
    screen: guarded ? 'auto' : reads ? scenario.screen : 'never',
    confirmForMs: scenario.confirmForMs,
    strictInput: false,
    planMaxAgeMs: 60 * 86_400_000,
    keepLedgersMs: undefined,
    metricsFile: undefined,
  };
}

/** What an operator gives along who has looked at everything and wants it done. */
export function unlimited(job: Job): Job {
  const guards = {
    ...job.guards,
    maxActions: undefined,
    first: 0,
    maxDurationMs: undefined,
    maxFailures: { percent: 100 },
  };
  return { ...job, guards };
}

/** What an operator says again with every command, where it is wider than a ledger may ask for by itself. */
export function flagsOf({ windows, routes }: Scenario): Readonly<Record<string, unknown>> {
  const isWide = windows.every(({ calls, perMs }) => calls * (3_600_000 / perMs) > 1500);
  return {
    ...(isWide ? { quota: windows.map(({ calls, perMs }) => `${calls}/${perMs / 1000}s`) } : {}),
    ...(routes === 'separate' ? { 'quota-routes': routes } : {}),
  };
}

/** The IDs as a list or a CSV, with the blemishes that lists have. */
export function sourceText(ids: readonly string[], random: Random): string {
  const spoiled = random.chance(0.3);
  const csv = random.chance(0.25);
  const lines = csv ? ['Id,Comment'] : [];
  for (const id of ids) {
    const written = random.chance(0.1) ? id.toUpperCase() : id;
    lines.push(csv ? `${written},${random.chance(0.3) ? 'own "words"'.replaceAll('"', '') : ''}` : written);
    if (spoiled && random.chance(0.08)) lines.push(csv ? `${id},` : id);
    if (spoiled && random.chance(0.05)) lines.push(csv ? 'no id,' : 'no-id');
    if (spoiled && random.chance(0.05)) lines.push('');
  }
  return `${lines.join('\n')}\n`;
}
