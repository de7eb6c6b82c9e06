import type { Job } from '../../src/job/job.ts';
import { LEDGER_FORMAT } from '../../src/ledger/record.ts';
import { Scribe } from './ledger-text.ts';
import { Random } from './seed.ts';
import { CLIENT, TENANT } from './sign-in.ts';

/** What is wrong with a ledger that somebody left for the operator to go on with. */
const FORGERIES = ['route', 'odd-guid', 'host', 'loopback', 'windows', 'share', 'types', 'seen'] as const;

/** `seed`: which record and field, where that is open. */
export interface Forgery {
  what: (typeof FORGERIES)[number];
  started: boolean;
  seed: string;
}

export function drawForgery(random: Random): Forgery {
  // What can be gone on with shows the most.
  const what = random.chance(0.3) ? 'seen' : random.pick(FORGERIES);
  return { what, started: what === 'seen' || random.chance(0.6), seed: random.uuid() };
}

export interface Forged {
  bytes: Buffer;
  /** Damage by the contract: it is neither acted upon nor written to. */
  damaged: boolean;
}

/** A ledger with a right chain. `ids` are actions that Defender knows. */
export function forge({ what, started, seed }: Forgery, ids: readonly string[], job: Job, nowMs: number): Forged {
  const random = new Random(seed);
  const scribe = new Scribe();
  const api = {
    ...job.api,
    ...(what === 'host' ? { url: 'https://defender.example.net' } : {}),
    ...(what === 'loopback' ? { url: 'http://127.0.0.1:8080' } : {}),
  };
  const quota = {
    ...job.quota,
    ...(what === 'windows' ? { windows: [{ calls: 100_000, perMs: 1000 }] } : {}),
    ...(what === 'share' ? { share: 1000 } : {}),
  };
  const frozen = { ...job, api, quota };
  const open = {
    format: LEDGER_FORMAT,
    run: random.uuid(),
    session: 1,
    tool: 'countermand 0',
    tenant: TENANT,
    client: CLIENT,
  };
  const admitted = ids.map((id) => {
    if (what === 'route') return `../machines/${id.replaceAll('-', '')}/offboard?`;
    if (what === 'odd-guid') return random.pick([id.toUpperCase(), id.replaceAll('-', ''), `{${id}}`, `${id} `]);
    return id;
  });
  const records: [Parameters<Scribe['write']>[0], Record<string, unknown>][] = [
    ['open', { ...open, api: api.url, job: frozen }],
    ...admitted.map((id, index): (typeof records)[number] => ['admit', { id, line: index + 1 }]),
    ['intake', { admitted: ids.length, rejected: 0, bytes: 100, sha256: '0'.repeat(64) }],
    // What a look is said to have shown, just now: whoever can write the file can say that too.
    ...(what === 'types' || what === 'seen' ? admitted : []).map((id): (typeof records)[number] => [
      'screen',
      { id, status: 'Pending', type: 'Isolate', machineId: null, computer: null, requestor: null, created: null },
    ]),
    ...(started ? ([['start', { by: 'yes', count: ids.length }]] satisfies typeof records) : []),
    ['close', { reason: started ? 'interrupted' : 'planned', counts: {} }],
  ];
  if (what === 'types') spoil(records, random);
  for (const [kind, fields] of records) scribe.write(kind, fields, nowMs - 60_000);
  return { bytes: scribe.bytes, damaged: what === 'types' || what === 'route' || what === 'odd-guid' };
}

/** One field that must be there has another type, is null or is missing. */
function spoil(records: [string, Record<string, unknown>][], random: Random): void {
  const [, fields] = random.pick(records);
  const field = random.pick(Object.keys(fields).filter((name) => name !== 'job' && fields[name] !== null));
  const was = fields[field];
  const values = [7, null, true, '', [], {}, 'x'.repeat(5000), -1].filter(
    (value) => value === null || typeof value !== typeof was,
  );
  if (random.chance(0.15)) delete fields[field];
  else fields[field] = random.pick(values);
}
