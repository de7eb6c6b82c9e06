import { wordsToRepeat } from '../../job/from-ledger.ts';
import { frozenJobSchema, type Job } from '../../job/job.ts';
import { DOCUMENTED_WINDOWS, type Window } from '../../quota/quota.ts';

/**
 * What a report shows of the frozen job. The ledger keeps the job as plain JSON that another version may have written,
 * so nothing here is taken for granted.
 */
export interface JobFacts {
  name: string;
  comment: string | undefined;
  /** Where the IDs came from, in a few words. */
  source: string;
  /** The quota's windows with the share taken. */
  windows: readonly Window[];
  concurrency: number | undefined;
  maxActions: number | undefined;
  /** The guards that were set, in words. */
  guards: readonly string[];
  /** What a next session must say again, as words of its command line: a ledger alone may not reach outside. */
  again: readonly string[];
  /** False with `--screen never`. */
  looksUp: boolean;
}

export function jobFacts(job: unknown): JobFacts {
  const root = record(job);
  const quota = record(root['quota']);
  const guards = record(root['guards']);
  return {
    name: text(root['name']) ?? 'unnamed',
    comment: text(root['comment']),
    source: sourceWords(record(root['source'])),
    windows: windowsOf(quota['windows'], number(quota['share']) ?? 1),
    concurrency: number(root['concurrency']),
    maxActions: number(guards['maxActions']),
    guards: guardWords(guards),
    again: againWords(job),
    looksUp: root['screen'] !== 'never',
  };
}

function againWords(job: unknown): readonly string[] {
  const parsed = frozenJobSchema.safeParse(job);
  return parsed.success ? wordsToRepeat(parsed.data as Job) : [];
}

function sourceWords(source: Record<string, unknown>): string {
  switch (source['kind']) {
    case 'file':
      return text(source['path']) ?? 'a file';
    case 'stdin':
      return 'standard input';
    case 'query': {
      const parts = Object.entries(record(source['query'])).flatMap(([key, value]) => {
        const words = Array.isArray(value) ? value.filter((item) => typeof item === 'string').join(', ') : text(value);
        return words ? [`${key} ${words}`] : [];
      });
      return `Defender query${parts.length > 0 ? `: ${parts.join('; ')}` : ''}`;
    }
    default:
      return 'unknown';
  }
}

function guardWords(guards: Record<string, unknown>): string[] {
  const lists = { onlyType: 'only type', onlyRequestor: 'only requestor', onlyMachine: 'only machine' };
  const words: string[] = [];
  for (const [key, label] of Object.entries(lists)) {
    const value = guards[key];
    if (Array.isArray(value) && value.length > 0) words.push(`${label} ${value.join(', ')}`);
  }
  const after = text(guards['createdAfter']);
  const before = text(guards['createdBefore']);
  if (after !== undefined) words.push(`created after ${after}`);
  if (before !== undefined) words.push(`created before ${before}`);
  const most = number(guards['maxActions']);
  if (most !== undefined) words.push(`at most ${most} actions`);
  const failures = record(guards['maxFailures']);
  const percent = number(failures['percent']);
  const count = number(failures['count']);
  if (percent !== undefined) words.push(`halt above ${percent} % failures`);
  if (count !== undefined) words.push(`halt above ${count} failures`);
  const first = number(guards['first']);
  if (first !== undefined) words.push(`first ${first}, then ask again`);
  const duration = number(guards['maxDurationMs']);
  if (duration !== undefined) words.push(`no new work after ${Math.round(duration / 60_000)} min`);
  return words;
}

function windowsOf(value: unknown, share: number): readonly Window[] {
  const windows = (Array.isArray(value) ? value : []).flatMap((item) => {
    const calls = number(record(item)['calls']);
    const perMs = number(record(item)['perMs']);
    return calls !== undefined && perMs !== undefined && calls > 0 && perMs > 0 ? [{ calls, perMs }] : [];
  });
  return (windows.length > 0 ? windows : DOCUMENTED_WINDOWS).map(({ calls, perMs }) => ({
    calls: Math.max(1, Math.floor(calls * share)),
    perMs,
  }));
}

function record(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}
