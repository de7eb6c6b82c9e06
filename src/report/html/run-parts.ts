import { needsLook, OUTCOME_NAMES, OUTCOMES } from '../../ledger/outcomes.ts';
import { leftWords } from '../../ledger/state/counts.ts';
import type { ActionRow } from '../facts/rows.ts';
import type { Summary } from '../facts/summary.ts';
import type { WindowUsage } from '../facts/usage.ts';
import { formatCount, formatMinute, plural } from '../format.ts';
import type { Charts } from './charts.ts';
import { html, type Markup } from './markup.ts';
import { key, named, part, plainTable, sortedTable, type TallyItem, tally } from './parts.ts';
import { outcomeColor, statusColor } from './style.ts';

/** Rows of actions that a page lists at most; the CSV files hold them all. */
export const ROWS_SHOWN = 2000;

export function outcomes(summary: Summary, charts: Charts): Markup {
  const items: TallyItem[] = OUTCOME_NAMES.filter((name) => summary.counts[name] > 0).map((name) => ({
    id: name,
    name,
    n: summary.counts[name],
    means: OUTCOMES[name].means,
    color: outcomeColor(name),
    flag: needsLook(name) ? 'needs review' : undefined,
  }));
  if (summary.open > 0) {
    const means = leftWords(summary.openBy, formatCount);
    items.push({ id: 'open', name: 'open', n: summary.open, means, color: outcomeColor('open') });
  }
  const label = items.map(({ name, n }) => `${name} ${formatCount(n)}`).join(', ');
  return html`<section aria-label="Outcomes">${charts.bar(items, `Outcomes: ${label}`)}${tally(items, summary.admitted)}</section>`;
}

export function looks(summary: Summary, rows: readonly ActionRow[]): Markup | undefined {
  if (summary.needsLook === 0) return undefined;
  const shown = rows.length < summary.needsLook;
  const remark = html`<span data-count="needs-look">${formatCount(summary.needsLook)}</span> ${summary.needsLook === 1 ? 'action' : 'actions'} whose outcome needs a person.${
    shown &&
    html` The first ${formatCount(rows.length)} are listed here; all of them are in <code>failed.csv</code>, which <code>countermand report --out</code> writes.`
  }`;
  const table = sortedTable<ActionRow>({
    caption: 'Actions that need review',
    rows,
    filter: {
      head: 'Outcome',
      choices: OUTCOME_NAMES.filter((name) => needsLook(name) && summary.counts[name] > 0),
      of: ({ outcome }) => outcome,
    },
    columns: [
      {
        head: 'Outcome',
        cell: ({ outcome, detail }) => [
          html`<span class="dot c-${outcomeColor(outcome)}">${outcome}</span>`,
          detail !== undefined && html`<span class="under">${detail}</span>`,
        ],
      },
      {
        head: 'Device',
        kind: 'name',
        cell: ({ device, deviceId, requestor }) => [
          named(device),
          deviceId !== undefined && html`<span class="under mono">${deviceId}</span>`,
          requestor !== undefined && html`<span class="under">by ${named(requestor)}</span>`,
        ],
      },
      {
        head: 'Type',
        cell: ({ type, status }) => [type, status !== undefined && html`<span class="under">${status}</span>`],
      },
      {
        head: 'Answer',
        label: 'Answer',
        cell: ({ http, code, correlation }) => [
          [http, code].filter((word) => word !== undefined).join(' '),
          correlation !== undefined && html`<span class="under mono">${correlation}</span>`,
        ],
      },
      {
        head: 'Sent (UTC)',
        kind: 'time',
        label: 'Sent',
        cell: ({ firstSentAtMs, attempts }) => [
          firstSentAtMs !== undefined && formatMinute(firstSentAtMs),
          attempts > 1 && html`<span class="under">${attempts} attempts</span>`,
        ],
      },
      { head: 'Action ID', kind: 'id', label: 'Action', cell: ({ id }) => id },
    ],
  });
  return part('looks', 'Needs review', remark, table, true);
}

