import type { Defender } from './client.ts';
import { PAGE_SIZE } from './routes.ts';

/** A million devices: more calls than a minute's quota is more than an order is worth. What was not listed by then is not known. */
const PAGES_AT_MOST = 100;

/**
 * When these devices (IDs in lower case) were last seen, epoch ms, as far as Defender shows it; or why it cannot be read. The list is read by place
 * until all are found, a page is empty, or it begins as one before it. A 404 is how Defender says that there are no more.
 */
export async function lastSeenOf(
  defender: Pick<Defender, 'machines'>,
  wanted: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<{ lastSeenMs: ReadonlyMap<string, number> } | { unread: string }> {
  const missing = new Set(wanted);
  const lastSeenMs = new Map<string, number>();
  const beginnings = new Set<string>();
  for (let page = 0, skip = 0; page < PAGES_AT_MOST && missing.size > 0; page++) {
    const answer = await defender.machines({ top: PAGE_SIZE, skip }, signal);
    if (answer.kind === 'error' && answer.http === 404) break;
    if (answer.kind !== 'devices') return { unread: wordsOf(answer) };
    const { devices, entries } = answer;
    const beginning = devices[0]?.id;
    if (entries === 0 || (beginning !== undefined && beginnings.has(beginning))) break;
    if (beginning !== undefined) beginnings.add(beginning);
    for (const { id, lastSeenMs: seenMs } of devices) {
      missing.delete(id);
      if (seenMs === undefined || !wanted.has(id)) continue;
      lastSeenMs.set(id, Math.max(seenMs, lastSeenMs.get(id) ?? seenMs));
    }
    skip += entries;
  }
  return { lastSeenMs };
}

function wordsOf(answer: {
  kind: string;
  http?: number | undefined;
  code?: string | undefined;
  error?: string;
}): string {
  const { kind, http, code, error } = answer;
  const what = http === undefined ? undefined : `HTTP ${http}`;
  return [what, code ?? error].filter((part) => part !== undefined).join(' ') || kind;
}
