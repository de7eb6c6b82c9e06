import { createHash } from 'node:crypto';

/** The lines of a ledger with every chain value computed anew, by the rule that the ledger's format gives: as a forger would. */
export function chainLedger(text: string): string {
  let chain = '';
  const lines = text.trimEnd().split('\n');
  const chained = lines.map((line) => {
    const own = line.slice(0, line.lastIndexOf(',"chain":'));
    chain = createHash('sha256').update(chain).update(own).digest('hex').slice(0, 32);
    return `${own},"chain":"${chain}"}`;
  });
  return `${chained.join('\n')}\n`;
}
