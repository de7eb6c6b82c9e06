import { frozenSetting } from '../../job/build-job.ts';
import { wordsToRepeat } from '../../job/from-ledger.ts';
import { frozenJobSchema, type Job, type JobSource } from '../../job/job.ts';
import type { Setting } from '../../job/setting.ts';
import { SETTING_NAMES, SETTINGS } from '../../job/settings.ts';
import type { Order } from '../../ledger/record.ts';
import { DOCUMENTED_WINDOWS, type Window } from '../../quota/quota.ts';
import { shareOf } from '../../quota/windows.ts';

/** What a report shows of the frozen job. */
export interface JobFacts {
  name: string;
  comment: string | undefined;
  /** Where the IDs came from, in a few words. */
  source: string;
  /** The quota's windows with the share taken. */
  windows: readonly Window[];
  /** Whether all routes share them, or each has its own. */
  routes: Job['quota']['routes'];
  concurrency: number | undefined;
  maxActions: number | undefined;
  /** The guards that were set, in words. */
  guards: readonly string[];
  /** What a next session must say again, as words of its command line: a ledger alone may not reach outside. */
  again: readonly string[];
  /** False with `--screen never`. */
  looksUp: boolean;
  /** The order that was asked for. */
  order: Order;
}

/** Of a ledger without a session. */
const NO_JOB: JobFacts = {
  name: 'unnamed',
  comment: undefined,
  source: 'unknown',
  windows: DOCUMENTED_WINDOWS,
  routes: 'shared',
  concurrency: undefined,
  maxActions: undefined,
  guards: [],
  again: [],
  looksUp: true,
  order: 'source',
};

/** `frozen` is the job of an `open` record, whose shape was checked when the ledger was read. */
export function jobFacts(frozen: unknown): JobFacts {
  const { data: job } = frozenJobSchema.safeParse(frozen);
  if (job === undefined) return NO_JOB;
  return {
    name: job.name,
    comment: job.comment,
    source: sourceWords(job.source),
    windows: shareOf(job.quota.windows, job.quota.share),
    routes: job.quota.routes,
    concurrency: job.concurrency,
    maxActions: job.guards.maxActions,
    guards: guardWords(job),
    again: wordsToRepeat(job),
    looksUp: job.screen !== 'never',
    order: job.order,
  };
}

/** The order that was gone by, in words: why it was another one than was asked for, where it was. */
export function orderWords({ order: asked, looksUp }: Pick<JobFacts, 'order' | 'looksUp'>, by: Order): string {
  if (by === asked) return by;
  const why = looksUp ? 'the devices could not be read' : 'actions were not looked up (--screen never)';
  return by === 'source' ? `source; ${asked} was asked for, and ${why}` : by;
}

function sourceWords(source: JobSource): string {
  switch (source.kind) {
    case 'file':
      return source.path;
    case 'stdin':
      return 'standard input';
    case 'query': {
      const parts = Object.entries(source.query).flatMap(([key, value]) => {
        const words = [value ?? []].flat().join(', ');
        return words === '' ? [] : [`${key} ${words}`];
      });
      return `Defender query${parts.length > 0 ? `: ${parts.join('; ')}` : ''}`;
    }
  }
}

function guardWords(job: Job): string[] {
  return SETTING_NAMES.flatMap((name) => {
    const { words }: Setting = SETTINGS[name];
    const value = frozenSetting(job, name);
    const isSet = value !== undefined && !(Array.isArray(value) && value.length === 0);
    return words !== undefined && isSet ? [words(value as never)] : [];
  });
}
