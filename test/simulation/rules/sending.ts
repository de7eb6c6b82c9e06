import type { LedgerWatch } from '../ledger-watch.ts';
import type { Scenario } from '../scenario.ts';
import type { Invariant } from './rule.ts';

const GUID = '[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}';
const ROUTES = new RegExp(
  `^(?:POST /api/machineactions/${GUID}/cancel|GET /api/machineactions/${GUID}|GET /api/machineactions\\?.*|GET /api/machines\\?\\$top=10000(?:&\\$skip=\\d+)?)$`,
);
const API_HOST = 'https://api.security.microsoft.com';
/**
 * The look at the lock and the file is good for 5 ms (LOOK_GOOD_MS in src/store/folder/held-lock.ts), and what it finds takes a few ms of the
 * disk: a request that leaves so shortly after the file was swapped could not be held back.
 */
const LOOK_MS = 20;

/** What may leave, and when. */
export const SENDING_RULES: readonly Invariant[] = [
  {
    name: 'routes',
    promise: 'Only four routes are ever called: cancel and get of one GUID, the list, and the list of devices.',
    check: { send: ({ sent }) => (ROUTES.test(sent.line) ? undefined : sent.line) },
  },
  {
    name: 'host',
    promise: 'Nothing is sent to a host that the operator did not name.',
    check: { send: ({ sent }) => (sent.apiUrl === API_HOST ? undefined : `${sent.line} to ${sent.apiUrl}`) },
  },
  {
    name: 'replaced',
    promise: 'Nothing is sent once the ledger was replaced, cut or removed under the run.',
    check: {
      send: ({ sent, worker }, { now, scenario }) => {
        const agoMs = worker?.swappedAtMs === undefined ? 0 : now() - worker.swappedAtMs;
        return agoMs > LOOK_MS + slowestMs(scenario.sessions) ? `${sent.line} ${agoMs} ms after that` : undefined;
      },
    },
  },
  {
    name: 'intent',
    promise: 'Nothing is sent without an intent that is on the platter, in a file that can be read.',
    check: {
      send: ({ sent, worker, watch, intent }, { isThere }) => {
        if (worker?.inode === undefined || watch === undefined) return `${sent.line} without a ledger`;
        // How soon a swap must be noticed is another rule's.
        if (worker.swappedAtMs !== undefined) return undefined;
        if (!isThere(worker.inode)) return `${sent.line}, and its ledger has no name any more`;
        return intent === undefined ? sent.line : undefined;
      },
    },
  },
  {
    name: 'one sender',
    promise:
      'As one application and from one folder only the process sends that opened its ledger last, plans that send nothing apart.',
    check: {
      send: ({ sent }, { lastOpener }) => {
        const opener = lastOpener();
        return opener === sent.by ? undefined : `${sent.by.name} sends beside its successor ${opener?.name}`;
      },
    },
  },
  {
    name: 'reviewed',
    promise: 'Under a head that was reviewed nothing is cancelled that the plan did not hold at the review.',
    check: {
      cancel: ({ id, worker }) => (worker.reviewed?.has(id) === false ? id : undefined),
    },
  },
  {
    name: 'started',
    promise: 'Nothing is cancelled before intake and start are durable.',
    check: { cancel: ({ id, watch }) => (watch.hasIntake && watch.hasStart ? undefined : id) },
  },
  {
    name: 'admitted',
    promise: 'Only what was admitted before the last start is cancelled.',
    check: { cancel: ({ id, watch }) => (watch.agreed.has(id) ? undefined : id) },
  },
  {
    name: 'stamp',
    promise: "Every comment begins with the run's stamp.",
    check: {
      cancel: ({ sent, watch }) => {
        const { comment } = sent.request;
        return comment.startsWith(`[countermand ${watch.run.slice(0, 8)}] `) ? undefined : comment;
      },
    },
  },
  {
    name: 'final',
    promise: 'Nothing is cancelled after its final outcome, but for a retry that was asked for.',
    check: {
      cancel: ({ id, worker, watch, intent }) => {
        if (intent.after !== undefined && !worker.retry.has(intent.after)) return `${id} after ${intent.after}`;
        return watch.outcomes.get(id) === 'withdrawn' ? `${id}, which was withdrawn` : undefined;
      },
    },
  },
  {
    name: 'once',
    promise: 'A cancel that was accepted is not sent again, but for a retry that was asked for.',
    check: { cancel: ({ id, worker, intent }) => (intent.afterAccepting && worker.retry.size === 0 ? id : undefined) },
  },
  {
    name: 'in doubt',
    promise: 'After a lost answer an action is looked up before it is cancelled again.',
    check: {
      cancel: ({ id, worker, watch }, { history, scenario }) => {
        if (history.isForgottenAction(watch.run, id)) return undefined;
        const last = history.last(watch.run, id);
        const wasLost = last !== undefined && (last.sent.told !== 'answer' || last.sent.spoiled);
        return wasLost && !last.lookedAt && scenario.reads && worker.retry.size === 0 ? id : undefined;
      },
    },
  },
  {
    name: 'cap',
    promise: 'Nothing is cancelled where more was admitted than the guard allows.',
    check: {
      cancel: ({ id, worker, watch }, { scenario }) => {
        const { maxActions } = scenario.guards;
        if (!worker.limited || maxActions === undefined || watch.admitted.size <= maxActions) return undefined;
        return `${id}, though ${watch.admitted.size} are admitted and ${maxActions} are allowed`;
      },
    },
  },
  {
    name: 'withdrawn',
    promise: 'What the source no longer names, and the operator takes back, is not cancelled for the first time.',
    check: {
      cancel: ({ id, worker, watch, intent }, { history }) => {
        if (!worker.withdraws || worker.retry.size > 0 || worker.named?.has(id) !== false) return undefined;
        // What was or may have been called is not taken back any more.
        const isFirst = ![...watch.intents.values()].some(
          (each) => each !== intent && each.route === 'cancel' && each.id === id,
        );
        return isFirst && !history.isForgottenAction(watch.run, id) ? id : undefined;
      },
    },
  },
  {
    name: 'guards',
    promise: 'Nothing is cancelled that the guards keep out, nor a release that was not asked for by its type.',
    check: {
      cancel: ({ id, watch }, { defender, isExcluded, scenario }) => {
        const truth = defender.truth.get(id);
        if (truth !== undefined && isExcluded(truth)) return `${id} (${truth.type})`;
        const screened = watch.screened.get(id);
        // Where nobody looks, or one lookup had all its attempts without an answer, what a hand has written is all that there is, and it is not believed.
        const looks = scenario.reads && scenario.screen !== 'never';
        const isKnown = screened !== undefined && (!screened.byHand || (looks && !hasUsedUpALookup(watch)));
        const wasSeen = isKnown && screened.status !== 'NotFound' && truth?.odd === undefined;
        const isRelease = wasSeen && truth?.type === 'Unisolate';
        return isRelease && !scenario.guards.onlyType ? `${id}, an Unisolate` : undefined;
      },
    },
  },
  {
    name: 'pause',
    promise: 'After a 429 nothing is sent until its Retry-After has passed.',
    check: {
      send: ({ sent }, { history, now }) => {
        const leftMs = history.pausedUntil(sent.by) - now();
        return leftMs > 0 ? `${sent.line} ${leftMs} ms too early` : undefined;
      },
    },
  },
  {
    name: 'refused token',
    promise: 'A token that Defender refused (401, whatever its body) is renewed, not tried on.',
    check: {
      send: ({ sent }, { history, scenario }) => {
        const refusals = history.refusals(sent.by, sent.request.token);
        return refusals > inFlight(scenario.concurrency) ? `${sent.line} after ${refusals} refusals` : undefined;
      },
    },
  },
  {
    name: 'paging',
    promise: 'A list comes to its end, however its links lead.',
    check: {
      send: ({ sent }, { history, defender }) => {
        const pages = history.pages(sent.by);
        return pages > 60 + 3 * defender.truth.size ? `${pages} pages for ${defender.truth.size} actions` : undefined;
      },
    },
  },
];

/** Each of these may have had the token in hand when it was refused: cancels at once, lookups and their retries. */
function inFlight(concurrency: number): number {
  return 2 * concurrency + 8;
}

function slowestMs(sessions: Scenario['sessions']): number {
  return Math.max(0, ...sessions.map(({ disk }) => (disk.slow > 0 ? 2 * disk.slowMs : 0)));
}

/** After five attempts at one lookup the others of its batch are not tried, and are called unseen. */
function hasUsedUpALookup({ intents }: LedgerWatch): boolean {
  const attempts = new Map<string, number>();
  for (const { route, id } of intents.values()) {
    const lookup = route === 'get' ? id : route === 'list' ? 'a list' : undefined;
    if (lookup !== undefined) attempts.set(lookup, (attempts.get(lookup) ?? 0) + 1);
  }
  return [...attempts.values()].some((n) => n >= 5);
}
