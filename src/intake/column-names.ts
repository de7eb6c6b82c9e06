import { namesActionId, plain, plainName } from './as-written.ts';

// What the header of a table says: which column holds the action IDs, which may hold them too, and which holds the IDs of something else.

const ID_WORDS = 'ids?|guids?|uuids?|identifiers?';
/** What a security list has IDs of, beside actions. */
const DEVICES = 'device|machine|computer|host|endpoint|asset';
const OTHERS =
  'incident|alert|case|ticket|user|account|tenant|correlation|investigation|subscription|requestor|request|session|file|object|evidence|sensor|event|group|client|app|application|rule|policy';

const ID_WORD = new RegExp(`^(?:${ID_WORDS})$`);
const ACTION_WORD = /^actions?$/;
const OTHER_WORD = new RegExp(`^(?:${OTHERS})s?$`);
const THING_WORD = new RegExp(`^(?:(?:${DEVICES}|${OTHERS})s?|policies)$`);
/** `aaddeviceid`, in which the words cannot be told apart. */
const THING_ID = new RegExp(`(?:${DEVICES}|${OTHERS})s?(?:${ID_WORDS})$`);
const OF_A_THING = /^(?:names?|numbers?|list)$/;
/** No header is longer, and no expression below is slow on so much. */
const LONGEST_NAME = 100;
/** More words than a header has. */
const WORDS_AT_MOST = 6;

/** Whether this names the column of the action IDs: like a field that does, and also for several of them (`Action IDs`). */
export function namesIdColumn(name: string): boolean {
  return namesActionId(name) || (/s$/i.test(plainName(name)) && namesActionId(plainName(name).slice(0, -1)));
}

/** A number or letter that tells columns of one name apart: `id.1`, `Action ID (2)`, `id_x`. */
const NUMBERED = /(?:[\s._#([-]*\d+|[\s._([-]+[a-z])[\s)\]]*$/i;

/**
 * Whether a column or field may hold the action IDs as well as `chosen`, which names them: it has the same name but for a number, or `chosen` is a mere
 * `id` and this one speaks of actions.
 */
export function rivals(name: string, chosen: string): boolean {
  if (name.length > LONGEST_NAME) return false;
  if (namesIdColumn(plain(name).replace(NUMBERED, ''))) return true;
  if (!/^ids?$/.test(plainName(chosen))) return false;
  const words = wordsOf(name);
  const isOfActions = words.some((word) => ACTION_WORD.test(word)) || /^(?:machine)?action/.test(plainName(name));
  return isOfActions && !words.some((word) => OTHER_WORD.test(word));
}

/**
 * Whether a line can only be the header of a list of something else: `Device ID`, `AadDeviceId`, `Alerts`. False for what names action IDs, whatever stands
 * before it, for IDs of nothing that is known (`no id`), and for prose. `by`: only a header that says of IDs that they are of something else.
 */
export function namesSomethingElse(text: string, by: 'thing' | 'its ID' = 'thing'): boolean {
  if (text.length > LONGEST_NAME || namesIdColumn(text)) return false;
  const words = wordsOf(text);
  const [first, last] = [words[0], words.at(-1)];
  if (first === undefined || last === undefined || words.length > WORDS_AT_MOST) return false;
  const isThing = words.some((word) => THING_WORD.test(word)) || THING_ID.test(plainName(text));
  if (words.some((word) => ACTION_WORD.test(word)) && !words.some((word) => OTHER_WORD.test(word))) return false;
  const saysId = ID_WORD.test(first) || ID_WORD.test(last) || THING_ID.test(last);
  if (!isThing) return false;
  return saysId || (by === 'thing' && words.every((word) => THING_WORD.test(word) || OF_A_THING.test(word)));
}

/** In lower case: `AADDeviceIDs of Host-1` is aad, device, ids, of, host, 1. */
function wordsOf(text: string): string[] {
  return plain(text)
    .replace(/(ID|GUID|UUID)s(?![a-z])/g, (word) => ` ${word.toLowerCase()}`)
    .replace(/([a-z\d])([A-Z])/g, '$1 $2')
    .replace(/([A-Z]+)([A-Z][a-z])/g, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
}
