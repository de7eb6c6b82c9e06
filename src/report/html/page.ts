import { lookRows, releaseRows } from '../csv.ts';
import { canStart, exitWords, type Headline, headlineOf } from '../facts/headline.ts';
import { type ListFiles, nextSteps } from '../facts/next-steps.ts';
import type { PlanFacts } from '../facts/plan-summary.ts';
import type { ActionRow } from '../facts/rows.ts';
import type { Summary } from '../facts/summary.ts';
import type { LedgerView } from '../facts/view.ts';
import { formatTime } from '../format.ts';
import { allActions } from './all-actions.ts';
import { createCharts } from './charts.ts';
import { documentOf, ICONS } from './document.ts';
import { html, type Markup } from './markup.ts';
import { named } from './parts.ts';
import * as planParts from './plan-parts.ts';
import * as recordParts from './record-parts.ts';
import * as runParts from './run-parts.ts';

export interface PageOptions {
  /** Where the lists were written beside the page. */
  files?: ListFiles | undefined;
  /** For a plan: what was handed to `summarise`. */
  plan?: PlanFacts | undefined;
}

/**
 * One self-contained page: no request leaves it, its policy allows its own style and script by their hashes and nothing
 * else. `summary` must be of the same `views`.
 */
export async function htmlPage(
  summary: Summary,
  views: readonly LedgerView[],
  options: PageOptions = {},
): Promise<string> {
  const charts = await createCharts();
  const headline = headlineOf(summary);
  const { plan } = summary;
  const released = first(releaseRows(views, options.plan));
  const parts =
    plan === undefined
      ? [
          runParts.looks(summary, first(lookRows(views))),
          runParts.releases(summary, released),
          runParts.callsOverTime(summary, charts),
          runParts.byType(summary, charts),
          allActions(summary, views, undefined),
          recordParts.rejects(summary),
          recordParts.sessions(summary),
          recordParts.provenance(summary),
        ]
      : [
          // Nothing of what would be done where nothing would.
          ...(canStart(summary)
            ? [
                planParts.approval(summary, plan),
                planParts.forecast(plan, charts),
                planParts.leftOut(plan),
                planParts.toCancel(plan),
              ]
            : []),
          runParts.releases(summary, released),
          plan.decisions === undefined && runParts.byType(summary, charts),
          allActions(summary, views, canStart(summary) ? options.plan?.decisions : undefined),
          recordParts.rejects(summary),
          recordParts.provenance(summary),
        ];
  const planBar = plan !== undefined && canStart(summary) && planParts.decisions(summary, plan, charts);
  const bar = plan === undefined ? runParts.outcomes(summary, charts) : planBar;
  const body = html`<div class="${headline.tone}"><div class="band"></div><div class="page">
<a class="skip" href="#answer">Skip to the answer</a>
${mast(summary)}
<main id="answer">
${answer(summary, headline, options.files)}
${summary.admitted > 0 && bar}
${parts}
</main>
${foot(summary)}
</div></div>`;
  return documentOf(`${headline.title}: ${summary.ledgers[0]?.job.name ?? 'countermand'}`, body);
}

function first(rows: Iterable<ActionRow>): ActionRow[] {
  const taken: ActionRow[] = [];
  for (const row of rows) {
    taken.push(row);
    if (taken.length === runParts.ROWS_SHOWN) break;
  }
  return taken;
}

function mast(summary: Summary): Markup {
  const ledger = summary.ledgers[0];
  const several = summary.ledgers.length > 1;
  return html`<header class="mast"><p class="kind"><strong>countermand</strong> ${summary.kind === 'plan' ? 'plan' : 'run report'}</p>
<dl><div><dt>Job</dt><dd>${named(ledger?.job.name)}</dd></div><div><dt>Tenant</dt><dd>${ledger?.tenant}</dd></div>
<div><dt>${several ? 'Ledgers' : 'Run'}</dt><dd>${several ? summary.ledgers.length : ledger?.run.slice(0, 8)}</dd></div></dl></header>`;
}

function answer(summary: Summary, headline: Headline, files: ListFiles | undefined): Markup {
  const steps = nextSteps(summary, files);
  return html`<section class="answer" aria-labelledby="verdict"><div>
<h1 id="verdict">${ICONS[headline.tone]}<span>${headline.title}</span></h1>
<p class="sentence">${headline.sentence}</p>
<p class="timing">${headline.timing}</p>
</div>
<div class="next"><h2>${summary.kind === 'run' ? 'What needs attention' : canStart(summary) ? 'To start it' : 'What to do'}</h2>${
    steps.length === 0
      ? html`<p>Nothing. All actions reached a final outcome.</p>`
      : html`<ol>${steps.map(({ text, command }) => html`<li>${text}${command !== undefined && html`<code>${commandWords(command)}</code>`}</li>`)}</ol>`
  }</div></section>`;
}

/** A flag is not broken at its hyphens, where it would read as two. */
function commandWords(command: string): readonly Markup[] {
  return command
    .split(' ')
    .map((word, i) => html`${i > 0 && ' '}${word.startsWith('--') ? html`<span class="flag">${word}</span>` : word}`);
}

function foot(summary: Summary): Markup {
  const exit =
    summary.exitCode === undefined
      ? 'The run had not ended when this was made.'
      : summary.kind === 'plan'
        ? `Exit code ${summary.exitCode}. This is a plan: nothing was cancelled.`
        : `${exitWords(summary.exitCode, summary)}.`;
  return html`<footer><p>Made ${formatTime(summary.generatedAtMs)} from the ledger alone. <span data-exit="${summary.exitCode ?? ''}">${exit}</span></p></footer>`;
}
