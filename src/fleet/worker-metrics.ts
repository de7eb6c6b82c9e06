import { Counter, Gauge, Registry } from 'prom-client';
import { ROUTES } from '../ledger/record.ts';
import { flagWindow } from '../quota/windows.ts';
import type { RunParts } from '../run/assemble.ts';
import { pauseFacts } from '../run/progress-facts.ts';
import type { Settlement } from './queue.ts';
import type { QueueWatch } from './queue-watch.ts';

/** A session that this worker hosts, and what of its calls the counters have. */
interface Hosted {
  run: string;
  tenant: string;
  parts: RunParts;
  counted: { calls: Record<string, number>; answers: Map<string, number>; pauses: number };
}

export interface WorkerMetricsParts {
  places: number;
  queue: Pick<QueueWatch, 'last' | 'isFresh'>;
}

const OF_RUN = ['run', 'tenant'] as const;

/**
 * What a worker's port tells Prometheus. Counters grow from this worker's start on; gauges of a run are there while it is hosted here. What the queue
 * holds is the same on every worker of a store: alerts ask for its maximum.
 */
export class WorkerMetrics {
  readonly #parts: WorkerMetricsParts;
  readonly #registry = new Registry();
  readonly #hosted = new Set<Hosted>();
  #busy = 0;
  readonly #calls: Counter;
  readonly #answers: Counter;
  readonly #pauses: Counter;
  readonly #takeovers: Counter;
  readonly #left: Counter;

  constructor(parts: WorkerMetricsParts) {
    this.#parts = parts;
    this.#calls = this.#counter('worker_calls_total', 'Calls to Defender of this worker’s runs, by route.', ['route']);
    this.#answers = this.#counter(
      'worker_answers_total',
      'Answers to those calls, by HTTP status, or by error where none came.',
      ['answer'],
    );
    this.#pauses = this.#counter('worker_pauses_total', 'Times that all calls of a run were held back.', []);
    this.#takeovers = this.#counter('worker_takeovers_total', 'Runs that came from a worker that was lost.', []);
    this.#left = this.#counter(
      'worker_runs_left_total',
      'Runs that left a place of this worker, by exit code and by what the queue does with them.',
      ['exit_code', 'next'],
    );
    for (const route of ROUTES) this.#calls.inc({ route }, 0);
    for (const counter of [this.#pauses, this.#takeovers]) counter.inc(0);
    this.#gauges();
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** The Prometheus text format, as of now. */
  async text(): Promise<string> {
    for (const hosted of this.#hosted) this.#count(hosted);
    return await this.#registry.metrics();
  }

  /** So many places are taken until this is disposed of. */
  place(weight: number): Disposable {
    this.#busy += weight;
    return {
      [Symbol.dispose]: () => {
        this.#busy -= weight;
      },
    };
  }

  takenOver(): void {
    this.#takeovers.inc();
  }

  left(settlement: Settlement): void {
    const code = settlement.kind === 'again' ? 'none' : String(settlement.exitCode);
    this.#left.inc({ exit_code: code, next: settlement.kind });
  }

  /** Shows a session until this is disposed of. */
  watch(run: string, tenant: string, parts: RunParts): Disposable {
    const { calls, pauses } = parts.ledger.state;
    const counted = { calls: { ...calls }, answers: new Map(parts.trace.answers), pauses: pauses.length };
    const hosted: Hosted = { run, tenant, parts, counted };
    this.#hosted.add(hosted);
    return {
      [Symbol.dispose]: () => {
        this.#count(hosted);
        this.#hosted.delete(hosted);
      },
    };
  }

  /** Adds to the counters what came since the last time. */
  #count({ parts, counted }: Hosted): void {
    const { calls, pauses } = parts.ledger.state;
    for (const route of ROUTES) {
      // A call that turns out not to have been sent is taken back.
      const more = calls[route] - (counted.calls[route] ?? 0);
      if (more <= 0) continue;
      this.#calls.inc({ route }, more);
      counted.calls[route] = calls[route];
    }
    for (const [answer, times] of parts.trace.answers) {
      const more = times - (counted.answers.get(answer) ?? 0);
      if (more <= 0) continue;
      this.#answers.inc({ answer }, more);
      counted.answers.set(answer, times);
    }
    this.#pauses.inc(Math.max(0, pauses.length - counted.pauses));
    counted.pauses = pauses.length;
  }

  #gauges(): void {
    const { places, queue } = this.#parts;
    this.#gauge(
      'worker_places',
      'Places of this worker. A run takes one for each 20,000 actions, or part of them.',
      [],
      (set) => set({}, places),
    );
    this.#gauge('worker_places_busy', 'Places that are taken.', [], (set) => set({}, this.#busy));
    this.#gauge('worker_store_up', '1 while the database answers.', [], (set) => set({}, queue.isFresh ? 1 : 0));
    this.#gauge('queue_runs', 'Runs in the queue of the store, by state.', ['state'], (set) => {
      for (const [state, runs] of Object.entries(queue.last?.runs ?? {})) set({ state }, runs);
    });
    this.#gauge(
      'queue_wait_seconds',
      'How long the first run that could be taken has waited for a place.',
      [],
      (set) => {
        if (queue.last !== undefined) set({}, queue.last.waitMs / 1000);
      },
    );
    this.#ofEach('worker_run_actions_left', 'Actions without a final outcome.', ({ ledger }) => ledger.state.leftCount);
    this.#ofEach(
      'worker_run_pause_seconds',
      'What is left of the pause that holds all calls of a run back; 0 without one.',
      (parts) => Math.round((pauseFacts(parts, [])?.leftMs ?? 0) / 1000),
    );
    this.#ofEach(
      'worker_run_lease_age_seconds',
      'Since the lease of a run was last renewed; at 10 nothing more is sent for it.',
      ({ ledger }) => Math.max(0, ledger.holdAgeMs / 1000),
    );
    this.#gauge(
      'worker_run_quota_calls_left',
      'Calls that each window of a run’s sender lets go now.',
      [...OF_RUN, 'window'],
      (set) => {
        for (const { run, tenant, parts } of this.#hosted) {
          for (const each of parts.quota?.left() ?? []) set({ run, tenant, window: flagWindow(each) }, each.left);
        }
      },
    );
  }

  #ofEach(name: string, help: string, value: (parts: RunParts) => number): void {
    this.#gauge(name, help, OF_RUN, (set) => {
      for (const { run, tenant, parts } of this.#hosted) set({ run, tenant }, value(parts));
    });
  }

  /** `read` sets what there is at each reading; what it leaves out is gone. */
  #gauge<Label extends string>(
    name: string,
    help: string,
    labelNames: readonly Label[],
    read: (set: (labels: Partial<Record<Label, string>>, value: number) => void) => void,
  ): void {
    new Gauge<Label>({
      ...{ name: `countermand_${name}`, help, labelNames: [...labelNames], registers: [this.#registry] },
      collect() {
        this.reset();
        read((labels, value) => this.set(labels, value));
      },
    });
  }

  #counter<Label extends string>(name: string, help: string, labelNames: readonly Label[]): Counter<Label> {
    return new Counter({
      ...{ name: `countermand_${name}`, help, labelNames: [...labelNames], registers: [this.#registry] },
    });
  }
}
