import { createHash } from 'node:crypto';
import { lookRows, releaseRows } from '../csv.ts';
import { canStart, exitWords, type Headline, headlineOf, type Tone } from '../facts/headline.ts';
import { type ListFiles, nextSteps } from '../facts/next-steps.ts';
import type { PlanFacts } from '../facts/plan-summary.ts';
import type { ActionRow } from '../facts/rows.ts';
import type { Summary } from '../facts/summary.ts';
import type { LedgerView } from '../facts/view.ts';
import { formatTime } from '../format.ts';
import { allActions } from './all-actions.ts';
import { createCharts } from './charts.ts';
import { html, type Markup, trusted } from './markup.ts';
import { named } from './parts.ts';
import * as planParts from './plan-parts.ts';
import * as recordParts from './record-parts.ts';
import * as runParts from './run-parts.ts';
import { SCRIPT } from './script.ts';
import { STYLE } from './style.ts';

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

function documentOf(title: string, body: Markup): string {
  const policy = [
    "default-src 'none'",
    `style-src '${hashOf(STYLE)}'`,
    `script-src '${hashOf(SCRIPT)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${trusted(policy)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
${body}
<script>${trusted(SCRIPT)}</script>
</body>
</html>
`.text;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text, 'utf8').digest('base64')}`;
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

/** Told apart by shape too, not only by colour. */
const ICONS: Record<Tone, Markup> = {
  good: icon('<circle cx="12" cy="12" r="10.5"/><path d="M7 12.5l3.5 3.5L17 8.8"/>'),
  attention: icon('<path d="M12 2.2L22.3 21H1.7z"/><path d="M12 9v6M12 17.6v.6"/>'),
  bad: icon(
    '<path d="M7.7 1.8h8.6l5.9 5.9v8.6l-5.9 5.9H7.7l-5.9-5.9V7.7z"/><path d="M8.3 8.3l7.4 7.4M15.7 8.3l-7.4 7.4"/>',
  ),
  open: icon('<circle cx="12" cy="12" r="10.5"/><path d="M12 6v6.4l4 2.4"/>'),
};

function icon(shapes: string): Markup {
  return trusted(
    `<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round" aria-hidden="true">${shapes}</svg>`,
  );
}
