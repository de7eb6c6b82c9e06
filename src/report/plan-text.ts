import { DECISION_NAMES, DECISIONS } from '../ledger/decisions.ts';
import { canStart } from './facts/headline.ts';
import type { Summary } from './facts/summary.ts';
import { formatCount, formatTime, type Terminal } from './format.ts';
import { textTable } from './table.ts';

/** Nothing of what would be done where nothing would. */
export function planTables(summary: Summary, terminal: Terminal): string {
  const { plan } = summary;
  if (plan === undefined || !canStart(summary)) return '';
  const tables: string[] = [];
  const { decisions } = plan;
  if (decisions !== undefined) {
    tables.push(
      textTable(
        [{ head: 'Decision' }, { head: 'Actions', align: 'right' }, { head: 'Meaning' }],
        DECISION_NAMES.filter((name) => decisions[name] > 0).map((name) => [
          name,
          formatCount(decisions[name]),
          DECISIONS[name].means,
        ]),
        terminal,
      ),
    );
  }
  if (plan.reasons.length > 0) {
    tables.push(
      textTable(
        [{ head: 'Left out' }, { head: 'Actions', align: 'right' }, { head: 'Why' }],
        plan.reasons.slice(0, 12).map(({ decision, reason, n }) => [decision, formatCount(n), reason]),
        terminal,
      ),
    );
  }
  tables.push(ranking('To cancel, by type', plan.cancelByType, terminal));
  tables.push(ranking('To cancel, by status', plan.cancelByStatus, terminal));
  // Where no machine has two, the ranking says nothing.
  const crowded = plan.machines.filter(({ n }) => n > 1);
  tables.push(ranking('Machines with most actions', crowded, terminal));
  if (plan.oldest.length > 0) {
    tables.push(
      textTable(
        [{ head: 'Oldest (UTC)' }, { head: 'Type' }, { head: 'Device' }],
        plan.oldest.map((row) => [
          (row.created ?? '').slice(0, 16).replace('T', ' '),
          row.type ?? '',
          row.device ?? row.deviceId ?? '',
        ]),
        terminal,
      ),
    );
  }
  if (plan.forecast !== undefined && plan.forecast.calls > 0) {
    tables.push(
      textTable(
        [{ head: 'Calls made' }, { head: 'By' }],
        plan.quarters.map(({ part, atMs }) => [
          `${part * 100} % of ${formatCount(plan.forecast?.calls ?? 0)}`,
          formatTime(atMs),
        ]),
        terminal,
      ),
    );
  }
  const order = plan.forecast?.order;
  if (order !== undefined && order.firstMinute + order.firstHour + order.later > 0) {
    tables.push(
      textTable(
        [{ head: 'Called' }, { head: 'Actions', align: 'right' }],
        [
          ['in the first minute', formatCount(order.firstMinute)],
          ['in the rest of the first hour', formatCount(order.firstHour)],
          ['later', formatCount(order.later)],
        ],
        terminal,
      ),
    );
  }
  return tables.filter((table) => table !== '').join('\n\n');
}

function ranking(head: string, entries: readonly { name: string; n: number }[], terminal: Terminal): string {
  if (entries.length === 0) return '';
  return textTable(
    [{ head: 'Actions', align: 'right' }, { head }],
    entries.slice(0, 10).map(({ name, n }) => [formatCount(n), name]),
    terminal,
  );
}
