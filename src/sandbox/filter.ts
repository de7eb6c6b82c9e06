import { parseServiceTime } from './sandbox-action.ts';

/** A `$filter` that this service would refuse; the message goes into an ODataError. */
export class FilterError extends Error {
  override readonly name = 'FilterError';
}

export type Comparison = 'eq' | 'ge' | 'le' | 'gt' | 'lt';

export type Filter =
  | { kind: 'and' | 'or'; left: Filter; right: Filter }
  | { kind: 'compare'; field: string; by: Comparison; value: string }
  | { kind: 'in'; field: string; values: string[] };

type Token = { kind: 'word' | 'text' | 'date' | '(' | ')' | ','; text: string; at: number };

/** The properties that the service documents for actions. */
const ACTION_FIELDS = ['id', 'status', 'machineId', 'type', 'requestor', 'creationDateTimeUtc'];

/** Those that it documents for devices, but for numbers and lists. */
export const DEVICE_FIELDS = ['id', 'lastSeen', 'healthStatus', 'computerDnsName', 'osPlatform', 'onboardingStatus'];

const DATES: ReadonlySet<string> = new Set(['creationDateTimeUtc', 'lastSeen']);

const comparisons = new Set<string>(['eq', 'ge', 'le', 'gt', 'lt'] satisfies Comparison[]);

/**
 * Reads a `$filter`: eq, ge, le, gt, lt, in, and, or, parentheses over the fields that the service documents.
 * Field names and keywords are taken in any case, as the documentation writes them both ways. Throws FilterError.
 */
export function parseFilter(text: string, fields: readonly string[] = ACTION_FIELDS): Filter {
  const tokens = tokenise(text);
  let next = 0;

  const peekWord = () => {
    const token = tokens[next];
    return token?.kind === 'word' ? token.text.toLowerCase() : undefined;
  };
  const take = (kinds: readonly Token['kind'][], what: string): Token => {
    const token = tokens[next];
    if (token === undefined) throw new FilterError(`Expression ended where ${what} was expected`);
    if (!kinds.includes(token.kind))
      throw new FilterError(`Syntax error at position ${token.at}: ${what} was expected`);
    next += 1;
    return token;
  };

  const literalFor = (field: string): string => {
    const wanted = DATES.has(field) ? 'date' : 'text';
    return take([wanted], wanted === 'date' ? 'an unquoted date' : 'a quoted string').text;
  };

  const comparison = (): Filter => {
    const name = take(['word'], 'a property name');
    const field = fields.find((each) => each.toLowerCase() === name.text.toLowerCase());
    if (field === undefined) throw new FilterError(`Could not find a property named '${name.text}' to filter on`);
    const operator = take(['word'], 'an operator');
    const by = operator.text.toLowerCase();
    if (by === 'in') {
      take(['('], "'('");
      const values = [literalFor(field)];
      while (tokens[next]?.kind === ',') {
        next += 1;
        values.push(literalFor(field));
      }
      take([')'], "')'");
      return { kind: 'in', field, values };
    }
    if (!isComparison(by)) throw new FilterError(`'${operator.text}' is not a supported operator`);
    return { kind: 'compare', field, by, value: literalFor(field) };
  };

  const term = (): Filter => {
    if (tokens[next]?.kind !== '(') return comparison();
    next += 1;
    const inner = alternatives();
    take([')'], "')'");
    return inner;
  };

  const conjunction = (): Filter => {
    let left = term();
    while (peekWord() === 'and') {
      next += 1;
      left = { kind: 'and', left, right: term() };
    }
    return left;
  };

  function alternatives(): Filter {
    let left = conjunction();
    while (peekWord() === 'or') {
      next += 1;
      left = { kind: 'or', left, right: conjunction() };
    }
    return left;
  }

  const whole = alternatives();
  const rest = tokens[next];
  if (rest !== undefined) throw new FilterError(`Syntax error at position ${rest.at}: '${rest.text}' was not expected`);
  return whole;
}

function isComparison(word: string): word is Comparison {
  return comparisons.has(word);
}

const datePattern = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,7})?)?(Z|[+-]\d{2}:\d{2}))?/i;
const wordPattern = /^[A-Za-z_][A-Za-z0-9_]*/;

