import { Agent } from 'undici';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Clock, systemClock } from '../../src/clock.ts';
import { makeDefender } from '../../src/defender/client.ts';
import { makeTransport } from '../../src/defender/transport.ts';
import { cancelAll } from '../../src/engine/cancel-all.ts';
import { makeLookups } from '../../src/engine/lookups.ts';
import { makeStop } from '../../src/engine/session.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import { silentLog } from '../../src/log.ts';
import { makeGate } from '../../src/quota/gate/gate.ts';
import { makeQuota } from '../../src/quota/local/local-quota.ts';
import type { ActionBehaviour } from '../../src/sandbox/behaviours.ts';
import type { Fault } from '../../src/sandbox/faults.ts';
import { type ActionSeed, serviceTime } from '../../src/sandbox/sandbox-action.ts';
import { type Sandbox, startSandbox } from '../../src/sandbox/start-sandbox.ts';
import { machine, OPEN } from '../store/folder/harness.ts';
import { MemoryDisk } from '../store/folder/memory-disk.ts';
import { openLedger } from '../support/open-ledger.ts';
import { id, job, RUN, STAMP, Tokens } from './run.ts';

/** Ten seconds pass in one, for us and for the sandbox alike: the waits of the rules are long. */
const FASTER = 10;
const fastClock: Clock = {
  wallMs: () => Date.UTC(2026, 2, 1) + performance.now() * FASTER,
  monotonicMs: () => performance.now() * FASTER,
  sleep: (ms, options) => systemClock.sleep(ms / FASTER, options),
};

interface Row {
  says: string;
  action?: Partial<ActionSeed>;
  behaviour?: ActionBehaviour;
  /** By the number of the cancel call for this action. */
  faults?: readonly (Fault | undefined)[];
  unknown?: true;
  outcome: string;
  posts: number;
  attempt?: number;
  /** Looked up between its cancels. */
  lookedUpBetween?: boolean;
  detail?: RegExp;
}

const applied = { applied: true } as const;
const later = (becomes: string, more: object = {}): ActionBehaviour => ({
  onCancel: { kind: 'later', becomes, afterMs: 3000, ...more },
});

