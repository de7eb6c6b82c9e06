import { UsageError } from '../errors.ts';
import { namesActionId } from './as-written.ts';

/** Lines from which a list of properties can be told. */
const LINES_AT_MOST = 40;

/**
 * Refuses objects that PowerShell printed for a person (`@{Id=…}`, Format-Table, Format-List): they may be cut short, and which of their values
 * is meant cannot be told. Throws a UsageError with the way to write the IDs.
 */
export function refusePrinted(sample: string, name: string): void {
  const lines = sample.split('\n', LINES_AT_MOST);
  if (isPrintedObject(sample) || isTable(lines) || lines.some(isProperty)) throw printed(name);
}

/** `@{Id=…; Type=…}`: an object that was made a text. */
export function isPrintedObject(text: string): boolean {
  return /^["'\s]*@\{[^}=]*=/.test(text);
}

export function printed(name: string, line?: number): UsageError {
  const where = line === undefined ? name : `${name}, line ${line},`;
  return new UsageError(
    `${where} holds objects as PowerShell prints them, not action IDs: write the IDs with \`| Select-Object -ExpandProperty Id\`, ` +
      'or the objects with `| Export-Csv` or `| ConvertTo-Json`',
  );
}

/** Format-Table: names, and each of them underlined. */
function isTable([names = '', lines = '']: readonly string[]): boolean {
  if (!/^\s*-{2,}(?:\s+-+)*\s*$/.test(lines)) return false;
  const columns = [...lines.matchAll(/-+/g)];
  const isUnderlined = columns.every(
    ({ index }) => /^\S$/.test(names[index] ?? '') && !/\S/.test(names[index - 1] ?? ''),
  );
  return isUnderlined && (columns.length > 1 || namesActionId(names));
}

/** Format-List: `Id   : 5382f7ea-…`. */
function isProperty(line: string): boolean {
  const [, property = ''] = /^\s*([A-Za-z][A-Za-z ]{0,30}?)\s+: /.exec(line) ?? [];
  return namesActionId(property);
}