function tokenise(text: string): Token[] {
  const tokens: Token[] = [];
  let at = 0;
  while (at < text.length) {
    const character = text.charAt(at);
    if (character === ' ' || character === '\t') {
      at += 1;
    } else if (character === '(' || character === ')' || character === ',') {
      tokens.push({ kind: character, text: character, at });
      at += 1;
    } else if (character === "'") {
      const { value, end } = quoted(text, at);
      tokens.push({ kind: 'text', text: value, at });
      at = end;
    } else {
      // The longest literal is a date with an offset; a slice keeps long filters linear.
      const ahead = text.slice(at, at + 64);
      const date = datePattern.exec(ahead)?.[0];
      const found = date ?? wordPattern.exec(ahead)?.[0];
      if (found === undefined) throw new FilterError(`Syntax error at position ${at}: '${character}' was not expected`);
      if (date !== undefined && Number.isNaN(Date.parse(date))) throw new FilterError(`'${date}' is not a date`);
      tokens.push({ kind: date === undefined ? 'word' : 'date', text: found, at });
      at += found.length;
    }
  }
  return tokens;
}

/** A string from its opening quote on; two quotes in it stand for one. */
function quoted(text: string, start: number): { value: string; end: number } {
  let value = '';
  let from = start + 1;
  for (;;) {
    const quote = text.indexOf("'", from);
    if (quote === -1) throw new FilterError(`There is an unterminated string literal at position ${start}`);
    value += text.slice(from, quote);
    if (text.charAt(quote + 1) !== "'") return { value, end: quote + 1 };
    value += "'";
    from = quote + 2;
  }
}

/** A query option that is a number; undefined where it is not given. Throws FilterError. */
export function wholeNumber(query: URLSearchParams, name: string): number | undefined {
  const text = query.get(name);
  if (text === null) return undefined;
  if (!/^\d{1,9}$/.test(text)) throw new FilterError(`Invalid value '${text}' for ${name} query option found`);
  return Number(text);
}

/** Whether an entity matches. IDs compare in any case; an absent value matches nothing. */
export function matcher(filter: Filter): (entity: object) => boolean {
  switch (filter.kind) {
    case 'and': {
      const [left, right] = [matcher(filter.left), matcher(filter.right)];
      return (entity) => left(entity) && right(entity);
    }
    case 'or': {
      const [left, right] = [matcher(filter.left), matcher(filter.right)];
      return (entity) => left(entity) || right(entity);
    }
    case 'in': {
      const wanted = new Set(filter.values.map((value) => comparable(filter.field, value)));
      return (entity) => wanted.has(fieldOf(entity, filter.field));
    }
    case 'compare': {
      const wanted = comparable(filter.field, filter.value);
      const holds = comparers[filter.by];
      return (entity) => {
        const value = fieldOf(entity, filter.field);
        return value !== undefined && wanted !== undefined && holds(value, wanted);
      };
    }
  }
}

/** The only IDs that can match, where the filter says so: these are fetched by index instead of a scan. */
export function candidateIds(filter: Filter): ReadonlySet<string> | undefined {
  switch (filter.kind) {
    case 'compare':
      return filter.field === 'id' && filter.by === 'eq' ? new Set([filter.value.toLowerCase()]) : undefined;
    case 'in':
      return filter.field === 'id' ? new Set(filter.values.map((id) => id.toLowerCase())) : undefined;
    case 'and': {
      const [left, right] = [candidateIds(filter.left), candidateIds(filter.right)];
      if (left === undefined || right === undefined) return left ?? right;
      return left.size <= right.size ? left : right;
    }
    case 'or': {
      const [left, right] = [candidateIds(filter.left), candidateIds(filter.right)];
      return left === undefined || right === undefined ? undefined : new Set([...left, ...right]);
    }
  }
}

/** How many values the longest `in (…)` on `id` holds; 0 without one. */
export function longestIdList(filter: Filter): number {
  if (filter.kind === 'and' || filter.kind === 'or') {
    return Math.max(longestIdList(filter.left), longestIdList(filter.right));
  }
  return filter.kind === 'in' && filter.field === 'id' ? filter.values.length : 0;
}

type Comparable = string | number;

const comparers: Record<Comparison, (value: Comparable, wanted: Comparable) => boolean> = {
  eq: (value, wanted) => value === wanted,
  ge: (value, wanted) => value >= wanted,
  le: (value, wanted) => value <= wanted,
  gt: (value, wanted) => value > wanted,
  lt: (value, wanted) => value < wanted,
};

function comparable(field: string, value: unknown): Comparable | undefined {
  if (typeof value !== 'string') return undefined;
  if (DATES.has(field)) return parseServiceTime(value);
  return field === 'id' ? value.toLowerCase() : value;
}

function fieldOf(entity: object, field: string): Comparable | undefined {
  return comparable(field, (entity as Readonly<Record<string, unknown>>)[field]);
}