const ROWS: readonly Row[] = [
  { says: '200 with the entity is confirmed', outcome: 'cancelled', posts: 1 },
  {
    says: '200 while still Pending is looked at until it shows Cancelled',
    behaviour: later('Cancelled', { afterMs: 8000 }),
    outcome: 'cancelled',
    posts: 1,
  },
  { says: '200 and Succeeded ran anyway', behaviour: later('Succeeded'), outcome: 'ran-anyway', posts: 1 },
  { says: '200 and Failed ended otherwise', behaviour: later('Failed'), outcome: 'ended-otherwise', posts: 1 },
  { says: '200 and TimeOut ended otherwise', behaviour: later('TimeOut'), outcome: 'ended-otherwise', posts: 1 },
  {
    says: '200 and Cancelled with a completed command ran anyway',
    behaviour: { onCancel: { kind: 'at-once', completedCommand: true } },
    outcome: 'ran-anyway',
    posts: 1,
  },
  {
    says: '200 and a status that nobody knows is unconfirmed',
    behaviour: later('Paused'),
    outcome: 'unconfirmed',
    posts: 1,
  },
  {
    says: '200 and nothing more is unconfirmed',
    behaviour: { onCancel: { kind: 'later', becomes: 'Cancelled' } },
    outcome: 'unconfirmed',
    posts: 1,
  },
  {
    says: '400 on an action that just ended is already-final',
    behaviour: { onCancel: { kind: 'beaten', status: 'Succeeded' } },
    outcome: 'already-final',
    posts: 1,
  },
  {
    says: '400 on an action that another cancelled is already-final',
    behaviour: { onCancel: { kind: 'beaten' } },
    outcome: 'already-final',
    posts: 1,
  },
  {
    says: '400 on an action that is cancelled with our stamp is cancelled',
    behaviour: { onCancel: { kind: 'beaten', comment: `${STAMP}x` } },
    outcome: 'cancelled',
    posts: 1,
  },
  {
    says: "400 on an open action is failed, with Defender's code",
    behaviour: { onCancel: { kind: 'refused', http: 400, code: 'OsPlatformNotSupported' } },
    outcome: 'failed',
    posts: 1,
    detail: /OsPlatformNotSupported/,
  },
  {
    says: '401 renews the token and repeats',
    faults: [{ kind: 'unauthorized' }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 1,
  },
  { says: '403 alone is forbidden', faults: [{ kind: 'forbidden' }], outcome: 'forbidden', posts: 1 },
  {
    says: '403 to a repeat of what was carried out is told by the stamp',
    faults: [{ kind: 'status', status: 503, ...applied }, { kind: 'forbidden' }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
  },
  {
    says: '403 to a repeat of what is being carried out is confirmed',
    behaviour: later('Cancelled', { afterMs: 12_000 }),
    faults: [{ kind: 'status', status: 503, ...applied }, { kind: 'forbidden' }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
  },
  {
    says: '404 on an old action is not-found',
    faults: [{ kind: 'status', status: 404 }],
    outcome: 'not-found',
    posts: 1,
  },
  {
    says: '404 on a young action that was seen is asked again',
    action: { creationDateTimeUtc: 'now' },
    faults: [{ kind: 'status', status: 404 }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 1,
  },
  ...[408, 500, 502, 503, 504].map((status) => ({
    says: `${status} is tried again`,
    faults: [{ kind: 'status', status } as const],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
  })),
  {
    says: '503 five times is failed',
    faults: Array.from({ length: 5 }, () => ({ kind: 'status', status: 503 }) as const),
    outcome: 'failed',
    posts: 5,
    attempt: 5,
    detail: /5 attempts used up/,
  },
  {
    says: '500 although it was applied is told by the stamp',
    faults: [{ kind: 'status', status: 500, ...applied }],
    outcome: 'cancelled',
    posts: 2,
  },
  {
    says: 'a reset is looked up, then tried again',
    faults: [{ kind: 'reset' }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
    lookedUpBetween: true,
  },
  {
    says: 'a reset after it was applied is told by the stamp',
    faults: [{ kind: 'reset', ...applied }],
    outcome: 'cancelled',
    posts: 1,
  },
  {
    says: 'a timeout after it was applied is told by the stamp',
    faults: [{ kind: 'hang', ...applied }],
    outcome: 'cancelled',
    posts: 1,
  },
  {
    says: 'a timeout of a request that never arrived is tried again',
    faults: [{ kind: 'hang' }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
    lookedUpBetween: true,
  },
  { says: 'half an answer is told by the stamp', faults: [{ kind: 'reset-in-body' }], outcome: 'cancelled', posts: 1 },
  { says: 'cut JSON is told by the stamp', faults: [{ kind: 'cut-json' }], outcome: 'cancelled', posts: 1 },
  {
    says: 'the entity of another action is told by the stamp',
    faults: [{ kind: 'wrong-id' }],
    outcome: 'cancelled',
    posts: 1,
  },
  ...[200, 400, 404].map((status) => ({
    says: `${status} with a page of a proxy is looked up, then tried again`,
    faults: [{ kind: 'html', status } as const],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
    lookedUpBetween: true,
  })),
  {
    says: '502 with a page of a gateway is tried again',
    faults: [{ kind: 'html', status: 502 }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 2,
  },
  {
    says: 'a redirect is not followed, but looked up and tried again',
    faults: [{ kind: 'redirect' }],
    outcome: 'cancelled',
    posts: 2,
    lookedUpBetween: true,
  },
  {
    says: '429 waits and keeps the attempt',
    faults: [{ kind: 'too-many', seconds: 1 }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 1,
  },
  {
    says: '409 is failed, with status, code and correlation',
    behaviour: { onCancel: { kind: 'refused', http: 409, code: 'Conflict' } },
    outcome: 'failed',
    posts: 1,
    detail: /^HTTP 409 Conflict correlation [0-9a-f-]{36}$/,
  },
  {
    says: '409 to a repeat is looked up when the first can no longer arrive',
    faults: [
      { kind: 'late', afterMs: 40_000 },
      { kind: 'status', status: 409, code: 'Conflict' },
    ],
    outcome: 'cancelled',
    posts: 2,
    lookedUpBetween: true,
  },
  { says: 'over when it was screened: never called', action: { status: 'Failed' }, outcome: 'already-final', posts: 0 },
  { says: 'unknown when it was screened: never called', unknown: true, outcome: 'not-found', posts: 0 },
  { says: 'an Unisolate that is pending: never called', action: { type: 'Unisolate' }, outcome: 'excluded', posts: 0 },
  {
    says: 'a type that nobody knows is cancelled like any other',
    action: { type: 'RequestSample' },
    outcome: 'cancelled',
    posts: 1,
  },
  { says: 'a status that nobody knows is open', action: { status: 'Paused' }, outcome: 'cancelled', posts: 1 },
  {
    says: '401 with a page renews the token and repeats',
    faults: [{ kind: 'html', status: 401 }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 1,
  },
  {
    says: '403 with a page although it was applied is told by the stamp',
    faults: [{ kind: 'html', status: 403, ...applied }],
    outcome: 'cancelled',
    posts: 1,
  },
  { says: '403 with a page is forbidden', faults: [{ kind: 'html', status: 403 }], outcome: 'forbidden', posts: 1 },
  {
    says: '401 without a body renews the token and repeats',
    faults: [{ kind: 'empty', status: 401 }],
    outcome: 'cancelled',
    posts: 2,
    attempt: 1,
  },
  { says: '403 without a body is forbidden', faults: [{ kind: 'empty', status: 403 }], outcome: 'forbidden', posts: 1 },
  ...(['gzip', 'deflate', 'br', 'gzip, br'] as const).map((coding) => ({
    says: `200 in ${coding} that was not asked for is confirmed`,
    faults: [{ kind: 'encoded', coding } as const],
    outcome: 'cancelled',
    posts: 1,
  })),
  {
    says: '200 in a coding that nobody knows is looked up and told by the stamp',
    faults: [{ kind: 'encoded', coding: 'gzip', header: 'lzma' }],
    outcome: 'cancelled',
    posts: 1,
  },
  {
    says: '200 in a coding that nobody knows is not sent again while it is still open',
    behaviour: later('Cancelled', { stamped: false, afterMs: 60_000 }),
    faults: [{ kind: 'encoded', coding: 'gzip', header: 'lzma' }],
    outcome: 'unknown',
    posts: 1,
    detail: /content-encoding-lzma/,
  },
  {
    says: '200 with an entity without type and status is confirmed',
    faults: [{ kind: 'odd-entity', fields: { type: null, status: 7, commands: {} } }],
    outcome: 'cancelled',
    posts: 1,
  },
  {
    says: '200 and Canceled with one L is cancelled',
    faults: [{ kind: 'odd-entity', fields: { status: 'Canceled' } }],
    outcome: 'cancelled',
    posts: 1,
  },
];

/** Every other action is a plain one, so that ten failures in a row are none of Defender being out of reach. */
const idOf = (row: number) => id(2 * row + 1);

let sandbox: Sandbox;
let ledger: Ledger;
beforeAll(async () => {
  sandbox = await startSandbox({ quota: false, clock: fastClock });
  for (const [n, { action, behaviour, unknown }] of ROWS.entries()) {
    sandbox.store.add({ id: id(2 * n + 2) });
    if (unknown) continue;
    const young = action?.creationDateTimeUtc === 'now' ? { creationDateTimeUtc: serviceTime(fastClock.wallMs()) } : {};
    sandbox.store.add({ ...action, id: idOf(n), ...young }, behaviour);
  }
  const faultsOf = new Map(ROWS.map(({ faults = [] }, n) => [idOf(n), faults]));
  sandbox.faults.script(({ route, id: each = '', nthOfId }) =>
    route === 'cancel' ? faultsOf.get(each)?.[nthOfId - 1] : undefined,
  );

  const theJob = job({ confirmForMs: 15_000, concurrency: 8, guards: { maxFailures: { percent: 100 } } });
  const disk = new MemoryDisk(() => fastClock.wallMs());
  const open = { ...OPEN, api: sandbox.url, job: theJob };
  ({ ledger } = await openLedger({
    path: theJob.ledger,
    disk,
    clock: fastClock,
    processes: machine(1),
    run: RUN,
    open,
  }));
  ledger.beginIntake();
  const count = 2 * ROWS.length;
  for (let n = 1; n <= count; n += 1) await ledger.admit({ id: id(n), line: n });
  await ledger.intake({ admitted: count, rejected: 0, bytes: 1, sha256: 'ab'.repeat(32) });
  await ledger.start({ by: 'yes', count });

  const dispatcher = new Agent();
  const parts = { clock: fastClock, random: () => 0.1, gate: makeGate({ clock: fastClock }) };
  const windows = [{ calls: 10_000, perMs: 1000 }];
  const defender = makeDefender(
    {
      ...parts,
      transport: makeTransport({ dispatcher, apiUrl: sandbox.url, timeoutMs: 1500, userAgent: 'countermand/test' }),
      journal: ledger,
      quota: makeQuota({ windows, clock: fastClock }),
      tokens: new Tokens(),
      abandon: new AbortController().signal,
    },
    sandbox.url,
  );
  const lookups = makeLookups(defender, true);
  const permits = () => true;
  await cancelAll(
    { ...parts, job: theJob, ledger, defender, lookups, stop: makeStop(), log: silentLog, permits },
    { goOn: () => Promise.resolve(true) },
  );
  await dispatcher.destroy();
});
afterAll(async () => {
  await ledger?.[Symbol.asyncDispose]();
  await sandbox?.close();
});

describe('over real sockets, an action', () => {
  it.each(ROWS.map((row, n) => [row.says, row, idOf(n)] as const))(
    'an action ends as it should when it is answered so: %s',
    (_, row, each) => {
      const action = ledger.state.actions.get(each);
      expect(action?.outcome?.outcome).toBe(row.outcome);
      const posts = sandbox.log.of(each, 'cancel');
      expect(posts).toHaveLength(row.posts);
      expect(action?.outcome?.calls).toBe(row.posts);
      expect(sandbox.log.effects(each)).toBeLessThanOrEqual(1);
      if (row.attempt !== undefined) expect(action?.last?.attempt).toBe(row.attempt);
      if (row.detail !== undefined) expect(action?.outcome?.detail).toMatch(row.detail);
      if (row.lookedUpBetween) {
        const [first, second] = posts;
        const between = sandbox.log.of(each).filter(({ n }) => n > (first?.n ?? 0) && n < (second?.n ?? 0));
        expect(between.map(({ method }) => method)).toEqual(['GET']);
      }
      for (const { comment } of posts) if (comment !== undefined) expect(comment.startsWith(STAMP)).toBe(true);
    },
  );

  it('an action beside the others is cancelled as if they were not there', () => {
    const plain = ROWS.map((_, n) => ledger.state.actions.get(id(2 * n + 2))?.outcome?.outcome);
    expect(new Set(plain)).toEqual(new Set(['cancelled']));
  });

  it('an action has its intents and replies in the ledger, one each for every call that the server saw', () => {
    const { cancel, get, list } = ledger.state.calls;
    expect([cancel, get, list]).toEqual([
      sandbox.log.count('cancel'),
      sandbox.log.count('get'),
      sandbox.log.count('list'),
    ]);
  });
});
