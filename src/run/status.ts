import { basename } from 'node:path';
import { CountermandError, UsageError } from '../errors.ts';
import type { Job } from '../job/job.ts';
import { LEDGER_FOLDER, ledgerTyped } from '../job/ledger-name.ts';
import { thawJob } from '../job/resume-job.ts';
import { byOurClock } from '../ledger/call-age.ts';
import { mayBeSameSender, type SenderId } from '../ledger/sender.ts';
import type { PastCall } from '../ledger/state/run-state.ts';
import { ASSUMED_ROUND_TRIP_MS, forecast } from '../quota/forecast.ts';
import { agedCalls, lookBackMs, windowsAfter } from '../quota/past-calls.ts';
import { DOCUMENTED_WINDOWS } from '../quota/quota.ts';
import { shareOf } from '../quota/windows.ts';
import {
  type LedgerStatus,
  ledgerStatus,
  type RunStatus,
  runStatus,
  type WorkerStatus,
} from '../report/facts/run-status.ts';
import type { ListedRun, RunHolder } from '../store/store.ts';
import type { Machine } from './machine.ts';
import { planFactsOf } from './plan-facts.ts';
import { workIn } from './progress-facts.ts';
import { readWhatStands } from './read-view.ts';

/** The runs of some places as they stand at one moment. */
export interface StatusBoard {
  atMs: number;
  /** By name within each place. */
  runs: RunStatus[];
  /** What has the name of a ledger and is none, or cannot be read, as sentences. */
  passedOver: string[];
  /** Who takes runs of this store; left out where nobody can. */
  workers?: WorkerStatus[];
}

/** What is kept of a ledger from one look to the next: it is read again only when it was written to. */
interface Seen {
  version: string;
  status: LedgerStatus;
  /** Undefined where nothing was written yet, or nothing of it is left. */
  session: SeenSession | undefined;
}

/** Of the last session. */
interface SeenSession {
  job: Job;
  sender: SenderId;
  /** Calls still to be made, as plan and progress reckon them. */
  toCall: number;
  /** Those that may still count against the quota. */
  past: readonly PastCall[];
  pausedUntilMs: number | undefined;
}

type LookingMachine = Pick<Machine, 'store' | 'clock' | 'cwd'>;

/**
 * Looks at every run of these places, folders and ledgers, again at each call of the result. Takes no lock, writes nothing, sends nothing.
 * Throws a UsageError for a place where there is nothing, and for a ledger that was named and is none.
 * @default places the folder of ledgers in the current one, which need not be there
 */
export function statusReader(places: readonly string[], machine: LookingMachine): () => Promise<StatusBoard> {
  let known = new Map<string, Seen>();
  return async () => {
    const { entries, passedOver } = await findAll(places, machine);
    const found: { seen: Seen; holder: RunHolder | undefined }[] = [];
    const next = new Map<string, Seen>();
    for (const { entry, isNamed } of entries) {
      try {
        const looked = await lookAt(entry, known.get(entry.name), machine);
        next.set(entry.name, looked.seen);
        found.push(looked);
      } catch (error) {
        if (isNamed || !(error instanceof CountermandError)) throw error;
        passedOver.push(error.message);
      }
    }
    known = next;
    const atMs = machine.clock.wallMs();
    // A ledger with two names made its calls once.
    const once = new Map(found.map(({ seen }) => [seen.version, seen.session]));
    const sessions = [...once.values()].filter((session) => session !== undefined);
    const runs = found.map(({ seen, holder }) =>
      runStatus(seen.status, holder, endsAtMs(seen.session, sessions, holder !== undefined, atMs)),
    );
    return { atMs, runs, passedOver };
  };
}

interface Entry {
  entry: ListedRun;
  /** By itself: what is wrong with it is an error. */
  isNamed: boolean;
}

async function findAll(
  places: readonly string[],
  { store, cwd }: LookingMachine,
): Promise<{ entries: readonly Entry[]; passedOver: string[] }> {
  const entries = new Map<string, Entry>();
  const passedOver: string[] = [];
  const inStore = store.keeps === 'runs';
  const all = inStore ? '' : LEDGER_FOLDER;
  for (const typed of places.length === 0 ? [all] : places) {
    const place = ledgerTyped(typed, { cwd, inStore });
    const listed = await store.list(place);
    if (listed === undefined && places.length > 0) {
      throw new UsageError(`There is no ledger and no ${inStore ? 'campaign' : 'folder'} ${place}: check the name.`);
    }
    for (const entry of listed ?? []) {
      const isNamed = entry.name === place;
      const odd = `${entry.name} is ${entry.instead} and no ledger`;
      if (entry.instead === undefined) entries.set(entry.name, { entry, isNamed });
      else if (isNamed)
        throw new UsageError(`${odd}: name a ledger that plan or run has written, or a folder of them.`);
      else passedOver.push(odd);
    }
  }
  return { entries: [...entries.values()], passedOver };
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

async function read({ name, version }: ListedRun, { store, clock }: LookingMachine): Promise<Seen> {
  const view = await readWhatStands(store, name);
  const { state } = view;
  const plan = planFactsOf([view]);
  const status = ledgerStatus(view, store.keeps === 'runs' ? name : basename(name, '.jsonl'), plan);
  const last = state.sessions.at(-1);
  if (last === undefined) return { version, status, session: undefined };
  const { opened, number, closed } = last;
  const job = thawJob(opened.job);
  // Another run of this sender may have longer windows than this one.
  const withinMs = lookBackMs([...DOCUMENTED_WINDOWS, ...job.quota.windows]);
  const pause = closed === undefined ? state.pauses.findLast(({ session }) => session === number) : undefined;
  return {
    version,
    status,
    session: {
      job,
      sender: { tenant: opened.tenant, client: opened.client, api: opened.api },
      toCall: plan?.forecast?.calls ?? workIn(state, job.guards).toCall,
      past: state.recentCalls(byOurClock(clock.wallMs()), withinMs, opened.client),
      pausedUntilMs: pause === undefined ? undefined : Date.parse(pause.until),
    },
  };
}

/** When a run is over that goes on now, under what the ledgers that were looked at leave of its quota, as far as they are of the same sender. */
function endsAtMs(
  own: SeenSession | undefined,
  sessions: readonly SeenSession[],
  isRunning: boolean,
  atMs: number,
): number {
  if (own === undefined) return atMs;
  const { job, sender, toCall, pausedUntilMs } = own;
  const { windows, share, routes } = job.quota;
  const past = sessions
    .filter((other) => mayBeSameSender(other.sender, sender))
    .flatMap((other) => other.past)
    .filter(({ route }) => routes === 'shared' || route === 'cancel');
  const { doneAtMs } = forecast({
    calls: toCall,
    windows: windowsAfter(shareOf(windows, share), agedCalls(past, byOurClock(atMs)), atMs),
    concurrency: job.concurrency,
    roundTripMs: ASSUMED_ROUND_TRIP_MS,
    nowMs: atMs,
    notBeforeMs: isRunning ? pausedUntilMs : undefined,
  });
  return doneAtMs;
}
