import { frozenJobFault } from '../job/job.ts';
import {
  comment,
  type Field,
  finite,
  foreign,
  guid,
  httpStatus,
  isoTime,
  MAX_DETAIL,
  MAX_MS,
  MAX_NAME,
  MAX_REJECT_TEXT,
  milliseconds,
  oneOf,
  orNull,
  plain,
  sha256,
  tally,
  whole,
} from './field.ts';
import { OUTCOME_NAMES } from './outcomes.ts';
import {
  type CloseReason,
  type IntentFields,
  type Order,
  type PauseReason,
  type RecordFields,
  type RecordKind,
  type RejectReason,
  type ReplyFields,
  ROUTES,
} from './record.ts';

/** Every field of a kind, and whether it may be left out. Held to the types in `record.ts` by the compiler. */
type FieldsOf<K extends RecordKind> = {
  readonly [F in keyof RecordFields[K]]-?: Field &
    (Record<never, never> extends Pick<RecordFields[K], F> ? { optional: true } : { optional?: never });
};

const optional = <T extends Field>(field: T) => ({ ...field, optional: true as const });
const names = <T extends string>(known: Record<T, true>) => Object.keys(known);

const attempt = whole(1);
const name = foreign(MAX_NAME);

/** What each field of each kind may hold, whoever wrote the ledger. Kinds and fields that do not stand here are passed over. */
export const RECORD_FIELDS: { readonly [K in RecordKind]: FieldsOf<K> } = {
  open: {
    format: whole(1),
    run: guid,
    session: whole(1),
    tool: plain(MAX_NAME),
    tenant: plain(MAX_NAME),
    client: plain(MAX_NAME),
    api: plain(2048),
    job: { fault: frozenJobFault },
  },
  admit: { id: guid, line: whole(1), comment: optional(comment), priority: optional(finite) },
  reject: {
    line: whole(1),
    reason: oneOf(names<RejectReason>({ 'not-an-id': true, 'bad-row': true, duplicate: true })),
    text: foreign(MAX_REJECT_TEXT),
  },
  intake: { admitted: whole(0), rejected: whole(0), bytes: whole(0), sha256 },
  screen: {
    id: guid,
    status: name,
    type: name,
    machineId: orNull(name),
    computer: orNull(name),
    requestor: orNull(name),
    created: orNull(name),
  },
  start: {
    by: oneOf(['question', 'yes']),
    count: whole(0),
    order: optional(oneOf(names<Order>({ source: true, newest: true, 'last-seen': true }))),
  },
  intent: { call: whole(1), route: oneOf(ROUTES), id: optional(guid), ids: optional(whole(0)), attempt },
  reply: {
    call: whole(1),
    id: optional(guid),
    attempt: optional(attempt),
    ms: milliseconds(0),
    http: optional(httpStatus),
    code: optional(name),
    correlation: optional(name),
    retryAfterMs: optional(milliseconds(0)),
    skewMs: optional(milliseconds(-MAX_MS)),
    error: optional(name),
  },
  outcome: {
    id: guid,
    outcome: oneOf(OUTCOME_NAMES),
    attempts: whole(0),
    status: optional(name),
    detail: optional(foreign(MAX_DETAIL)),
  },
  pause: { until: isoTime, reason: oneOf(names<PauseReason>({ throttled: true, 'out-of-reach': true })) },
  close: {
    reason: oneOf(
      names<CloseReason>({
        planned: true,
        finished: true,
        interrupted: true,
        halted: true,
        deadline: true,
        refused: true,
        unreachable: true,
        disk: true,
      }),
    ),
    counts: tally(OUTCOME_NAMES),
  },
};

/** What no field can say alone. Completes "is not a valid … record: …". */
const WHOLE_RECORD: { readonly [K in RecordKind]?: (fields: RecordFields[K]) => string | undefined } = {
  intent: ({ route, id, ids }: IntentFields) => {
    const ofOne = route === 'cancel' || route === 'get';
    if (ofOne && id === undefined) return `a ${route} call needs id`;
    if (!ofOne && id !== undefined) return `a ${route} call has no id`;
    return route === 'list' && ids === undefined ? 'a list call needs ids' : undefined;
  },
  reply: ({ http, error }: ReplyFields) =>
    http === undefined && error === undefined ? 'http or error must be there' : undefined,
};

interface KindRule {
  fields: readonly (readonly [string, Field & { optional?: boolean }])[];
  adjusting: readonly (readonly [string, (value: unknown) => unknown])[];
  whole: ((fields: never) => string | undefined) | undefined;
}

/** A Map, so that a kind called `constructor` is one that nobody knows. */
const RULES: ReadonlyMap<string, KindRule> = new Map(
  Object.entries(RECORD_FIELDS).map(([kind, fields]) => {
    const entries = Object.entries<Field>(fields);
    return [
      kind,
      {
        fields: entries,
        adjusting: entries.flatMap(([name, { adjust }]) => (adjust === undefined ? [] : [[name, adjust] as const])),
        whole: WHOLE_RECORD[kind as RecordKind],
      },
    ];
  }),
);

/**
 * What is wrong with the fields of a record of this kind, as a sentence's end; undefined when they fit, or nobody knows the kind. Those that are
 * `unasked` may hold anything.
 */
export function fieldsFault(
  kind: string,
  record: Readonly<Record<string, unknown>>,
  unasked?: readonly string[],
): string | undefined {
  const rule = RULES.get(kind);
  if (rule === undefined) return undefined;
  for (const [name, field] of rule.fields) {
    const value = record[name];
    if (unasked?.includes(name)) continue;
    if (value === undefined) {
      if (field.optional !== true) return `${name} is missing`;
      continue;
    }
    const why = field.fault(value);
    if (why !== undefined) return `${name} ${why}`;
  }
  return rule.whole?.(record as never);
}

/**
 * The fields as they can be written: what came from Defender or from a file is cut to its longest, whole characters only. So no answer, however
 * large, makes a record that a reader refuses.
 */
export function fitted<K extends RecordKind>(kind: K, fields: RecordFields[K]): RecordFields[K] {
  const changed: Record<string, unknown> = {};
  const given = fields as unknown as Readonly<Record<string, unknown>>;
  let isSame = true;
  for (const [name, adjust] of RULES.get(kind)?.adjusting ?? []) {
    const value = given[name];
    if (value === undefined) continue;
    const adjusted = adjust(value);
    if (Object.is(adjusted, value)) continue;
    changed[name] = adjusted;
    isSame = false;
  }
  return isSame ? fields : { ...fields, ...changed };
}
