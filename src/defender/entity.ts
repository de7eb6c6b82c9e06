import { ACTION_STATUSES, ACTION_TYPES } from '../job/known-names.ts';

/**
 * A machine action as the wire carries it. Only what we read is declared; `type` and `status` are open sets, because
 * Microsoft's own descriptions disagree about them.
 */
export interface MachineAction {
  id: string;
  type: string;
  status: string;
  requestor?: string | null;
  requestorComment?: string | null;
  machineId?: string | null;
  computerDnsName?: string | null;
  creationDateTimeUtc?: string | null;
  lastUpdateDateTimeUtc?: string | null;
  cancellationRequestor?: string | null;
  cancellationComment?: string | null;
  cancellationDateTimeUtc?: string | null;
  commands?: MachineActionCommand[] | null;
}

export interface MachineActionCommand {
  commandStatus?: string | null;
  endTime?: string | null;
}

/**
 * A name of a type or a status in the form in which two spellings of it are equal: letters and digits alone, in lower case, and with the
 * two Ls of Microsoft's own documentation. `Live Response`, `live_response` and `LiveResponse` are one name, and so are `Canceled` and
 * `Cancelled`.
 */
export function normalName(name: string): string {
  return name
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]+/gu, '')
    .replace(/^canceled$/, 'cancelled');
}

export function isSameName(one: string, other: string): boolean {
  return normalName(one) === normalName(other);
}

const TYPES = spellings(ACTION_TYPES);
const STATUSES = spellings(ACTION_STATUSES);

/** The spelling that Microsoft documents, for a type in any spelling; a type that is not known stays as it is. */
export function canonicalType(type: string): string {
  return TYPES.get(type) ?? TYPES.get(normalName(type)) ?? type.trim();
}

/** As {@link canonicalType}, for a status. */
export function canonicalStatus(status: string): string {
  return STATUSES.get(status) ?? STATUSES.get(normalName(status)) ?? status.trim();
}

/** The statuses from which an action does not move any more. Every other one, known or not, is open. */
const FINAL_STATUSES: ReadonlySet<string> = new Set(['Succeeded', 'Failed', 'TimeOut', 'Cancelled'].map(normalName));

export function isFinalStatus(status: string): boolean {
  return FINAL_STATUSES.has(normalName(status));
}

/** Whether any of its commands ran to its end: a status of Cancelled does not undo that. */
export function hasCompletedCommand(action: MachineAction): boolean {
  return (action.commands ?? []).some(({ commandStatus }) => isSameName(commandStatus ?? '', 'Completed'));
}

/** Each by itself as well: most answers have Microsoft's own. */
function spellings(names: readonly string[]): ReadonlyMap<string, string> {
  return new Map(names.flatMap((name) => [name, normalName(name)].map((spelling) => [spelling, name])));
}

const GUID = /^\{?\s*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\s*\}?$/i;

/** Deeper than this, what an entity holds is left out: writing it down would overflow the stack. Microsoft's own go three levels deep. */
const MAX_DEPTH = 32;

/**
 * A machine action out of whatever stands where one should: the fields that the program reads have the types that it expects, and nothing
 * is thrown. The ID is a bare GUID in lower case where it is one in any dress, else the text as it came, and empty where there is none;
 * type and status have Microsoft's spelling, and are empty where none is shown. What else the entity holds is kept, but for what is nested
 * too deep. Undefined for what is no object.
 */
export function readEntity(value: unknown): MachineAction | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  const isTooDeep = isDeep(fields);
  const entity: Record<string, unknown> = isTooDeep ? {} : { ...fields };
  entity['id'] = idOf(fields['id']);
  entity['type'] = canonicalType(textOf(fields['type']) ?? '');
  entity['status'] = canonicalStatus(textOf(fields['status']) ?? '');
  for (const name of TEXTS) {
    // Mostly it is a text, and copied already.
    if (name in fields && (isTooDeep || typeof fields[name] !== 'string')) entity[name] = textOf(fields[name]) ?? null;
  }
  if ('commands' in fields) entity['commands'] = commandsOf(fields['commands']);
  return entity as unknown as MachineAction;
}

/** Those that may be missing; one of another type than text counts as not shown. */
const TEXTS: readonly (keyof MachineAction)[] = [
  'requestor',
  'requestorComment',
  'machineId',
  'computerDnsName',
  'creationDateTimeUtc',
  'lastUpdateDateTimeUtc',
  'cancellationRequestor',
  'cancellationComment',
  'cancellationDateTimeUtc',
];

/** A device, of List machines: what the order of calls goes by. */
export interface Device {
  /** In lower case. */
  id: string;
  /** Its last full report, epoch ms; undefined where none is shown. */
  lastSeenMs: number | undefined;
}

/** Before this service there was no report, and after it there is none yet: year 1 and year 9999 stand for nothing. */
const REPORTS = { first: Date.UTC(2010, 0), last: Date.UTC(2100, 0) };

/** A device out of whatever stands where one should; undefined without an ID. Nothing is thrown. */
export function readDevice(value: unknown): Device | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { id, lastSeen } = value as Record<string, unknown>;
  const name = textOf(id)?.trim().toLowerCase() ?? '';
  if (name === '') return undefined;
  const seenMs = Date.parse(textOf(lastSeen) ?? '');
  const isReport = seenMs >= REPORTS.first && seenMs < REPORTS.last;
  return { id: name, lastSeenMs: isReport ? seenMs : undefined };
}

/** Whether an entity has an ID that can be called. */
export function hasActionId({ id }: Pick<MachineAction, 'id'>): boolean {
  return GUID.test(id);
}

function idOf(value: unknown): string {
  const text = textOf(value)?.trim() ?? '';
  return GUID.exec(text)?.[1]?.toLowerCase() ?? text;
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

function commandsOf(value: unknown): MachineActionCommand[] | null {
  if (!Array.isArray(value)) return null;
  return value.flatMap((command: unknown) => {
    if (typeof command !== 'object' || command === null || Array.isArray(command)) return [];
    const { commandStatus, endTime } = command as Record<string, unknown>;
    const deep = isDeep(command);
    return [
      { ...(deep ? {} : command), commandStatus: textOf(commandStatus) ?? null, endTime: textOf(endTime) ?? null },
    ];
  });
}

/** Goes no deeper itself, which what is nested deep enough would overflow. */
function isDeep(value: object, depth = 0): boolean {
  for (const each of Object.values(value)) {
    if (depth === MAX_DEPTH) return true;
    if (typeof each === 'object' && each !== null && isDeep(each, depth + 1)) return true;
  }
  return false;
}
