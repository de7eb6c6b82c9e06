import { hash } from 'node:crypto';
import { frozenJobSchema } from '../job/job.ts';
import { ACTION_STATUSES, ACTION_TYPES } from '../job/known-names.ts';
import { encodeLine } from './line.ts';
import { type Family, Tokens } from './name-tokens.ts';
import { type LedgerRecord, NOT_FOUND_STATUS, type RecordFields, type RecordKind } from './record.ts';
import { type LedgerSource, readOrRefuse } from './scan-ledger.ts';
import { Scanner } from './scanner.ts';

/**
 * A copy of a ledger that can be shown to strangers. It keeps numbers, moments and words of closed lists; every other text, free or not, becomes a
 * token that is the same wherever the same name stands, whatever its case. So nothing has to be found in a text to be taken out of it. A record keeps its line, and
 * the chain is made anew.
 */
export async function* redactedCopy(path: string, source: LedgerSource): AsyncGenerator<string> {
  const tokens = new Tokens();
  let lines: string[] = [];
  let head = '';
  const scanner = new Scanner({
    apply(record) {
      const { line, chain } = encodeLine(head, record.seq, record.at, ...redacted(record, tokens));
      lines.push(line);
      head = chain;
    },
  });
  for await (const chunk of readOrRefuse(path, source)) {
    const goesOn = scanner.push(chunk);
    yield lines.join('');
    lines = [];
    if (!goesOn) return;
  }
}

/** Kinds and fields that this version does not know are not copied: nobody here can say what stands in them. */
function redacted(record: LedgerRecord, tokens: Tokens): [RecordKind, RecordFields[RecordKind]] {
  const rules: Readonly<Record<string, Rule>> | undefined = Object.hasOwn(FIELDS, record.kind)
    ? FIELDS[record.kind]
    : undefined;
  // A reader passes over a kind that it does not know, and the lines after it keep their numbers.
  if (rules === undefined) return ['left-out', { why: 'unknown kind' }] as unknown as [RecordKind, never];
  const fields: Record<string, unknown> = {};
  for (const [name, rule] of Object.entries(rules)) {
    const value = (record as unknown as Readonly<Record<string, unknown>>)[name];
    if (value !== undefined) fields[name] = rule(value, tokens);
  }
  if (record.kind === 'open') fields['redacted'] = true;
  return [record.kind, fields as unknown as RecordFields[RecordKind]];
}

/** What becomes of a value that the reader has found fit. */
type Rule = (value: unknown, tokens: Tokens) => unknown;

const kept: Rule = (value) => value;

/** Texts as tokens of this family; null and numbers as they are. */
const named =
  (family: Family): Rule =>
  (value, tokens) =>
    typeof value === 'string' ? tokens.of(family, value) : value;

/** Kept where it is a word that says nothing of anybody, else a token. */
const knownOr =
  (family: Family, isKnown: (value: string) => boolean): Rule =>
  (value, tokens) =>
    typeof value === 'string' && isKnown(value) ? value : named(family)(value, tokens);

const among = (words: readonly string[]) => (value: string) => words.includes(value);

/** Microsoft's, from its page of common errors; 429 is what the wire says (docs/defender-api.md, section 5). */
const ERROR_CODES =
  `BadRequest ODataError InvalidInput InvalidRequestBody InvalidHashValue InvalidDomainName InvalidIpAddress InvalidUrl
  MaximumBatchSizeExceeded MissingRequiredParameter OsPlatformNotSupported ClientVersionNotSupported ActiveRequestAlreadyExists Unauthorized Forbidden
  DisabledFeature DisallowedOperation NotFound ResourceNotFound TooManyRequests 429 InternalServerError ServiceUnavailable`.split(
    /\s+/,
  );

/** Ours; the other ones are codes of Node, undici and TLS. */
const ERRORS =
  'not-sent timeout aborted interrupted foreign-body too-large unreadable network-error content-encoding content-encoding-gzip'.split(
    ' ',
  );
