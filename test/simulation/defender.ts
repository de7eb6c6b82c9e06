import type { MachineAction } from '../../src/defender/entity.ts';
import type { Route } from '../../src/ledger/record.ts';
import { BEGINNING } from './clock.ts';
import { drawOddity, isNameless, lessOf, respelt } from './odd-entities.ts';
import type { Scenario } from './scenario.ts';
import { Random } from './seed.ts';
import { makeRule, type Rule } from './service-quota.ts';
import { drawCancel, entity, type Truth } from './truth.ts';

/** What an HTTP server says. */
export interface ServerAnswer {
  http: number;
  headers: Record<string, string>;
  body: string;
}

export interface Request {
  route: Route;
  id: string | undefined;
  /** For a list by IDs. */
  ids: readonly string[];
  top: number;
  skip: number;
  comment: string;
  token: string;
}

const OPEN_STATUSES = ['Pending', 'Pending', 'InProgress'] as const;
const FINAL = new Set(['Succeeded', 'Failed', 'TimeOut', 'Cancelled']);
const TYPES = [
  'Isolate',
  'Isolate',
  'RunAntiVirusScan',
  'LiveResponse',
  'Unisolate',
  'CollectInvestigationPackage',
] as const;

export interface ServerSide {
  accepts(token: string): boolean;
  mayCancel(): boolean;
  mayRead(token: string): boolean;
  /** No more faults. */
  isCalm(): boolean;
}

/** Defender as it might be: it knows the truth about every action and holds its quota strictly, by a rule that the client does not know. */
export class SimDefender {
  readonly truth = new Map<string, Truth>();
  readonly #scenario: Scenario;
  readonly #now: () => number;
  readonly #server: ServerSide;
  readonly #random: Random;
  readonly #limits: Map<string, Rule[]> = new Map();
  /** 429 answers given while nobody else used the application. */
  refusedAlone = 0;
  otherCalls = 0;

  constructor(scenario: Scenario, now: () => number, server: ServerSide) {
    this.#scenario = scenario;
    this.#now = now;
    this.#server = server;
    this.#random = new Random(`seed ${scenario.seed}`).fork('truth');
  }

