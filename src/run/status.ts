import { dirname } from 'node:path';
import PQueue from 'p-queue';
import { CountermandError, UsageError } from '../errors.ts';
import type { Job } from '../job/job.ts';
import { LEDGER_FOLDER, shownName } from '../job/ledger-name.ts';
import { thawJob } from '../job/resume-job.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { forecast } from '../quota/forecast.ts';
import type { WindowLeft } from '../quota/quota.ts';
import {
  type LedgerStatus,
  ledgerStatus,
  type RunStatus,
  runStatus,
  type WorkerStatus,
} from '../report/facts/run-status.ts';
import type { ScheduleStatus } from '../report/facts/schedule-status.ts';
import { isOver } from '../report/facts/view.ts';
import type { ListedRun, RunHolder } from '../store/store.ts';
import type { Machine } from './machine.ts';
import { decisionsOf } from './plan-facts.ts';
import { readWhatStands } from './read-view.ts';
import { forecastInput, lastPause, pausedUntilMs, quotaBeside, type WorkLeft, workLeft } from './run-forecast.ts';
import { ledgerGiven } from './target.ts';

/** The runs of some places as they stand at one moment. */
export interface StatusBoard {
  atMs: number;
  /** By name within each place. */
  runs: RunStatus[];
  /** What has the name of a ledger and is none, or cannot be read, as sentences. */
  passedOver: string[];
  /** Who takes runs of this store; left out where nobody can. */
  workers?: WorkerStatus[];
  /** Left out where runs were named, and where there can be none. */
  schedules?: ScheduleStatus[];
  /** The name of the campaign that these are the runs of, where one was asked for alone. */
  campaign?: string;
}

/** What is kept of a ledger from one look to the next: it is read again only when it was written to. */
interface Seen {
  version: string;
  status: LedgerStatus;
  /** Undefined where nothing was written yet, or nothing of it is left. */
  session: SeenSession | undefined;
}

/** What the forecast of a run goes by, beside the quota. */
interface SeenSession extends Pick<RunState, 'sessions' | 'pauses' | 'roundTripMs'> {
  job: Job;
  work: WorkLeft;
}

type LookingMachine = Pick<Machine, 'store' | 'storeWords' | 'clock' | 'cwd' | 'log'>;

/**
 * Looks at every run of these places, folders and ledgers, again at each call of the result. Takes no lock, writes nothing, sends nothing.
 * Throws a UsageError for a place where there is nothing, and for a ledger that was named and is none.
 * @default places the folder of ledgers in the current one, which need not be there
 */
export function statusReader(places: readonly string[], machine: LookingMachine): () => Promise<StatusBoard> {
  let known = new Map<string, Seen>();
  return async () => {
    const { entries, passedOver, campaign } = await findAll(places, machine);
    const before = known;
    const next = new Map<string, Seen>();
    // Each is a few questions and a little arithmetic, so that one waits for its answers while others are worked on.
    const looks = await eachOf(entries, async ({ entry, isNamed }) => {
      try {
        const looked = await lookAt(entry, before.get(entry.name), machine);
        next.set(entry.name, looked.seen);
        return looked;
      } catch (error) {
        if (isNamed || !(error instanceof CountermandError)) throw error;
        return error.message;
      }
    });
    passedOver.push(...looks.filter((look) => typeof look === 'string'));
    const found = looks.filter((look) => typeof look !== 'string');
    known = next;
    const quotas = new Map<string, Promise<readonly WindowLeft[]>>();
    const runs = await eachOf(found, async ({ seen, holder }) => {
      const ends = await endsAtMs(seen, holder !== undefined, quotas, machine);
      const pause = seen.session && lastPause(seen.session);
      // Where its moment has come, a try is on its way.
      const isOn = pause !== undefined && pause.untilMs > machine.clock.wallMs();
      return runStatus(seen.status, holder, ends, isOn ? pause : null);
    });
    return { atMs: machine.clock.wallMs(), runs, passedOver, ...(campaign === undefined ? {} : { campaign }) };
  };
}

/** What becomes of each, in their order; a few at a time. Throws what the first of them throws. */
async function eachOf<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const queue = new PQueue({ concurrency: AT_ONCE });
  return await queue.addAll(all.map((one) => () => work(one)));
}

