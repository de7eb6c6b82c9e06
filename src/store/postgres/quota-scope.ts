import type { Clock } from '../../clock.ts';
import type { Route } from '../../ledger/record.ts';
import { type SenderId, senderParts } from '../../ledger/sender.ts';
import type { Logger } from '../../log.ts';
import { MARGIN_MS, UNANSWERED_MS } from '../../quota/call-times.ts';
import type { AgedCall, Window } from '../../quota/quota.ts';
import type { Database } from './database.ts';
import { type ClockReading, jumpMs, NOTABLE_STAND_MS, notAfterMs, standingWords } from './quota-clock.ts';

/** So long after it was granted or kept a slot may be sent on, by our own clock. */
export const USE_MS = 30_000;
/** So long after that a call on it may still be counted: whoever is never heard of again has its slots held from then on. */
const LOST_MS = USE_MS + UNANSWERED_MS;

export interface Taken {
  /** Of the slots that were granted, in the order of the routes that were asked for. */
  ids: readonly string[];
  /** Monotonic: no later than the grant. */
  askedAtMs: number;
  /** Where fewer were granted than were asked for: how long until one more may be, as long as nobody gives a slot back before that. */
  waitMs: number;
  /** Whether others have calls under way, whose slots may be given back at any moment. */
  othersFly: boolean;
  /** How long the sender's pause still lasts. */
  pausedMs: number;
}

/** What became of slots. */
export interface Ended {
  settled: readonly string[];
  unanswered: readonly { id: string; countedAtMs: number }[];
  released: readonly string[];
}

interface TakeRow {
  ids: string[];
  waitMs: number;
  othersFly: boolean;
  pausedMs: number;
  shownMs: number;
  behindMs: number;
  suspect: boolean;
  standsMs: number;
}

interface LookRow {
  ids: string[];
  ages: number[];
}

interface ScopeKey {
  /** Of the sender. */
  scope: string;
  /** Tells our calls from those of others. */
  taker: string;
}

/** One sender's calls in the database. What is asked of it is asked in one statement each; errors are the database's. */
export class QuotaScope {
  readonly #database: Database;
  readonly #key: ScopeKey;
  readonly #clock: Clock;
  readonly #log: Logger;
  #reading: ClockReading | undefined;
  /** Epoch ms: of the last that was said. */
  #standsUntilMs = 0;

  private constructor(database: Database, key: ScopeKey, clock: Clock, log: Logger) {
    this.#database = database;
    this.#key = key;
    this.#clock = clock;
    this.#log = log;
  }

  /** `known` are the sessions of a run whose calls the database was asked for. Calls are remembered for `longestMs` from now on, if not for longer already. */
  static async open(
    database: Database,
    sender: SenderId,
    { longestMs, run }: { longestMs: number; run: string },
    { clock, log }: { clock: Clock; log: Logger },
  ): Promise<{ scope: QuotaScope; known: ReadonlySet<number> }> {
    const { tenant, client, service } = senderParts(sender);
    const [row] = await database.query<ScopeKey & { known: number[] }>(
      'select * from countermand.quota_open($1, $2, $3, $4, $5)',
      [tenant, client, service, longestMs, run],
    );
    if (row === undefined) throw new Error('quota_open gave nothing back');
    return { scope: new QuotaScope(database, row, clock, log), known: new Set(row.known) };
  }

  /** As `look`, of a sender whom nobody may have asked for yet: such a one has called nothing. Nothing is written. */
  static async lookAt(
    database: Database,
    sender: SenderId,
    only: Route | undefined,
    withinMs: number,
  ): Promise<Map<string, number>> {
    const { tenant, client, service } = senderParts(sender);
    const rows = await database.query<LookRow>(
      `select ids, ages from countermand.quota_scope s, countermand.quota_look(s.scope, $4, $5)
        where s.tenant = $1 and s.client = $2 and s.service = $3`,
      [tenant, client, service, only ?? null, withinMs],
    );
    return agesIn(rows);
  }

  /** For how long nothing more is granted to a sender whose quota is spent, because the database's clock was set back. */
  static async standsMs(database: Database, sender: SenderId): Promise<number> {
    const { tenant, client, service } = senderParts(sender);
    const [row] = await database.query<{ standsMs: number }>(
      `select countermand.stands_ms(s) as "standsMs" from countermand.quota_scope s
        where s.tenant = $1 and s.client = $2 and s.service = $3`,
      [tenant, client, service],
    );
    return row?.standsMs ?? 0;
  }

