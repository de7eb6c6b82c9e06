import { UsageError } from '../errors.ts';
import type { CheckedLedger, HeadFound } from '../ledger/read-ledger.ts';

/** What the check of a chain says in words. `broken`: exit 12. Throws a UsageError for a file that holds nothing. */
export function integrityText(path: string, checked: CheckedLedger): { text: string; broken: boolean } {
  const { records, from, to, head, tornBytes, fault, headFound } = checked;
  if (records === 0 && fault === undefined && headFound === undefined) {
    throw new UsageError(`${path} holds no ledger record: check the name, or restore the file from a copy`);
  }
  if (fault !== undefined) {
    const text = `${path} is damaged: line ${fault.line} ${fault.what}; the ${records} records before it are intact\n`;
    return { text, broken: true };
  }
  if (headFound !== undefined && headFound.kind !== 'last') {
    const text = `${path} has head ${head}. The head you gave ${whereIs(headFound)}\n`;
    return { text, broken: true };
  }
  const span =
    from === undefined || to === undefined ? '' : `, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
  const torn = tornBytes > 0 ? `; ${tornBytes} bytes of an unfinished last line (harmless)` : '';
  return { text: `${path} is intact: ${records} records${span}, head ${head}${torn}\n`, broken: false };
}

function whereIs(found: Exclude<HeadFound, { kind: 'last' }>): string {
  return found.kind === 'earlier'
    ? `is that of line ${found.line}: records were added since`
    : 'does not occur: records were removed from the end, or this is another ledger';
}
