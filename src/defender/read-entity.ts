import { canonicalStatus, canonicalType, type MachineAction, type MachineActionCommand } from './entity.ts';

const GUID = /^\{?\s*([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})\s*\}?$/i;

/** Deeper than this, what an entity holds is left out: writing it down would overflow the stack. Microsoft's own go three levels deep. */
const DEEPEST = 32;

/**
 * A machine action out of whatever stands where one should: the fields that the program reads have the types that it expects, and nothing
 * is thrown. The ID is a bare GUID in lower case where it is one in any dress, else the text as it came, and empty where there is none;
 * type and status have Microsoft's spelling, and are empty where none is shown. What else the entity holds is kept, but for what is nested
 * too deep. Undefined for what is no object.
 */
export function readEntity(value: unknown): MachineAction | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const fields = value as Record<string, unknown>;
  const others = isDeep(fields) ? {} : fields;
  return {
    ...others,
    id: idOf(fields['id']),
    type: canonicalType(textOf(fields['type']) ?? ''),
    status: canonicalStatus(textOf(fields['status']) ?? ''),
    ...texts(fields, [
      'requestor',
      'requestorComment',
      'machineId',
      'computerDnsName',
      'creationDateTimeUtc',
      'lastUpdateDateTimeUtc',
      'cancellationRequestor',
      'cancellationComment',
      'cancellationDateTimeUtc',
    ]),
    ...('commands' in fields ? { commands: commandsOf(fields['commands']) } : {}),
  };
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

/** Those of the named fields that are there; one of another type than text counts as not shown. */
function texts<K extends keyof MachineAction>(
  fields: Record<string, unknown>,
  names: readonly K[],
): Partial<Record<K, string | null>> {
  const read: Partial<Record<K, string | null>> = {};
  for (const name of names) if (name in fields) read[name] = textOf(fields[name]) ?? null;
  return read;
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

/** Without recursion, which what is nested deep enough would overflow. */
function isDeep(value: object): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST) return true;
    level = level.flatMap((each) => (typeof each === 'object' && each !== null ? Object.values(each) : []));
  }
  return false;
}
