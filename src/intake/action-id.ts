import { ownCopy } from '../own-copy.ts';

const GUID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/i;
const BARE = new RegExp(`^${GUID.source}$`, 'i');
const DRESSED = new RegExp(`^(?:${GUID.source}|\\{\\s*${GUID.source}\\s*\\})$`, 'i');
const QUOTES = /^["'\s]+|["'\s]+$/g;
const DEVICE_ID = /^[0-9a-f]{40}$/i;

/**
 * The lower-case GUID that `text` is, in any case, with or without braces, quotes and spaces around it; undefined when
 * it is anything else. The string returned stands alone: it keeps no longer text alive.
 */
export function parseActionId(text: string): string | undefined {
  if (text.length === 36) return BARE.test(text) ? text.toLowerCase() : undefined;
  const trimmed = text.replace(QUOTES, '');
  if (!DRESSED.test(trimmed)) return undefined;
  const guid = GUID.exec(trimmed)?.[0];
  return guid === undefined ? undefined : ownCopy(guid.toLowerCase());
}

/** Forty hex digits: what Defender calls a machine ID, a common mix-up with the ID of an action. */
export function isDeviceId(text: string): boolean {
  return DEVICE_ID.test(text.replace(QUOTES, ''));
}
