import { LEDGER_FORMAT } from '../../src/ledger/record.ts';
import { API } from './defender.ts';
import { jobOf } from './job.ts';
import { Scribe } from './ledger-text.ts';
import type { Random } from './seed.ts';
import { CLIENT, TENANT } from './sign-in.ts';
import { LEDGER, type WorldState } from './state.ts';

const DAY_MS = 86_400_000;

interface Earlier {
  day: string;
  tenant?: string;
  name?: string;
  finished?: boolean;
}

/** Nights of long ago: one that is finished, and what only looks like it. None made a call. */
export function layEarlierLedgers(state: WorldState, random: Random): void {
  const isQuery = state.scenario.source === 'query';
  lay(state, random, { day: '20251101' }, 'may go');
  lay(state, random, { day: '20251102', tenant: TENANT.replace(/1$/, '9') }, 'stays');
  lay(state, random, { day: '20251103', name: 'another job' }, 'stays');
  // A query's job would go on with it.
  if (!isQuery) lay(state, random, { day: '20251104', finished: false }, 'stays');
}

function lay(state: WorldState, random: Random, earlier: Earlier, fate: 'may go' | 'stays'): void {
  const { day, tenant = TENANT, name, finished = true } = earlier;
  const path = LEDGER.replace(/\d{8}T/, `${day}T`);
  const atMs = Date.now() - 100 * DAY_MS;
  const job = { ...jobOf(state.scenario, path), tenant, ...(name === undefined ? {} : { name }) };
  const scribe = new Scribe();
  const open = { format: LEDGER_FORMAT, run: random.uuid(), session: 1, tool: 'countermand 0', tenant, client: CLIENT };
  scribe.write('open', { ...open, api: API, job }, atMs);
  scribe.write('intake', { admitted: 0, rejected: 0, bytes: 0, sha256: '0'.repeat(64) }, atMs);
  scribe.write('start', { by: 'yes', count: 0 }, atMs);
  if (finished) scribe.write('close', { reason: 'finished', counts: {} }, atMs);
  state.disk.putByHand(path, scribe.bytes).modifiedMs = atMs;
  state.earlier.set(path, fate);
}
