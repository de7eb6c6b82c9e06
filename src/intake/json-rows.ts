import { oneLine } from '../clean.ts';
import { UsageError } from '../errors.ts';
import { isBlank, namesActionId, namesComment, namesPriority, parseActionId, plainName } from './as-written.ts';
import { namesSomethingElse, rivals } from './column-names.ts';
import { JsonEntries, type JsonEntry } from './json-entries.ts';
import type { Opening } from './opening.ts';
import type { Reader, ReadOptions } from './read-ids.ts';

import { type IntakeRow, rejected, toRow, type WrittenRow, whereIs } from './rows.ts';

/** Where Defender and Azure say that a list goes on elsewhere. */
const NEXT_LINKS = ['@odata.nextLink', 'nextLink'] as const;

/**
 * The rows of JSON: a list of IDs or of objects, `{"value": […]}` as Defender and `az rest` give it, or any number of values one after the other
 * (JSON Lines). An ID is only ever taken from the field of an object that names it, and never from further down.
 */
export function jsonRows({ rest, skippedLines }: Opening, options: ReadOptions, remarks: string[]): Reader {
  return {
    rows: rowsOf(rest, skippedLines + 1, options, remarks),
    where: ', as a text or in a field that names it (id, actionId)',
    empty: 'is JSON without an entry: give a list of action IDs',
  };
}

async function* rowsOf(
  text: AsyncIterable<string>,
  line: number,
  { name, column }: ReadOptions,
  remarks: string[],
): AsyncGenerator<Iterable<IntakeRow>> {
  const toRows = entryReader(name, column);
  const entries = new JsonEntries(name, line);
  function* rows(): Generator<IntakeRow> {
    for (const entry of entries.take()) {
      if (entry.around) remarks.push(...remarksOf(entry, name));
      const row = toRows(entry);
      if (row !== undefined) yield row;
    }
  }
  // What was whole before a failure goes out before it is thrown, so that it does not matter how the text was cut.
  for await (const piece of text) {
    const failure = entries.write(piece);
    yield rows();
    if (failure !== undefined) throw failure;
  }
  const failure = entries.end();
  yield rows();
  if (failure !== undefined) throw failure;
}

function remarksOf({ value }: JsonEntry, name: string): string[] {
  const goesOn = NEXT_LINKS.find((link) => typeof fieldsOf(value)?.[link] === 'string');
  if (goesOn === undefined) return [];
  return [
    `${name} is one page of a longer list (${goesOn}), and the other pages are not in it: get them too, or use \`countermand list\`, which does`,
  ];
}

/** Undefined for an object around a list, which is no entry itself. */
function entryReader(name: string, column: string | undefined): (entry: JsonEntry) => IntakeRow | undefined {
  const isIdName = remembered(column === undefined ? namesActionId : (field) => plainName(field) === plainName(column));
  const [isCommentName, isPriorityName] = [remembered(namesComment), remembered(namesPriority)];
  return (entry) => {
    const { value, line, place, around } = entry;
    const rowOf = (id: string, more: Pick<WrittenRow, 'comment' | 'priority'> = {}) =>
      toRow({ ...more, line, place, id, text: isBlank(id) ? JSON.stringify(value) : id.trim() }, name);
    if (typeof value === 'string') return rowOf(value);
    if (around) refuseSecondList(entry, isIdName, name);
    const idNames = namesOf(entry, isIdName, column);
    if (around && idNames.length === 0) return undefined;
    if (idNames.length > 1) throw severalFields(entry, idNames, name);
    const [idName] = idNames;
    const id = idName === undefined ? undefined : fieldsOf(value)?.[idName];
    const rival = idName === undefined || column !== undefined ? undefined : rivalOf(entry, idName);
    if (idName !== undefined && rival !== undefined) throw severalFields(entry, [idName, rival], name);
    if (around || typeof id !== 'string') {
      return rejected(around ? 'bad-row' : 'not-an-id', { line, place, text: JSON.stringify(value) });
    }
    const comment = commentOf(entry, isCommentName, name);
    return rowOf(id, { comment, priority: priorityOf(entry, isPriorityName) });
  };
}

function severalFields(entry: JsonEntry, names: readonly string[], name: string): UsageError {
  return new UsageError(
    `${whereIs(entry, name)} has several fields that may hold the action ID (${names.map((field) => `"${oneLine(field, 40)}"`).join(', ')}): say which with --column, by its name`,
  );
}

/** A field that holds another GUID and may be the action's ID as well as the one that names it. */
function rivalOf({ value, names }: JsonEntry, idName: string): string | undefined {
  const fields = fieldsOf(value);
  const idIn = (field: string) => {
    const text = fields?.[field];
    return typeof text === 'string' ? parseActionId(text) : undefined;
  };
  const own = idIn(idName);
  return names.find((field) => {
    const id = idIn(field);
    return field !== idName && id !== undefined && id !== own && rivals(field, idName);
  });
}

/** Beside the list that was read, another one would be lost without a word. One that names something else, as `machines`, is not meant. */
function refuseSecondList(entry: JsonEntry, isIdName: (name: string) => boolean, name: string): void {
  const isAction = (item: unknown) => {
    const named = Object.entries(fieldsOf(item) ?? {}).filter(([field]) => isIdName(field));
    return [item, ...named.map(([, id]) => id)].some((id) => typeof id === 'string' && parseActionId(id) !== undefined);
  };
  const search = (value: unknown): string | undefined => {
    for (const [field, part] of Object.entries(fieldsOf(value) ?? {})) {
      if (namesSomethingElse(field)) continue;
      const found = Array.isArray(part) ? (part.some(isAction) ? field : undefined) : search(part);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const second = search(entry.value);
  if (second === undefined) return;
  throw new UsageError(
    `${whereIs(entry, name)} has two lists of action IDs, "value" and "${oneLine(second, 40)}": give each list in a file of its own`,
  );
}

/** The fields that may name the action; of several the one that is spelt as it was asked for. */
function namesOf({ names }: JsonEntry, isIdName: (name: string) => boolean, column: string | undefined): string[] {
  const likely = names.filter(isIdName);
  const exact = likely.filter((name) => name === column);
  return exact.length > 0 ? exact : likely;
}

function commentOf(entry: JsonEntry, isCommentName: (name: string) => boolean, name: string): string {
  const field = entry.names.find(isCommentName);
  const comment = field === undefined ? undefined : fieldsOf(entry.value)?.[field];
  if (comment === undefined || comment === null) return '';
  if (typeof comment === 'string') return comment;
  if (typeof comment === 'number') return String(comment);
  throw new UsageError(
    `${whereIs(entry, name)}: the comment is ${JSON.stringify(comment).slice(0, 40)} and no text; correct it and run again`,
  );
}

function priorityOf({ value, names }: JsonEntry, isPriorityName: (name: string) => boolean): string | undefined {
  const field = names.find(isPriorityName);
  const priority = field === undefined ? undefined : fieldsOf(value)?.[field];
  if (priority === undefined || priority === null) return undefined;
  return typeof priority === 'string' ? priority : JSON.stringify(priority);
}

function fieldsOf(value: unknown): Readonly<Record<string, unknown>> | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined;
}

/** Objects of one list have the same few names. */
function remembered(rule: (name: string) => boolean): (name: string) => boolean {
  const known = new Map<string, boolean>();
  return (name) => {
    let is = known.get(name);
    if (is === undefined) {
      is = rule(name);
      if (known.size < 1000) known.set(name, is);
    }
    return is;
  };
}
