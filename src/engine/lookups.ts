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

  async function one(id: string, signal: AbortSignal): Promise<Found> {
    if (!canRead) return { kind: 'unreadable', why: 'no-permission' };
    const answer = await defender.get(id, signal);
    if (answer.kind === 'action') return { kind: 'found', action: answer.action };
    if (answer.kind === 'error' && answer.http === 404) return { kind: 'unknown' };
    return refusedToRead(answer);
  }

  /** A 403 on a list is about the token; on one action it may be about the action's device group. */
  function refusedToRead(answer: Answer, byList = false): Found {
    if (answer.kind !== 'error' || answer.http !== 403) return UNREADABLE;
    if (byList) canRead = false;
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

  async function missingFromList(id: string, signal: AbortSignal): Promise<Found> {
    if (!listForgets && doubted >= DOUBTED) return { kind: 'unknown' };
    const found = await one(id, signal);
    if (found.kind === 'found') listForgets = true;
    if (found.kind === 'unknown') doubted++;
    return found;
  }

  async function batch(ids: readonly string[], into: Map<string, Found>, signal: AbortSignal): Promise<void> {
    if (!canRead) {
      for (const id of ids) into.set(id, { kind: 'unreadable', why: 'no-permission' });
      return;
    }
    const answer = await defender.lookUp(ids, signal);
    if (answer.kind === 'page') {
      const missing = new Set(ids);
      for (const action of answer.actions) {
        const id = action.id.toLowerCase();
        if (missing.delete(id)) into.set(id, { kind: 'found', action });
      }
      if (answer.nextLink === undefined || missing.size === 0) {
        for (const id of missing) into.set(id, await missingFromList(id, signal));
        return;
      }
      // The page was cut: what is not shown is asked for anew, which is a call just as its next page, and leads nowhere else.
      if (missing.size < ids.length) {
        await batch([...missing], into, signal);
        return;
      }
    } else if (!asksForLess(answer)) {
      const found = refusedToRead(answer, true);
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

function asksForLess(answer: Answer): boolean {
  if (answer.kind === 'lost') return true;
  return answer.kind === 'error' && [400, 404, 413, 414].includes(answer.http);
}
