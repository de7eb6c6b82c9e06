import { mapTexts } from '../clean.ts';
import { keepAll, type Redact } from '../redact.ts';
import type { RecordFields, RecordKind } from './record.ts';

/**
 * Which fields hold a text that somebody else wrote (`text`), or data with such texts in it (`deep`). The others are numbers, IDs and words of our
 * own, by which a run goes on: those stay as they are.
 */
const FIELDS: { readonly [K in RecordKind]: Readonly<Record<keyof RecordFields[K], 'own' | 'text' | 'deep'>> } = {
  open: {
    format: 'own',
    run: 'own',
    session: 'own',
    tool: 'own',
    tenant: 'own',
    client: 'own',
    api: 'own',
    job: 'deep',
    redacted: 'own',
  },
  admit: { id: 'own', line: 'own', comment: 'text', priority: 'own' },
  reject: { line: 'own', reason: 'own', text: 'text' },
  intake: { admitted: 'own', rejected: 'own', bytes: 'own', sha256: 'own' },
  screen: {
    id: 'own',
    status: 'text',
    type: 'text',
    machineId: 'text',
    computer: 'text',
    requestor: 'text',
    created: 'text',
  },
  start: { by: 'own', count: 'own', order: 'own' },
  intent: { call: 'own', route: 'own', id: 'own', ids: 'own', attempt: 'own' },
  reply: {
    call: 'own',
    id: 'own',
    attempt: 'own',
    ms: 'own',
    http: 'own',
    code: 'text',
    correlation: 'text',
    retryAfterMs: 'own',
    skewMs: 'own',
    error: 'text',
  },
  outcome: { id: 'own', outcome: 'own', attempts: 'own', status: 'text', detail: 'text' },
  pause: { until: 'own', reason: 'own' },
  close: { reason: 'own', counts: 'own' },
};

/** The names of the fields that are looked at, by kind: most records have none. */
const LOOKED_AT = Object.fromEntries(
  Object.entries(FIELDS).map(([kind, fields]) => [
    kind,
    Object.entries(fields).flatMap(([name, what]) => (what === 'own' ? [] : [name])),
  ]),
) as Record<RecordKind, string[]>;

/** Of a frozen job: who we are and where Defender is, which are IDs, fixed words and an address that holds no password. A resume is refused if they change. */
const KEPT = ['tenant', 'clientId', 'auth', 'api'];

function jobWithout(job: unknown, redact: Redact): unknown {
  if (typeof job !== 'object' || job === null) return job;
  return Object.fromEntries(
    Object.entries(job).map(([key, value]) => [key, KEPT.includes(key) ? value : mapTexts(value, redact)]),
  );
}

/** The fields of a record without secrets; the very same object where there are none in it. */
export function withoutSecrets<K extends RecordKind>(
  kind: K,
  fields: RecordFields[K],
  redact: Redact,
): RecordFields[K] {
  if (redact === keepAll) return fields;
  let changed: Record<string, unknown> | undefined;
  for (const name of LOOKED_AT[kind]) {
    const value = (fields as unknown as Record<string, unknown>)[name];
    if (typeof value !== 'string' && typeof value !== 'object') continue;
    const clean = typeof value === 'string' ? redact(value) : jobWithout(value, redact);
    if (clean === value) continue;
    changed ??= { ...fields };
    changed[name] = clean;
  }
  return changed === undefined ? fields : (changed as unknown as RecordFields[K]);
}