export function releases(summary: Summary, rows: readonly ActionRow[]): Markup | undefined {
  if (summary.needsRelease === 0) return undefined;
  const remark = html`<span data-count="needs-release">${formatCount(summary.needsRelease)}</span> ${summary.needsRelease === 1 ? 'isolation' : 'isolations'} took effect. Cancelling cannot undo that; releasing the device can.${
    rows.length < summary.needsRelease &&
    html` The first ${formatCount(rows.length)} are listed here; all of them are in <code>needs-release.csv</code>.`
  }`;
  const table = sortedTable<ActionRow>({
    caption: 'Isolations that may need release',
    rows,
    filter: { head: 'Outcome', choices: [], of: ({ outcome }) => outcome },
    columns: [
      { head: 'Device', cell: ({ device }) => named(device) },
      {
        head: 'Since (UTC)',
        kind: 'time',
        label: 'Since',
        cell: ({ created }) => created?.slice(0, 16).replace('T', ' '),
      },
      { head: 'Device ID', kind: 'id', label: 'Device', cell: ({ deviceId }) => deviceId },
      { head: 'Action ID', kind: 'id', label: 'Action', cell: ({ id }) => id },
    ],
  });
  return part('releases', 'May need release', remark, table, true);
}

export function callsOverTime(summary: Summary, charts: Charts): Markup {
  const { calls, pauses, answers } = summary;
  const total = calls.cancel + calls.get + calls.list + calls.machines;
  const remark = html`${plural(total, 'call')} to Defender: <span data-count="calls-cancel">${formatCount(calls.cancel)}</span> cancel, <span data-count="calls-get">${formatCount(calls.get)}</span> get, <span data-count="calls-list">${formatCount(calls.list)}</span> list${calls.machines > 0 && html`, <span data-count="calls-machines">${formatCount(calls.machines)}</span> machines`}.`;
  if (total === 0) return part('calls', 'Calls over time', remark, html`<p class="note">Nothing was sent.</p>`);
  const legend = key(
    [
      { name: 'cancel', color: 'route-cancel' },
      ...(calls.list > 0 ? [{ name: 'list', color: 'route-list' }] : []),
      ...(calls.get > 0 ? [{ name: 'get', color: 'route-get' }] : []),
      ...(calls.machines > 0 ? [{ name: 'machines', color: 'route-machines' }] : []),
      { name: 'limit', color: 'quota', line: true },
      ...(pauses.length > 0 ? [{ name: 'paused', color: 'pause' }] : []),
    ],
    'times in UTC',
  );
  const answered = answers.map(({ answer, n }) => `${answer} (${formatCount(n)})`).join(', ');
  return part('calls', 'Calls over time', remark, [
    charts.calls(summary),
    legend,
    summary.usage.filter(isUsed).map((usage) => charts.usage(usage, summary)),
    answered !== '' && html`<p class="note">Answers: ${answered}.</p>`,
  ]);
}

export function byType(summary: Summary, charts: Charts): Markup {
  const statuses = [...new Set(summary.types.flatMap((type) => type.statuses.map(({ status }) => status)))];
  const table = plainTable(
    'Status by action type',
    [
      { head: 'Type', cell: ({ type }) => html`<strong>${type}</strong>` },
      { head: 'Actions', kind: 'num', label: 'Actions', cell: ({ total }) => formatCount(total) },
      {
        head: 'Last known status',
        cell: (type) => [
          charts.bar(
            type.statuses.map(({ status, n }) => ({ n, color: statusColor(status) })),
            type.statuses.map(({ status, n }) => `${status} ${formatCount(n)}`).join(', '),
            'small',
          ),
          html`<span class="under">${type.statuses.map(({ status, n }) => `${status} ${formatCount(n)}`).join(', ')}</span>`,
        ],
      },
    ],
    summary.types.slice(0, 40),
    true,
  );
  const legend = key(statuses.slice(0, 12).map((status) => ({ name: status, color: statusColor(status) })));
  return part('types', 'Status by type', 'What Defender last said of the actions, by their type.', [table, legend]);
}

/** A window that was hardly used says nothing. */
function isUsed({ calls, points }: WindowUsage): boolean {
  return points.some((point) => point.calls * 20 >= calls);
}