  add(id: string, { known, index }: { known: boolean; index: number }): void {
    if (!known) return;
    const { without } = this.#scenario;
    const random = this.#random.fork(id);
    const now = this.#now();
    const young = random.chance(0.15) && !without.has('young-actions');
    const createdMs = now - (young ? random.int(0, 60_000) : random.spread(300_000, 3 * 86_400_000));
    const ends = random.fork('ends');
    const isOver = ends.chance(0.12) && !without.has('natural-ends');
    const willEnd = ends.chance(0.2) && !without.has('natural-ends');
    const onCancel = random.fork('cancel');
    this.truth.set(id, {
      id,
      type: random.pick(TYPES),
      requestor: random.pick(['alice@example.com', 'bob@example.com']),
      machineId: random
        .int(0, 2 ** 31)
        .toString(16)
        .padStart(40, '0'),
      computer: `pc-${index}`,
      lastSeenMs: lastSeenOf(random.fork('device'), now),
      createdMs,
      forbidden: random.chance(0.04) && !without.has('permissions'),
      knownFromMs: young ? createdMs + random.int(0, 115_000) : Number.NEGATIVE_INFINITY,
      missingFromList: random.chance(this.#scenario.list.forgets),
      odd: drawOddity(random.fork('odd'), this.#scenario.odd),
      onCancel: drawCancel(onCancel, without.has('statuses')),
      status: isOver ? random.pick([...FINAL]) : random.pick(OPEN_STATUSES),
      completed: false,
      comment: undefined,
      cancelledBy: undefined,
      next:
        willEnd && !isOver
          ? {
              atMs: now + ends.spread(1000, 3_600_000),
              status: ends.pick([...FINAL]),
              comment: ends.pick(['', 'someone else did it', '[countermand 00000000] another run']),
            }
          : undefined,
      accepted: [],
      effects: [],
      calls: 0,
    });
  }

  /** As it stands at this moment. */
  at(id: string): Truth | undefined {
    const truth = this.truth.get(id);
    if (truth?.next !== undefined && truth.next.atMs <= this.#now()) {
      const { status, comment, completed } = truth.next;
      truth.next = undefined;
      if (!FINAL.has(truth.status)) {
        truth.status = status;
        truth.completed ||= completed ?? false;
        if (status === 'Cancelled' && comment !== undefined && truth.effects.length === 0) truth.comment = comment;
        if (truth.effects.length > 0) truth.comment = truth.effects[0]?.comment;
      }
    }
    return truth;
  }

  isFinal(id: string): boolean {
    return FINAL.has(this.at(id)?.status ?? '');
  }

  /** Counts the call against the quota and, where that allows it, does what it asks for. */
  serve(request: Request): ServerAnswer {
    const refusal = this.#spend(request.route, 1);
    if (refusal !== undefined) return refusal;
    if (!this.#server.accepts(request.token)) {
      return error(401, 'Unauthorized', 'the token is not valid', {
        'www-authenticate': 'Bearer error="invalid_token"',
      });
    }
    switch (request.route) {
      case 'cancel':
        return this.#cancel(request);
      case 'get': {
        if (!this.#server.mayRead(request.token)) return error(403, 'Forbidden', 'no permission to read');
        const truth = this.at(request.id ?? '');
        return truth === undefined ? error(404, 'ResourceNotFound', 'not found') : json(this.#shown(truth, true));
      }
      case 'list':
        if (!this.#server.mayRead(request.token)) return error(403, 'Forbidden', 'no permission to read');
        return this.#list(request);
      case 'machines':
        return this.#server.mayRead(request.token) && this.#scenario.listsDevices
          ? this.#devices(request)
          : error(403, 'Forbidden', 'no permission to list devices');
    }
  }

  /** Somebody else's calls. */
  spendElsewhere(): void {
    this.otherCalls++;
    this.#spend('cancel', 0);
  }

  #cancel({ id = '', comment }: Request): ServerAnswer {
    const truth = this.at(id);
    if (truth !== undefined) truth.calls++;
    if (!this.#server.mayCancel()) return error(403, 'Forbidden', 'no permission to cancel');
    if (truth === undefined || this.#now() < truth.knownFromMs)
      return error(404, 'ResourceNotFound', `Action ${id} not found`);
    if (truth.forbidden) return error(403, 'Forbidden', 'not in your device groups');
    if (FINAL.has(truth.status)) return error(400, 'InvalidInput', `Action is ${truth.status}`);
    const { onCancel } = truth;
    if (onCancel.kind === 'conflict') return error(409, 'ActiveRequestAlreadyExists', 'conflict');
    if (truth.effects.length > 0) {
      if (onCancel.kind !== 'later' || onCancel.again === 400) {
        return error(400, 'InvalidInput', 'a cancellation is under way');
      }
      truth.accepted.push(comment);
      return json(this.#spelt(truth));
    }
    truth.accepted.push(comment);
    truth.effects.push({ atMs: this.#now(), comment });
    if (onCancel.kind === 'at-once') {
      truth.status = 'Cancelled';
      truth.completed = onCancel.completed;
      truth.comment = comment;
    } else {
      const atMs = this.#now() + onCancel.afterMs;
      if (onCancel.stamped) truth.comment = comment;
      if (truth.next === undefined || truth.next.atMs > atMs) truth.next = { atMs, status: onCancel.status };
    }
    return json(this.#spelt(truth));
  }

  #list({ ids, top, skip }: Request): ServerAnswer {
    const { list } = this.#scenario;
    if (ids.length > list.maxIds) return error(400, 'ODataError', 'the node count limit has been exceeded');
    const all =
      ids.length > 0
        ? ids.flatMap((id) => this.at(id) ?? []).filter(({ missingFromList }) => !missingFromList)
        : [...this.truth.keys()].flatMap((id) => this.at(id) ?? []).sort((a, b) => b.createdMs - a.createdMs);
    const size = Math.min(top, list.page);
    const page = all.slice(skip, skip + size);
    const more = skip + size < all.length && size < top;
    const link = (from: number) => `${API}/api/machineactions?$top=${top}&$skip=${from}`;
    const links = this.#server.isCalm() ? 'right' : list.links;
    const shown = {
      right: more ? link(skip + size) : undefined,
      repeated: more ? link(skip) : undefined,
      empty: '',
      none: undefined,
    }[links];
    return json({
      ...(list.counts ? { '@odata.count': all.length } : {}),
      value: page.map((truth) => this.#shown(truth)),
      ...(shown === undefined ? {} : { '@odata.nextLink': shown }),
    });
  }

  #devices({ top, skip }: Request): ServerAnswer {
    const shown = [...this.truth.values()].slice(skip, skip + Math.min(top, this.#scenario.list.page));
    if (this.truth.size === 0) return error(404, 'ResourceNotFound', 'no recent machines');
    return json({
      value: shown.map(({ machineId, computer, lastSeenMs }) => ({
        id: machineId.toUpperCase(),
        computerDnsName: computer,
        lastSeen: lastSeenMs === undefined ? null : new Date(BEGINNING + lastSeenMs).toISOString(),
      })),
    });
  }

  /** `alone`: the answer to a get, which without its ID would be nobody's answer. */
  #shown(truth: Truth, alone = false): unknown {
    return lessOf(alone && isNameless(truth.odd) ? undefined : truth.odd, this.#spelt(truth));
  }

  #spelt(truth: Truth): MachineAction {
    const right = entity(truth);
    return this.#scenario.spelling === 'other' ? respelt(right) : right;
  }

  #spend(route: Request['route'], ours: number): ServerAnswer | undefined {
    const { windows, rule, routes } = this.#scenario;
    const key = routes === 'shared' ? 'all' : route;
    let rules = this.#limits.get(key);
    if (rules === undefined) {
      rules = windows.map((window) => makeRule(window, rule));
      this.#limits.set(key, rules);
    }
    const now = this.#now();
    const closed = rules.filter((each) => !each.allows(now));
    if (closed.length === 0 || rule.rejectedCount) for (const each of rules) each.count(now);
    const [first] = closed;
    if (first === undefined) return undefined;
    if (ours > 0 && this.otherCalls === 0) this.refusedAlone++;
    const seconds = Math.max(1, Math.ceil(first.againInMs(now) / 1000));
    const { fractions } = this.#scenario;
    const again = fractions ? '' : ` You can send requests again in ${seconds} seconds.`;
    const message = `API calls quota exceeded! Maximum allowed ${first.window.calls}.${again}`;
    const header = this.#random.chance(0.6) ? { 'retry-after': String(fractions ? seconds - 0.5 : seconds) } : {};
    return error(429, 'TooManyRequests', message, header);
  }
}

export const API = 'https://api.security.microsoft.com';

/** A report a day, of some devices none; several share a moment. True ms. */
function lastSeenOf(random: Random, now: number): number | undefined {
  return random.chance(0.1) ? undefined : now - random.int(0, 20) * 43_200_000;
}

function json(body: unknown): ServerAnswer {
  return { http: 200, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}

export function error(http: number, code: string, message: string, headers: Record<string, string> = {}): ServerAnswer {
  const body = JSON.stringify({ error: { code, message, target: '|00-correlation.' } });
  return { http, headers: { 'content-type': 'application/json', ...headers }, body };
}
