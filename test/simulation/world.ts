import { VirtualTime } from './clock.ts';
import { layEarlierLedgers } from './earlier-ledgers.ts';
import { checkEnd } from './end.ts';
import type { FaultName } from './faults.ts';
import { playFleet } from './fleet/play-fleet.ts';
import { playForgedLedger } from './forged-ledger.ts';
import { sourceText } from './job.ts';
import { playSession } from './operator.ts';
import { drawScenario } from './scenario.ts';
import { settle } from './settle.ts';
import { WorldState } from './state.ts';

export interface SeedOptions {
  seed: number;
  without?: ReadonlySet<FaultName>;
  /** At most so many actions. */
  actions?: number;
  /** Keep the whole trace, not only its end. */
  trace?: boolean;
}

export interface SeedResult {
  seed: number;
  failure: { invariant: string; detail: string } | undefined;
  digest: string;
  lines: readonly string[];
  sessions: number;
  calls: number;
  virtualMs: number;
}

/** One world, drawn from a seed. It reaches into the process for its time, so only one runs at a time. */
export class World {
  readonly #state: WorldState;

  constructor({ seed, without, actions, trace = false }: SeedOptions) {
    this.#state = new WorldState(drawScenario(seed, without, actions), new VirtualTime(), trace);
  }

  uuid(): string {
    return this.#state.uuid();
  }

  /** An error that nobody in this world caught. */
  uncaught(error: unknown): void {
    this.#state.emit('uncaught', error);
  }

  /** From its beginning to its end. */
  async run(): Promise<SeedResult> {
    const state = this.#state;
    try {
      await live(state);
    } catch (error) {
      state.violate('world', error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    const result = {
      seed: state.scenario.seed,
      failure: state.failure,
      digest: state.trace.digest,
      lines: state.trace.lines,
      sessions: state.sessions,
      calls: state.calls,
      virtualMs: state.now(),
    };
    await state.time.uninstall();
    return result;
  }
}

async function live(state: WorldState): Promise<void> {
  begin(state);
  if (state.scenario.forged !== undefined) await playForgedLedger(state, state.scenario.forged);
  const { fleet, sessions } = state.scenario;
  if (fleet !== undefined) await playFleet(state, fleet);
  for (const faults of fleet === undefined ? sessions : []) {
    if (state.failure !== undefined) return;
    await playSession(state, faults);
  }
  if (state.failure !== undefined) return;
  await settle(state);
  if (state.failure !== undefined) return;
  await checkEnd(state);
}

function begin(state: WorldState): void {
  const { scenario, defender } = state;
  const random = state.random.fork('ids');
  for (let index = 1; index <= scenario.actions; index++) {
    const id = random.uuid();
    state.ids.push(id);
    defender.add(id, { known: scenario.source === 'query' || !random.chance(0.05), index });
  }
  state.source = sourceText(state.ids, random.fork('text'), state.scenario.priorities);
  if (scenario.earlier) layEarlierLedgers(state, state.random.fork('earlier ledgers'));
  playOtherClient(state);
}

/** Somebody else spends the same quota, until it is calm. */
function playOtherClient(state: WorldState): void {
  const { otherClientPerMinute } = state.scenario;
  if (otherClientPerMinute === 0) return;
  const random = state.random.fork('other client');
  const next = () => {
    if (state.isCalm) return;
    state.defender.spendElsewhere();
    setTimeout(next, random.spread(100, 120_000 / otherClientPerMinute + 200));
  };
  setTimeout(next, 1000);
}
