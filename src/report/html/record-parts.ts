import { describeDuration } from '../../duration.ts';
import { sessionEnd } from '../facts/headline.ts';
import type { Summary } from '../facts/summary.ts';
import { formatCount, formatMinute, formatTime, plural } from '../format.ts';
import { type Content, html, type Markup } from './markup.ts';
import { facts, named, part, plainTable } from './parts.ts';

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
  const remark = `${plural(summary.sessions.length, 'session')}; an interrupted run is continued in another.`;
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
      ledger.order === undefined ? undefined : ['Order of the calls', ledger.order],
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
