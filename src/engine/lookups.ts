import type { Answer } from '../defender/call.ts';
import type { Defender } from '../defender/client.ts';
import type { MachineAction } from '../defender/entity.ts';
import { LOOKUP_SIZE } from '../defender/routes.ts';

/** What a lookup tells of one action. */
export type Found =
  | { kind: 'found'; action: MachineAction }
  /** Defender says that it does not know the ID. */
  | { kind: 'unknown' }
  /** No lookup could tell. */
  | { kind: 'unreadable'; why: 'no-permission' | 'no-answer' };

export interface Lookups {
  /** False once Defender refused a lookup for want of permission, or when the token's own words say so. */
  readonly canRead: boolean;
  /** Looks up any number of actions, in as few calls as Defender accepts. The answer has every ID. */
  many(ids: readonly string[], signal: AbortSignal): Promise<Map<string, Found>>;
  one(id: string, signal: AbortSignal): Promise<Found>;
}

/** A batch is halved down to this, and then asked for one by one. */
const SMALLEST_BATCH = 10;
/** IDs that the list does not know get a GET of their own, until so many of them were unknown to that as well. */
const DOUBTED = 10;

const UNREADABLE: Found = { kind: 'unreadable', why: 'no-answer' };

/**
 * Lookups by list, 100 a call. How many IDs the filter may hold is not documented, so a refused batch is halved and the
 * size that Defender refused is not tried again. Whether a list shows every action is not documented either: the first
 * ten that are missing from one are asked for by GET, and only when those are unknown too is the list's word taken for
 * the rest of the session.
 */
export function makeLookups(defender: Defender, mayRead: boolean | undefined): Lookups {
  let canRead = mayRead ?? true;
  let size = LOOKUP_SIZE;
  let doubted = 0;
  let listForgets = false;
  /** Defender let us read something in this session, so that a 403 on one action is about that action. */
  let hasRead = false;

  /** Who has read before and is refused by something that need not be Defender asks once more, before the whole session goes without. */
  async function surely(ask: () => Promise<Answer>): Promise<Answer> {
    const answer = await ask();
    return hasRead && answer.kind === 'error' && answer.http === 403 && answer.code === undefined
      ? await ask()
      : answer;
  }

  async function one(id: string, signal: AbortSignal): Promise<Found> {
    if (!canRead) return { kind: 'unreadable', why: 'no-permission' };
    const answer = await surely(() => defender.get(id, signal));
    if (answer.kind === 'action') {
      hasRead = true;
      return { kind: 'found', action: answer.action };
    }
    if (isUnknown(answer)) {
      hasRead = true;
      return { kind: 'unknown' };
    }
    if (!isForbidden(answer)) return UNREADABLE;
    // The first read of a session: whether the token may read at all is asked of the list.
    if (!hasRead) {
      const listed = await surely(() => defender.lookUp([id], signal));
      if (listed.kind === 'page') {
        hasRead = true;
        const action = listed.actions.find((each) => each.id === id);
        if (action !== undefined) return { kind: 'found', action };
      } else if (isForbidden(listed)) canRead = false;
    }
    return { kind: 'unreadable', why: 'no-permission' };
  }

  async function oneByOne(ids: readonly string[], into: Map<string, Found>, signal: AbortSignal): Promise<void> {
    for (const [index, id] of ids.entries()) {
      const found = await one(id, signal);
      into.set(id, found);
      if (found.kind === 'unreadable') {
        // One lookup had its five attempts: the others would fare no better, and each costs quota.
        for (const rest of ids.slice(index + 1)) into.set(rest, found);
        return;
      }
    }
  }

  /** What the list does not know. Nothing is concluded from lookups that are not answered. */
  async function missingFromList(ids: readonly string[], into: Map<string, Found>, signal: AbortSignal): Promise<void> {
    let unanswered: Found | undefined;
    for (const id of ids) {
      if (!listForgets && doubted >= DOUBTED) {
        into.set(id, { kind: 'unknown' });
        continue;
      }
      const found: Found = unanswered ?? (await one(id, signal));
      into.set(id, found);
      if (found.kind === 'found') listForgets = true;
      if (found.kind === 'unknown') doubted++;
      // It had its five attempts: the others would fare no better, and each costs quota.
      if (found.kind === 'unreadable' && found.why === 'no-answer') unanswered = found;
    }
  }

  async function batch(ids: readonly string[], into: Map<string, Found>, signal: AbortSignal): Promise<void> {
    if (!canRead) {
      for (const id of ids) into.set(id, { kind: 'unreadable', why: 'no-permission' });
      return;
    }
    const answer = await surely(() => defender.lookUp(ids, signal));
    if (answer.kind === 'page') {
      hasRead = true;
      const missing = new Set(ids);
      for (const action of answer.actions)
        if (missing.delete(action.id)) into.set(action.id, { kind: 'found', action });
      const left = [...missing];
      const brought = left.length < ids.length;
      const whole = answer.count === undefined ? answer.entries === 0 : answer.count <= answer.entries;
      // A page may have been cut, and need not say so: what is not shown is asked for again, which is a call just as its next page, and
      // leads nowhere else.
      if (left.length > 0 && brought && (!whole || answer.nextLink !== undefined)) {
        await batch(left, into, signal);
        return;
      }
      if (brought || left.length === 0 || answer.nextLink === undefined) {
        await missingFromList(left, into, signal);
        return;
      }
    } else if (!asksForLess(answer)) {
      if (isForbidden(answer)) canRead = false;
      const found: Found = isForbidden(answer) ? { kind: 'unreadable', why: 'no-permission' } : UNREADABLE;
      for (const id of ids) into.set(id, found);
      return;
    }
    const half = Math.ceil(ids.length / 2);
    // A lost answer may be the network's fault, so only a refusal is remembered.
    if (answer.kind === 'error') size = Math.max(1, Math.min(size, half < SMALLEST_BATCH ? 1 : half));
    if (half < SMALLEST_BATCH) {
      await oneByOne(ids, into, signal);
      return;
    }
    await batch(ids.slice(0, half), into, signal);
    await batch(ids.slice(half), into, signal);
  }

  return {
    get canRead() {
      return canRead;
    },
    one,
    many: async (ids, signal) => {
      const into = new Map<string, Found>();
      for (let at = 0; at < ids.length; ) {
        const next = ids.slice(at, at + size);
        if (next.length === 1) await oneByOne(next, into, signal);
        else await batch(next, into, signal);
        at += next.length;
      }
      return into;
    },
  };
}

/** On a list it is about the token; on one action it may be about the action's device group. */
function isForbidden(answer: Answer): boolean {
  return answer.kind === 'error' && answer.http === 403;
}

function isUnknown(answer: Answer): boolean {
  return answer.kind === 'error' && answer.http === 404;
}

function asksForLess(answer: Answer): boolean {
  if (answer.kind === 'lost') return true;
  return answer.kind === 'error' && [400, 404, 413, 414].includes(answer.http);
}