/** A database answers what so many ask of it in a few statements. */
const AT_ONCE = 32;

interface Entry {
  entry: ListedRun;
  /** By itself: what is wrong with it is an error. */
  isNamed: boolean;
}

async function findAll(
  places: readonly string[],
  machine: LookingMachine,
): Promise<{ entries: readonly Entry[]; passedOver: string[]; campaign: string | undefined }> {
  const { store } = machine;
  const entries = new Map<string, Entry>();
  const passedOver: string[] = [];
  const inStore = store.keeps === 'runs';
  const all = inStore ? '' : LEDGER_FOLDER;
  let campaign: string | undefined;
  for (const typed of places.length === 0 ? [all] : places) {
    const place = await ledgerGiven(typed, machine);
    const listed = await store.list(place);
    if (listed === undefined && places.length > 0) {
      throw new UsageError(`There is no ledger and no ${inStore ? 'campaign' : 'folder'} ${place}: check the name.`);
    }
    const isCampaign = inStore && place !== '' && places.length === 1 && listed?.some(({ name }) => name !== place);
    if (isCampaign) campaign = place.replace(/\/$/, '');
    for (const entry of listed ?? []) {
      const isNamed = entry.name === place;
      const odd = `${entry.name} is ${entry.instead} and no ledger`;
      if (entry.instead === undefined) entries.set(entry.name, { entry, isNamed });
      else if (isNamed)
        throw new UsageError(`${odd}: name a ledger that plan or run has written, or a folder of them.`);
      else passedOver.push(odd);
    }
  }
  return { entries: [...entries.values()], passedOver, campaign };
}

/** How often a ledger is read again because it was written to while it was looked at. */
const LOOKS = 3;

/** A session may end between the reading of its ledger and the look at its lock: then what it wrote last is read too. */
async function lookAt(
  listed: ListedRun,
  known: Seen | undefined,
  machine: LookingMachine,
): Promise<{ seen: Seen; holder: RunHolder | undefined }> {
  const { store } = machine;
  let entry = listed;
  for (let look = 1; ; look++) {
    const seen = known?.version === entry.version ? known : await read(entry, machine);
    const holder = await store.holder(entry.name);
    if (holder !== undefined || seen.status.closed || look === LOOKS) return { seen, holder };
    const [now] = (await store.list(entry.name)) ?? [];
    if (now === undefined || now.version === entry.version) return { seen, holder };
    entry = now;
  }
}

async function read({ name, version }: ListedRun, { store, storeWords }: LookingMachine): Promise<Seen> {
  const view = await readWhatStands(store, name);
  const { state } = view;
  const plan = decisionsOf([view]);
  const decided = plan && { decisions: plan.decisions, forecast: undefined };
  const shown = shownName(name, { inStore: store.keeps === 'runs' });
  const status = ledgerStatus(view, shown, decided, storeWords);
  if (isOver(view)) return { version, status, session: undefined };
  const { sessions, pauses, roundTripMs } = state;
  const job = thawJob(sessions.at(-1)?.opened.job);
  return { version, status, session: { job, work: workLeft(state, job), sessions, pauses, roundTripMs } };
}

/** When a run is over that goes on now. `quotas`: what is left of those that were asked for already, since most runs of a folder share one. */
async function endsAtMs(
  { status: { ledger }, session }: Seen,
  isRunning: boolean,
  quotas: Map<string, Promise<readonly WindowLeft[]>>,
  machine: LookingMachine,
): Promise<number> {
  const { clock } = machine;
  if (session === undefined) return clock.wallMs();
  const { job, work, sessions } = session;
  const { tenant, client, api } = sessions.at(-1)?.opened ?? {};
  const key = JSON.stringify([dirname(ledger), tenant, client, api, job.quota]);
  const asked = quotas.get(key) ?? quotaBeside(ledger, session, machine);
  quotas.set(key, asked);
  const windows = await asked;
  const [nowMs, wallMs] = [clock.monotonicMs(), clock.wallMs()];
  const notBeforeMs = isRunning ? pausedUntilMs(session, nowMs - wallMs) : undefined;
  return wallMs + forecast(forecastInput(work, session, job, { windows, nowMs, notBeforeMs })).doneAtMs - nowMs;
}
