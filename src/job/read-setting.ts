import { BOOLEAN_WORDS, parseBoolean } from './boolean.ts';
import { SETTINGS, type Setting, type SettingName, type SettingValues } from './settings.ts';

/** Texts come from flags and variables; booleans and lists from a flag parser. */
export type RawValue = unknown;

export type ReadSetting<K extends SettingName> = { value: SettingValues[K] } | { problem: string };

/**
 * Reads what a flag, a variable or an interpolated job value says. `problem` completes "<where> must be …" and quotes what stood there.
 */
export function readSetting<K extends SettingName>(name: K, raw: RawValue): ReadSetting<K> {
  const setting: Setting = SETTINGS[name];
  const taken = fromText(setting.kind, raw);
  const parsed = setting.value.safeParse(setting.commasSeparate ? separated(taken) : taken);
  if (parsed.success) return { value: parsed.data as SettingValues[K] };
  const wanted = setting.kind === 'boolean' ? `one of ${BOOLEAN_WORDS}` : parsed.error.issues[0]?.message;
  return { problem: `${wanted ?? 'something else'}, not ${show(raw)}` };
}

/** Turns the text of a flag or variable into what the setting's schema takes; what cannot be turned is left for the schema to refuse. */
export function fromText(kind: Setting['kind'], raw: RawValue): unknown {
  if (kind === 'texts') return Array.isArray(raw) ? raw.map(plain) : [plain(raw)];
  if (kind === 'number') {
    return typeof raw === 'string' && /^\s*[+-]?\d+(\.\d+)?\s*$/.test(raw) ? Number(raw) : raw;
  }
  if (kind === 'boolean') {
    return typeof raw === 'string' ? (parseBoolean(raw) ?? raw) : raw;
  }
  return plain(raw);
}

/** The entries of a variable that holds a comma-separated list. */
export function listOf(variable: string): string[] {
  return variable
    .split(',')
    .map((entry) => entry.trim())
    .filter((entry) => entry !== '');
}

/** Empty entries are kept, for the schema to refuse. */
function separated(list: unknown): unknown {
  if (!Array.isArray(list)) return list;
  return list.flatMap((entry: unknown) => (typeof entry === 'string' ? entry.split(',').map(plain) : [entry]));
}

/** A value as it stands in a message: short, and in quotes where it is a text. */
export function show(raw: unknown): string {
  if (raw === null || raw === undefined) return 'nothing';
  if (typeof raw === 'object')
    return Array.isArray(raw) ? `the list [${raw.map(show).join(', ')}]`.slice(0, 80) : 'a set of keys';
  // An address may have a password before its host.
  const text = String(raw).replace(/\/\/[^/\s]*@/g, '//…@');
  const short = text.length > 60 ? `${text.slice(0, 60)}…` : text;
  return typeof raw === 'string' ? `"${short}"` : short;
}

function plain(raw: unknown): unknown {
  if (typeof raw === 'string') return raw.trim();
  return typeof raw === 'number' || typeof raw === 'bigint' ? String(raw) : raw;
}
