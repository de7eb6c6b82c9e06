import { createHash } from 'node:crypto';
import { CHAIN_LENGTH } from './line.ts';

/**
 * The head of a campaign: the first 32 hex digits of SHA-256 over a line `<head> <run>\n` for each plan, by the runs' names. Null without a plan. Two
 * campaigns with one head are the same plans, as two ledgers with one head are the same records.
 */
export function campaignHead(plans: readonly { name: string; head: string }[]): string | null {
  if (plans.length === 0) return null;
  const lines = plans.map(({ name, head }) => ({ name, line: `${head} ${name}\n` }));
  lines.sort((a, b) => (a.name < b.name ? -1 : 1));
  const text = lines.map(({ line }) => line).join('');
  return createHash('sha256').update(text).digest('hex').slice(0, CHAIN_LENGTH);
}
