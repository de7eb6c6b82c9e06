import type { Clock } from '../../clock.ts';
import { CountermandError } from '../../errors.ts';
import type { Logger } from '../../log.ts';
import type { Database } from './database.ts';
import { LEASE_MS, type Lease, momentOf } from './lease.ts';
import { releaseRun, renewRuns } from './run-functions.ts';

const RENEW_MS = 5_000;
/** Renewals under way at once: one that hangs must not keep the next from trying. */
const MOST_AT_ONCE = 2;

export interface LeaseKeeperParts {
  database: Database;
  clock: Clock;
  log: Logger;
}

/** Renews all leases of a process in one statement, as long as there are any, without keeping the process alive. */
export class LeaseKeeper {
  readonly #parts: LeaseKeeperParts;
  readonly #leases = new Set<Lease>();
  #stop: AbortController | undefined;
  #underWay = 0;

  constructor(parts: LeaseKeeperParts) {
    this.#parts = parts;
  }

  keep(lease: Lease): void {
    this.#leases.add(lease);
    if (this.#stop !== undefined) return;
    this.#stop = new AbortController();
    void this.#keepAll(this.#stop.signal);
  }

  /** Gives the lease back, unless another has it by now. A database that does not take it is logged: it runs out by itself. */
  async release(lease: Lease): Promise<void> {
    const { database, log } = this.#parts;
    this.forget(lease);
    await releaseRun(database, lease.held).catch((error: unknown) => {
      log.warn({ err: error }, `the lease on the run ${lease.name} could not be given back: it runs out by itself`);
    });
  }

  /** Renews it no more. */
  forget(lease: Lease): void {
    this.#leases.delete(lease);
    if (this.#leases.size > 0) return;
    this.#stop?.abort();
    this.#stop = undefined;
  }

  /** Renews all now. */
  async renew(): Promise<void> {
    const { database, clock, log } = this.#parts;
    const leases = [...this.#leases];
    if (leases.length === 0 || this.#underWay >= MOST_AT_ONCE) return;
    this.#underWay++;
    const begun = momentOf(clock);
    try {
      const answers = await renewRuns(
        database,
        leases.map(({ held }) => held),
        LEASE_MS,
      );
      const renewed = new Map(answers.map(({ run, stop }) => [run, stop]));
      for (const lease of leases) {
        const stop = renewed.get(lease.held.run);
        if (stop === undefined) lease.taken();
        else lease.renewed(begun, stop);
      }
    } catch (error) {
      log.warn({ err: error }, 'the leases on runs could not be renewed');
      if (error instanceof CountermandError) for (const lease of leases) lease.notRenewed(error);
    } finally {
      this.#underWay--;
    }
  }

  async #keepAll(signal: AbortSignal): Promise<void> {
    const { clock } = this.#parts;
    while (!signal.aborted) {
      await clock.sleep(RENEW_MS, { signal, ref: false }).catch(() => undefined);
      if (!signal.aborted) void this.renew();
    }
  }
}