const SYSTEM_CODE = /^(?:E[A-Z]{2,16}|(?:CERT|DEPTH|EAI|ERR|HPE|SELF|UNABLE|UND)(?:_[A-Z0-9]+)+)$/;

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)?$/;
const TOOL = /^countermand \d+\.\d+\.\d+$/;

const type = knownOr('type', among(ACTION_TYPES));
const status = knownOr('status', among([...ACTION_STATUSES, NOT_FOUND_STATUS]));
const action = named('action');

/** Every field of every kind: what is not here is not copied. Held to the types in `record.ts` by the compiler. */
const FIELDS: { readonly [K in RecordKind]: Readonly<Record<keyof RecordFields[K], Rule>> } = {
  open: {
    format: kept,
    run: (value) => runToken(String(value)),
    session: kept,
    tool: knownOr('tool', (value) => TOOL.test(value)),
    tenant: named('tenant'),
    client: named('client'),
    api: named('host'),
    job: (value, tokens) => redactedJob(value, tokens),
    redacted: kept,
  },
  admit: { id: action, line: kept, comment: named('comment'), priority: kept },
  reject: { line: kept, reason: kept, text: named('text') },
  intake: { admitted: kept, rejected: kept, bytes: kept, sha256: named('sha256') },
  screen: {
    id: action,
    status,
    type,
    machineId: named('device'),
    computer: named('device'),
    requestor: named('requestor'),
    created: knownOr('moment', (value) => MOMENT.test(value)),
  },
  start: { by: kept, count: kept, order: kept },
  intent: { call: kept, route: kept, id: action, ids: kept, attempt: kept },
  reply: {
    call: kept,
    id: action,
    attempt: kept,
    ms: kept,
    http: kept,
    code: knownOr('code', among(ERROR_CODES)),
    correlation: named('correlation'),
    retryAfterMs: kept,
    skewMs: kept,
    error: knownOr('error', (value) => ERRORS.includes(value) || SYSTEM_CODE.test(value)),
  },
  outcome: { id: action, outcome: kept, attempts: kept, status, detail: named('detail') },
  pause: { until: kept, reason: kept },
  close: { reason: kept, counts: kept },
};

/** The texts of a frozen job by their place; those of a list are at the list's. What is not here is a text of somebody's. Numbers stay. */
const JOB: Readonly<Record<string, Rule>> = {
  name: named('job'),
  tenant: named('tenant'),
  clientId: named('client'),
  comment: named('comment'),
  ledger: named('path'),
  metricsFile: named('path'),
  // Words of closed lists and moments, which the schema has checked.
  'auth.kind': kept,
  'api.cloud': kept,
  'api.region': kept,
  'quota.routes': kept,
  order: kept,
  screen: kept,
  'source.kind': kept,
  'guards.createdAfter': kept,
  'guards.createdBefore': kept,
  'source.query.createdAfter': kept,
  'source.query.createdBefore': kept,
  'api.url': named('host'),
  'api.authorityUrl': named('host'),
  'api.allowHosts': named('host'),
  'source.path': named('path'),
  'source.column': knownOr('column', (value) => /^\d+$/.test(value)),
  'guards.onlyType': type,
  'guards.onlyRequestor': named('requestor'),
  'guards.onlyMachine': named('device'),
  'source.query.type': type,
  'source.query.status': status,
  'source.query.requestor': named('requestor'),
  'source.query.machine': named('device'),
  'source.query.commentContains': named('comment'),
};

function redactedJob(job: unknown, tokens: Tokens): unknown {
  const texts = (value: unknown, place: string): unknown => {
    if (typeof value === 'string') return (JOB[place] ?? named('text'))(value, tokens);
    if (Array.isArray(value)) return value.map((item) => texts(item, place));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [key, texts(part, place === '' ? key : `${place}.${key}`)]),
    );
  };
  // Read again, so that keys which nobody knows are left out.
  return texts(frozenJobSchema.parse(job), '');
}

/** By the run alone and not by its place, so that copies of two runs are two runs, and two copies of one run are one. */
function runToken(run: string): string {
  const hex = hash('sha256', `countermand redacted ${run}`, 'hex');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
