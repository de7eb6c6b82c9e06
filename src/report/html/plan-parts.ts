import { describeDuration } from '../../duration.ts';
import { DECISION_NAMES, DECISIONS } from '../../ledger/decisions.ts';
import type { PlanSummary } from '../facts/plan-summary.ts';
import type { Summary } from '../facts/summary.ts';
import { formatCount, formatTime, plural } from '../format.ts';
import type { Charts } from './charts.ts';
import { html, type Markup } from './markup.ts';
import { facts, named, part, plainTable, tally } from './parts.ts';
import { decisionColor } from './style.ts';

export function decisions(summary: Summary, plan: PlanSummary, charts: Charts): Markup | undefined {
  const counts = plan.decisions;
  if (counts === undefined) return undefined;
  const items = DECISION_NAMES.filter((name) => counts[name] > 0).map((name) => ({
    id: name,
    name,
    n: counts[name],
    means: DECISIONS[name].means,
    color: decisionColor(name),
    flag: name === 'not-found' ? 'needs review' : undefined,
  }));
  const label = items.map(({ name, n }) => `${name} ${formatCount(n)}`).join(', ');
  return html`<section aria-label="Decisions">${charts.bar(items, `Decisions: ${label}`)}${tally(items, summary.admitted)}</section>`;
}

export function forecast(plan: PlanSummary, charts: Charts): Markup | undefined {
  if (plan.forecast === undefined || plan.forecast.calls === 0) return undefined;
  const { calls, startsAtMs, endsAtMs } = plan.forecast;
  const remark = `${plural(calls, 'call')} in ${describeDuration(endsAtMs - startsAtMs)}, under the quota that was left when this was planned.`;
  const quarters = plan.quarters.map(({ part, atMs }): [string, string] => [`${part * 100} % by`, formatTime(atMs)]);
  const { order } = plan.forecast;
  const called = (name: string, n: number) => html`<span data-count="${name}">${formatCount(n)}</span>`;
  const turns =
    order &&
    html`<div class="note">${facts([
      ['Order of the calls', order.by],
      ['Called in the first minute', called('first-minute', order.firstMinute)],
      ['In the rest of the first hour', called('first-hour', order.firstHour)],
      ['Later', called('later', order.later)],
    ])}</div>`;
  return part('forecast', 'Forecast', remark, [
    charts.forecast(plan.forecast, plan.quarters),
    html`<p class="note">Times in UTC.</p><div class="note">${facts([['Begins', formatTime(startsAtMs)], ...quarters])}</div>`,
    turns,
  ]);
}

export function leftOut(plan: PlanSummary): Markup | undefined {
  if (plan.reasons.length === 0) return undefined;
  const table = plainTable(
    'Left out, and why',
    [
      {
        head: 'Decision',
        cell: ({ decision }) => html`<span class="dot c-${decisionColor(decision)}">${decision}</span>`,
      },
      { head: 'Actions', kind: 'num', cell: ({ n }) => formatCount(n) },
      { head: 'Why', cell: ({ reason }) => named(reason) },
    ],
    plan.reasons.slice(0, 100),
  );
  return part('left-out', 'Left out, and why', 'Actions that would not be cancelled.', table);
}

export function toCancel(plan: PlanSummary): Markup | undefined {
  if (plan.decisions === undefined || plan.decisions.cancel === 0) return undefined;
  const ranking = (head: string, entries: readonly { name: string; n: number }[]) =>
    html`<div><h3>${head}</h3>${plainTable(
      head,
      [
        { head: 'Name', cell: ({ name }) => named(name) },
        { head: 'Actions', kind: 'num', cell: ({ n }) => formatCount(n) },
      ],
      entries.slice(0, 10),
    )}</div>`;
  // Where no machine has two, the ranking says nothing.
  const crowded = plan.machines.filter(({ n }) => n > 1);
  const oldest = html`<h3>The oldest</h3>${plainTable(
    'The oldest actions to cancel',
    [
      {
        head: 'Created (UTC)',
        kind: 'time',
        label: 'Created',
        cell: ({ created }) => created?.slice(0, 16).replace('T', ' '),
      },
      { head: 'Type', cell: ({ type }) => type },
      { head: 'Device', cell: ({ device, deviceId }) => named(device ?? deviceId) },
      { head: 'Requested by', label: 'by', cell: ({ requestor }) => named(requestor) },
      { head: 'Action ID', kind: 'id', cell: ({ id }) => id },
    ],
    plan.oldest,
    true,
  )}`;
  return part(
    'to-cancel',
    'What would be cancelled',
    `${plural(plan.decisions.cancel, 'action')} by type, status and machine.`,
    [
      html`<div class="two">${ranking('By type', plan.cancelByType)}${ranking('By status', plan.cancelByStatus)}${crowded.length > 0 && ranking('Machines with most actions', crowded)}</div>`,
      plan.oldest.length > 0 && oldest,
    ],
  );
}

/** What the reviewer approves: the head names exactly this list. */
export function approval(summary: Summary, plan: PlanSummary): Markup {
  const heads = summary.ledgers.map(({ head }) => html`<p class="head mono" data-head>${head}</p>`);
  const { permissions } = plan;
  return part(
    'approval',
    'Head to approve',
    'Started with --head and this value, a run refuses any other list than the one reviewed here.',
    [
      heads,
      permissions !== undefined &&
        facts([
          ['Permissions it has', permissions.has.join(', ') || 'none'],
          ['Permissions it lacks', permissions.lacks.join(', ') || 'none'],
        ]),
    ],
  );
}
