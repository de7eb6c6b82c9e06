import { ACTION_STATUSES, ACTION_TYPES } from '../../src/job/known-names.ts';
import { OUTCOME_NAMES } from '../../src/ledger/outcomes.ts';
import { type LedgerRecord, NOT_FOUND_STATUS } from '../../src/ledger/record.ts';

/** Words that stand in many ledgers and say nothing of whose one is. Written down here a second time, so that a word let through by mistake is found. */
const WORDS = new Set<string>([
  ...ACTION_TYPES,
  ...ACTION_STATUSES,
  NOT_FOUND_STATUS,
  ...OUTCOME_NAMES,
  ...'BadRequest Forbidden InternalServerError NotFound ResourceNotFound ServiceUnavailable TooManyRequests 429'.split(
    ' ',
  ),
  ...'timeout not-sent foreign-body ECONNRESET ECONNREFUSED UND_ERR_SOCKET interrupted'.split(' '),
  ...'client-secret certificate workload-identity managed-identity device-code token'.split(' '),
  ...'commercial gcc gcc-high dod us eu uk au swa ina aea shared separate auto always never'.split(' '),
  ...'file stdin query question yes source newest last-seen cancel get list machines'.split(' '),
  ...'not-an-id bad-row duplicate throttled out-of-reach'.split(' '),
  ...'planned finished interrupted halted deadline refused unreachable disk'.split(' '),
]);
const MOMENT = /^\d{4}-\d\d-\d\dT[\d:.]+Z$/;
const TOOL = /^countermand \d+\.\d+\.\d+$/;

/** Every text in a ledger that may be somebody's name, whatever field it stands in, unknown ones included. */
export function namesIn(records: readonly LedgerRecord[]): Set<string> {
  const names = new Set<string>();
  const gather = (value: unknown): void => {
    if (typeof value === 'string') {
      if (value.length > 1 && !WORDS.has(value) && !MOMENT.test(value) && !TOOL.test(value)) names.add(value);
    } else if (typeof value === 'object' && value !== null) Object.values(value).forEach(gather);
  };
  for (const { seq: _seq, at: _at, kind: _kind, chain, ...fields } of records) {
    gather(fields);
    names.add(chain);
  }
  return names;
}

/** Those of the names that stand in a text, in any case, and as URLs and JSON spell them. */
export function shownIn(text: string, names: Iterable<string>): string[] {
  const lower = text.toLowerCase();
  return [...names].filter((name) =>
    spellings(name).some((spelling) => spelling !== '' && lower.includes(spelling.toLowerCase())),
  );
}

function spellings(name: string): string[] {
  const json = JSON.stringify(name).slice(1, -1);
  const ascii = json.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);
  const wellFormed = name.replaceAll(/\p{Cs}/gu, '\ufffd');
  return [name, json, ascii, encodeURIComponent(wellFormed), encodeURI(wellFormed), json.replaceAll('/', '\\/')];
}