  /** Takes note of calls that were made elsewhere, and of sessions whose calls are known from now on. */
  async fill(run: string, sessions: readonly number[], calls: readonly AgedCall[]): Promise<void> {
    await this.#database.query('select countermand.quota_fill($1, $2, $3, $4, $5)', [
      this.#key.scope,
      run,
      sessions,
      calls.map(({ route }) => route),
      calls.map(({ ageMs }) => ageMs),
    ]);
  }

  /**
   * Asks for a slot for each of the routes. `only`: windows count the calls of this route alone.
   *
   * The database's clock is believed only as far as it runs like ours. Where it has jumped ahead since the last time, slots would be free too early;
   * so it is set back first, for all who send as this sender.
   */
  async take(routes: readonly Route[], only: Route | undefined, windows: readonly Window[]): Promise<Taken> {
    for (;;) {
      const askedAtMs = this.#clock.monotonicMs();
      const row = await this.#ask(routes, only, windows, askedAtMs);
      const reading = { shownMs: row.shownMs, askedAtMs, answeredAtMs: this.#clock.monotonicMs() };
      const byMs = row.suspect && this.#reading !== undefined ? jumpMs(this.#reading, reading) : undefined;
      if (byMs !== undefined) await this.#setBack(byMs, row.behindMs);
      else this.#reading = reading;
      if (!row.suspect) {
        if (row.ids.length < routes.length) this.#sayStanding(row.standsMs);
        const { ids, waitMs, othersFly, pausedMs } = row;
        return { ids, askedAtMs, waitMs, othersFly, pausedMs };
      }
    }
  }

  async settle({ settled, unanswered, released }: Ended): Promise<void> {
    const nowMs = this.#clock.monotonicMs();
    await this.#database.query('select countermand.quota_settle($1, $2, $3, $4, $5)', [
      this.#key.scope,
      settled,
      unanswered.map(({ id }) => id),
      unanswered.map(({ countedAtMs }) => countedAtMs - nowMs),
      released,
    ]);
  }

  /** Lengthens the use of slots in hand; returns those for which it was not too late. */
  async keep(ids: readonly string[]): Promise<Set<string>> {
    const rows = await this.#database.query<{ id: string }>(
      'select id from countermand.quota_keep($1, $2, $3) as kept (id)',
      [this.#key.scope, ids, LOST_MS],
    );
    return new Set(rows.map(({ id }) => id));
  }

  /** How long ago each call of the last `withinMs` counted at the latest, by its ID; negative while that is to come. */
  async look(only: Route | undefined, withinMs: number): Promise<Map<string, number>> {
    const values = [this.#key.scope, only ?? null, withinMs];
    return agesIn(
      await this.#database.query<LookRow>('select ids, ages from countermand.quota_look($1, $2, $3)', values),
    );
  }

  /** From now on nobody is granted anything before `untilMs` (monotonic). */
  async pause(untilMs: number): Promise<void> {
    const waitMs = untilMs - this.#clock.monotonicMs();
    await this.#database.query('select countermand.quota_pause($1, $2)', [this.#key.scope, waitMs]);
  }

  async #ask(
    routes: readonly Route[],
    only: Route | undefined,
    windows: readonly Window[],
    askedAtMs: number,
  ): Promise<TakeRow> {
    const [row] = await this.#database.query<TakeRow>(
      `select ids, wait_ms as "waitMs", others_fly as "othersFly", paused_ms as "pausedMs", now_ms as "shownMs",
          behind_ms as "behindMs", suspect, stands_ms as "standsMs"
        from countermand.quota_take($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
      [
        this.#key.scope,
        this.#key.taker,
        routes,
        only ?? null,
        windows.map(({ calls }) => calls),
        windows.map(({ perMs }) => perMs),
        LOST_MS,
        MARGIN_MS,
        this.#reading === undefined ? null : notAfterMs(this.#reading, askedAtMs),
      ],
    );
    if (row === undefined) throw new Error('quota_take gave nothing back');
    return row;
  }

  #sayStanding(standsMs: number): void {
    const untilMs = this.#clock.wallMs() + standsMs;
    if (standsMs < NOTABLE_STAND_MS || Math.abs(untilMs - this.#standsUntilMs) < NOTABLE_STAND_MS) return;
    this.#standsUntilMs = untilMs;
    this.#log.warn({ until: new Date(untilMs).toISOString() }, standingWords(untilMs));
  }

  async #setBack(byMs: number, behindMs: number): Promise<void> {
    this.#log.warn(
      { byMs: Math.round(byMs) },
      "the database's clock has jumped ahead: the quota goes on by the time that really passed",
    );
    await this.#database.query('select countermand.quota_set_back($1, $2, $3, $4, $5)', [
      this.#key.scope,
      byMs,
      behindMs,
      LOST_MS,
      MARGIN_MS,
    ]);
  }
}

function agesIn([row]: readonly LookRow[]): Map<string, number> {
  return new Map(row?.ids.map((id, index) => [id, row.ages[index] ?? 0]));
}
