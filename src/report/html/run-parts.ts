import { describeDuration } from '../../duration.ts';
import { needsLook, OUTCOME_NAMES, OUTCOMES } from '../../ledger/outcomes.ts';
import { sessionEnd } from '../facts/headline.ts';
import type { ActionRow } from '../facts/rows.ts';
import type { Summary } from '../facts/summary.ts';
import { formatCount, formatMinute, formatTime, plural } from '../format.ts';
import type { Charts } from './charts.ts';
import { outcomeColor, statusColor } from './colors.ts';
import { type Content, html, type Markup } from './markup.ts';
import { facts, key, named, part, plainTable, sortedTable, type TallyItem, tally } from './parts.ts';

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
    items.push({ id: 'open', name: 'open', n: summary.open, means: 'not settled yet', color: outcomeColor('open') });
  }
  const label = items.map(({ name, n }) => `${name} ${formatCount(n)}`).join(', ');
  return html`<section aria-label="Outcomes">${charts.bar(items, `Outcomes: ${label}`)}${tally(items, summary.admitted)}</section>`;
}

export function looks(summary: Summary, rows: readonly ActionRow[]): Markup | undefined {
  if (summary.needsLook === 0) return undefined;
  const shown = rows.length < summary.needsLook;
  const remark = html`<span data-count="needs-look">${formatCount(summary.needsLook)}</span> ${summary.needsLook === 1 ? 'action' : 'actions'} whose outcome somebody should look at.${
    shown &&
    html` The first ${formatCount(rows.length)} are listed here; all of them are in <code>failed.csv</code>, which <code>countermand report --out</code> writes.`
  }`;
  const table = sortedTable<ActionRow>({
    caption: 'Actions that need review',
    rows,
    outcomes: OUTCOME_NAMES.filter((name) => needsLook(name) && summary.counts[name] > 0),
    outcomeOf: ({ outcome }) => outcome,
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
          named(device ?? deviceId),
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
  return part('looks', 'Needs a look', remark, table, true);
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
    outcomes: [],
    outcomeOf: ({ outcome }) => outcome,
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
      { name: 'quota', color: 'quota', line: true },
      ...(pauses.length > 0 ? [{ name: 'paused', color: 'pause' }] : []),
    ],
    'times in UTC',
  );
  const answered = answers.map(({ answer, n }) => `${answer} (${formatCount(n)})`).join(', ');
  return part('calls', 'Calls over time', remark, [
    charts.calls(summary),
    legend,
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

export function rejects(summary: Summary): Markup | undefined {
  const { rejected } = summary;
  const total = rejected['not-an-id'] + rejected['bad-row'] + rejected.duplicate;
  if (total === 0) return undefined;
  const counted: Content = Object.entries(rejected)
    .filter(([, n]) => n > 0)
    .map(
      ([reason, n], i) =>
        html`${i > 0 && ', '}<span data-count="rejected-${reason}">${formatCount(n)}</span> ${reason}`,
    );
  const rows = summary.rejects.slice(0, 200);
  const several = summary.ledgers.length > 1;
  const table = plainTable(
    'Rejected input',
    [
      { head: 'Line', kind: 'num', cell: ({ line }) => formatCount(line) },
      { head: 'Reason', cell: ({ reason }) => reason },
      { head: 'Content', cell: ({ text }) => html`<bdi class="mono">${text}</bdi>` },
      ...(several ? [{ head: 'Ledger', cell: ({ ledger }: { ledger: string }) => ledger }] : []),
    ],
    rows,
  );
  const more =
    total > rows.length &&
    html`<p class="note">The first ${formatCount(rows.length)} lines are listed; the ledger has them all.</p>`;
  return part('rejects', 'Rejected input', html`Not admitted: ${counted}. A duplicate is no fault.`, [table, more]);
}

export function sessions(summary: Summary): Markup {
  const several = summary.ledgers.length > 1;
  const table = plainTable(
    'Sessions',
    [
      { head: 'Session', kind: 'num', label: 'Session', cell: ({ session }) => session },
      ...(several ? [{ head: 'Ledger', cell: ({ ledger }: { ledger: string }) => ledger }] : []),
      { head: 'Begun (UTC)', kind: 'time', label: 'Begun', cell: ({ openedAtMs }) => formatMinute(openedAtMs) },
      {
        head: 'Last record (UTC)',
        kind: 'time',
        label: 'Last record',
        cell: ({ endedAtMs }) => formatMinute(endedAtMs),
      },
      {
        head: 'Took',
        kind: 'time',
        label: 'Took',
        cell: ({ openedAtMs, endedAtMs }) => describeDuration(endedAtMs - openedAtMs),
      },
      { head: 'Ended', label: 'Ended', cell: (session) => sessionEnd(session) },
    ],
    summary.sessions,
    true,
  );
  const reasons = new Map<string, number>();
  for (const { reason } of summary.pauses) reasons.set(reason, (reasons.get(reason) ?? 0) + 1);
  const paused =
    summary.pauses.length > 0 &&
    html`<p class="note">Calls were held back ${plural(summary.pauses.length, 'time')}, ${describeDuration(summary.pausedMs)} together: ${[...reasons].map(([reason, n]) => `${reason} ${formatCount(n)}`).join(', ')}.</p>`;
  const remark = `${plural(summary.sessions.length, 'session')}; an interrupted run goes on in another.`;
  return part('sessions', 'Sessions', remark, [table, paused]);
}

export function provenance(summary: Summary): Markup {
  const lists = summary.ledgers.map((ledger, i) => [
    i > 0 && html`<h3>${ledger.path}</h3>`,
    facts([
      [
        'Integrity',
        html`<span class="seal ${ledger.intact ? 'good' : 'bad'}">${ledger.intact ? 'Intact' : 'Damaged'}</span>: ${plural(ledger.records, 'record')}, each chained to the one before${ledger.integrityNote && html`; ${ledger.integrityNote}`}`,
      ],
      ['Head', html`<span class="mono" data-head>${ledger.head}</span>`],
      ['Ledger', html`<span class="mono">${ledger.path}</span>`],
      ['Run', html`<span class="mono">${ledger.run}</span>`],
      ['Job', named(ledger.job.name)],
      ['Source', html`<bdi>${ledger.job.source}</bdi>`],
      ledger.sourceSha256 === undefined
        ? undefined
        : ['SHA-256 of the source', html`<span class="mono">${ledger.sourceSha256}</span>`],
      ledger.job.comment === undefined ? undefined : ['Comment on each cancel', named(ledger.job.comment)],
      ['Guards', ledger.job.guards.length > 0 ? ledger.job.guards.join('; ') : 'none set'],
      ['Tenant', html`<span class="mono">${ledger.tenant}</span>`],
      ['Application', html`<span class="mono">${ledger.client}</span>`],
      ['Defender host', html`<span class="mono">${ledger.api}</span>`],
      ['Written by', ledger.tool],
    ]),
  ]);
  const start =
    summary.startedAtMs !== undefined &&
    html` Started ${formatTime(summary.startedAtMs)}, ${summary.startedBy === 'yes' ? 'confirmed in advance (--yes)' : 'confirmed at the question'}.`;
  return part(
    'record',
    'Record',
    html`Who did what, where, and whether this record is whole.${start} <code>countermand verify --head</code> checks the head against the ledger.`,
    lists,
  );
}
