import type { Decision } from '../../ledger/decisions.ts';
import type { Outcome } from '../../ledger/outcomes.ts';

/** The page's look: light, dark, phone and paper. Plain text here because its hash stands in the page's policy. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #ffffff; --wash: #f4f6f8; --ink: #17202a; --soft: #55616e; --rule: #d5dbe1; --link: #0b57a4;
  --good: #17734a; --attention: #8f5a00; --bad: #b3261e; --open: #1c5fb0;
  --cancelled: #1f8a5b; --already-final: #6d9f92; --ended-otherwise: #9aa86b; --excluded: #a9b3bd; --withdrawn: #c9cfd6;
  --ran-anyway: #e07b00; --not-found: #8767c4; --forbidden: #b8418f; --failed: #cf3a30; --unconfirmed: #d9a514;
  --unknown: #9c6b3c; --not-settled: #6ea3dc; --other: #8893a0;
  --route-cancel: #2b6cb8; --route-list: #8fb9e6; --route-get: #c4a15a; --route-machines: #7d8f69; --quota: #a03a2e; --pause: #f6e2c2;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #12171d; --wash: #1a2129; --ink: #e8edf2; --soft: #a3afbb; --rule: #343e49; --link: #8cc0f5;
    --good: #5fce9a; --attention: #efb95a; --bad: #ff8f85; --open: #86bbf5;
    --cancelled: #3fae7c; --already-final: #6f9c91; --ended-otherwise: #8f9a68; --excluded: #74808c; --withdrawn: #566170;
    --ran-anyway: #f0953a; --not-found: #a48ae0; --forbidden: #d971b5; --failed: #ee6a60; --unconfirmed: #e3b941;
    --unknown: #bd8f61; --not-settled: #5b93d0; --other: #8893a0;
    --route-cancel: #6ba8ea; --route-list: #3f6ea3; --route-get: #c4a15a; --route-machines: #93a67e; --quota: #ff9a8c; --pause: #43361f;
  }
}
.c-cancelled { --swatch: var(--cancelled); } .c-already-final { --swatch: var(--already-final); } .c-ended-otherwise { --swatch: var(--ended-otherwise); }
.c-excluded { --swatch: var(--excluded); } .c-withdrawn { --swatch: var(--withdrawn); } .c-ran-anyway { --swatch: var(--ran-anyway); }
.c-not-found { --swatch: var(--not-found); } .c-forbidden { --swatch: var(--forbidden); } .c-failed { --swatch: var(--failed); }
.c-unconfirmed { --swatch: var(--unconfirmed); } .c-unknown { --swatch: var(--unknown); } .c-not-settled { --swatch: var(--not-settled); }
.c-other { --swatch: var(--other); } .c-route-cancel { --swatch: var(--route-cancel); } .c-route-list { --swatch: var(--route-list); }
.c-route-get { --swatch: var(--route-get); } .c-route-machines { --swatch: var(--route-machines); } .c-quota { --swatch: var(--quota); } .c-pause { --swatch: var(--pause); }
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  font-variant-numeric: tabular-nums; }
a { color: var(--link); }
code, .mono { font: 0.88em/1.5 ui-monospace, SFMono-Regular, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
.skip { position: absolute; left: -999rem; }
.skip:focus { left: 1rem; top: 1rem; background: var(--paper); padding: 0.5rem 1rem; z-index: 9; }
:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.page { max-width: 1200px; margin: 0 auto; padding: 0 32px 64px; }
.band { height: 6px; background: var(--tone); }
.good { --tone: var(--good); } .attention { --tone: var(--attention); } .bad { --tone: var(--bad); } .open { --tone: var(--open); }

.mast { display: flex; flex-wrap: wrap; gap: 4px 32px; align-items: baseline; padding: 14px 0 12px; border-bottom: 1px solid var(--rule);
  color: var(--soft); font-size: 13px; }
.mast strong { color: var(--ink); font-weight: 650; }
.mast .kind { margin: 0; font-size: 15px; }
.mast dl { display: flex; flex-wrap: wrap; gap: 2px 24px; margin: 0; }
.mast div { display: flex; gap: 6px; }
.mast dt::after { content: ":"; }
.mast dd { margin: 0; color: var(--ink); overflow-wrap: anywhere; }

.answer { display: grid; grid-template-columns: minmax(0, 1.35fr) minmax(0, 1fr); gap: 24px 56px; padding: 24px 0 20px; }
h1 { margin: 0 0 14px; font-size: 32px; line-height: 1.15; font-weight: 680; letter-spacing: -0.015em; display: flex; gap: 14px; }
h1 svg { flex: none; width: 36px; height: 36px; margin-top: 2px; color: var(--tone); }
.sentence { margin: 0 0 10px; font-size: 18px; line-height: 1.45; max-width: 38em; }
.timing { margin: 0; color: var(--soft); max-width: 44em; }
.next { border-left: 3px solid var(--tone); padding: 2px 0 2px 20px; align-self: start; }
.next h2 { margin: 0 0 8px; font-size: 15px; }
.next ol { margin: 0; padding: 0; list-style: none; }
.next li + li { margin-top: 9px; }
.next .flag { white-space: nowrap; }
.next code { display: block; margin-top: 3px; padding: 4px 9px; background: var(--wash); border-radius: 4px; user-select: all; }
.next p { margin: 0; }

.bar svg { display: block; width: 100%; }
.bar.large svg { height: 28px; }
.bar.small { min-width: 90px; }
.bar.small svg { height: 10px; }
.tally { display: grid; grid-template-columns: repeat(auto-fill, minmax(205px, 1fr)); gap: 14px 28px; margin: 14px 0 26px; padding: 0; list-style: none; }
.tally li { border-top: 4px solid var(--swatch); padding-top: 6px; }
.tally .n { font-size: 22px; line-height: 1.2; font-weight: 650; }
.tally .share { color: var(--soft); font-size: 13px; margin-left: 6px; }
.tally .name { font-weight: 600; display: block; }
.tally .means { color: var(--soft); font-size: 13px; line-height: 1.35; display: block; }
.tally .flag { color: var(--attention); font-weight: 600; font-size: 13px; margin-left: 6px; }

.part { display: grid; grid-template-columns: 200px minmax(0, 1fr); gap: 8px 40px; padding: 28px 0; border-top: 1px solid var(--rule); }
.part.wide { grid-template-columns: minmax(0, 1fr); gap: 12px; }
.part > header h2 { margin: 0 0 4px; font-size: 16px; line-height: 1.3; }
.part > header p { margin: 0 0 6px; color: var(--soft); font-size: 13px; line-height: 1.45; }
.part h3 { margin: 22px 0 8px; font-size: 14px; }
.part h3:first-child { margin-top: 0; }
.note { margin: 10px 0 0; color: var(--soft); font-size: 13.5px; }
.key { display: flex; flex-wrap: wrap; gap: 4px 20px; margin: 8px 0 0; padding: 0; list-style: none; font-size: 13px; color: var(--soft); }
.key li { display: flex; align-items: center; gap: 7px; }
.key li::before { content: ""; width: 12px; height: 12px; border-radius: 2px; background: var(--swatch); }
.key li.remark::before { content: none; }
.key li.line::before { height: 0; border-radius: 0; background: none; border-top: 2px dashed var(--swatch); }

.chart svg { display: block; width: 100%; height: auto; overflow: visible; }
.chart .narrow { display: none; }
.chart text { font-size: 12px; font-family: inherit; }
.chart svg [aria-label="y-grid"] { stroke: var(--rule); stroke-opacity: 1; }
.chart svg [aria-label$="tick label"], .chart svg [aria-label$="axis label"] { fill: var(--soft); }
.chart svg [aria-label$="axis tick"] { stroke: var(--rule); }

.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; line-height: 1.4; }
th { text-align: left; font-weight: 600; color: var(--soft); font-size: 12.5px; vertical-align: bottom; white-space: nowrap; }
th, td { padding: 7px 18px 7px 0; border-bottom: 1px solid var(--rule); }
td { vertical-align: top; overflow-wrap: break-word; }
td.num, th.num { text-align: right; }
tbody th { white-space: normal; color: var(--ink); font-size: inherit; vertical-align: top; }
td .under { display: block; color: var(--soft); font-size: 12.5px; overflow-wrap: anywhere; }
td.id { font: 12px/1.6 ui-monospace, SFMono-Regular, Consolas, "Liberation Mono", monospace; overflow-wrap: anywhere; }
td.time { white-space: nowrap; }
td.name { min-width: 14em; }
th button { all: unset; cursor: pointer; white-space: nowrap; }
th button:disabled { cursor: default; }
th button:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
th button::after { content: "\\2195"; opacity: 0.55; padding-left: 5px; }
th button:disabled::after { content: none; }
th[aria-sort] button { color: var(--ink); }
th[aria-sort=ascending] button::after { content: "\\2191"; opacity: 1; }
th[aria-sort=descending] button::after { content: "\\2193"; opacity: 1; }
.dot::before { content: ""; display: inline-block; width: 9px; height: 9px; border-radius: 50%; margin-right: 7px; background: var(--swatch); }
.dot { font-weight: 600; white-space: nowrap; }
.key + .chart { margin-top: 18px; }
.tools { display: flex; flex-wrap: wrap; gap: 8px 16px; align-items: end; margin: 0 0 10px; }
.tools[hidden], [hidden] { display: none; }
.tools label { font-size: 12.5px; color: var(--soft); display: grid; gap: 3px; }
.tools input { width: 17em; }
.tools input, .tools select, .more { font: inherit; font-size: 14px; color: var(--ink); background: var(--paper); border: 1px solid var(--soft);
  border-radius: 4px; padding: 6px 9px; max-width: 100%; min-height: 36px; }
.tools [role=status] { margin: 0 0 7px; font-size: 13px; color: var(--soft); }
.more { margin-top: 12px; cursor: pointer; }
details > summary { cursor: pointer; font-weight: 600; padding: 4px 0 12px; }
details > summary:focus-visible { outline: 3px solid var(--link); outline-offset: 2px; }
.facts { display: grid; grid-template-columns: max-content minmax(0, 1fr); gap: 5px 28px; margin: 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; overflow-wrap: anywhere; }
.facts + .facts, .facts + h3 { margin-top: 24px; }
.seal { display: inline-block; font-weight: 650; }
.seal.good { color: var(--good); } .seal.bad { color: var(--bad); }
.head { font-size: 22px; letter-spacing: 0.02em; user-select: all; }
.two { display: grid; grid-template-columns: repeat(auto-fit, minmax(280px, 1fr)); gap: 8px 48px; }
.two h3 { margin-top: 0; }
footer { border-top: 1px solid var(--rule); padding-top: 14px; color: var(--soft); font-size: 13px; }

@media screen { .later { display: none; } }
@media (max-width: 860px) {
  .page { padding: 0 18px 48px; }
  .answer, .part { grid-template-columns: minmax(0, 1fr); }
  .part { padding: 22px 0; gap: 14px; }
}
@media (max-width: 640px) {
  h1 { font-size: 26px; gap: 10px; } h1 svg { width: 28px; height: 28px; }
  .sentence { font-size: 16.5px; }
  .answer { padding: 22px 0; }
  .tally { grid-template-columns: repeat(2, minmax(0, 1fr)); gap: 14px 18px; }
  .chart .wide { display: none; } .chart .narrow { display: block; }
  .facts { grid-template-columns: minmax(0, 1fr); gap: 0; } .facts dd { margin-bottom: 9px; }
  .tools label, .tools input, .tools select { width: 100%; }
  td.id { min-width: 13em; }
  .stack, .stack tbody, .stack tr, .stack td { display: block; }
  .stack thead { display: flex; flex-wrap: wrap; gap: 4px 16px; border-bottom: 1px solid var(--rule); padding-bottom: 6px; }
  .stack thead tr { display: flex; flex-wrap: wrap; gap: 2px 16px; } .stack thead th { border: 0; padding: 2px 0; }
  .stack.quiet thead { display: none; } .stack td.num { text-align: left; }
  .stack tbody tr { padding: 10px 0; border-bottom: 1px solid var(--rule); }
  .stack tbody tr[hidden], .stack tbody tr.later { display: none; }
  .stack td { border: 0; padding: 1px 0; }
  .stack td:empty { display: none; }
  .stack td[data-label]::before { content: attr(data-label) " "; color: var(--soft); font-family: system-ui, sans-serif; }
}
@media print {
  :root { color-scheme: light; --paper: #ffffff; --ink: #000000; --soft: #444444; --rule: #bbbbbb; --wash: #f2f2f2;
    --good: #17734a; --attention: #8f5a00; --bad: #b3261e; --open: #1c5fb0; --quota: #a03a2e; --pause: #f6e2c2; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 9.5pt; }
  .page { max-width: none; padding: 0; }
  .answer { grid-template-columns: 1.35fr 1fr; padding: 14pt 0; gap: 18pt; }
  .part { grid-template-columns: 90pt minmax(0, 1fr); gap: 14pt; padding: 12pt 0; } .part.wide { grid-template-columns: minmax(0, 1fr); gap: 6pt; }
  .tally { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  .chart .wide { display: block; } .chart .narrow { display: none; }
  .tools, .more, .skip, details:not([open]) { display: none !important; }
  th button::after { content: none; }
  table { font-size: 8pt; } td .under, td.id { font-size: 7pt; } td.name { min-width: 0; } th, td { padding: 3pt 8pt 3pt 0; }
  tr, .tally li, .chart, .next li { break-inside: avoid; } h2, h3 { break-after: avoid; }
  thead { display: table-header-group; }
}
`;

/** Names of CSS variables of the page. */
export function outcomeColor(outcome: Outcome | 'open'): string {
  return outcome === 'open' ? 'not-settled' : outcome;
}

const DECISION_COLORS = {
  cancel: 'cancelled',
  unscreened: 'not-settled',
  'already-final': 'already-final',
  excluded: 'excluded',
  'not-found': 'not-found',
} as const satisfies Record<Decision, string>;

export function decisionColor(decision: Decision): string {
  return DECISION_COLORS[decision];
}

const STATUS_COLORS = new Map([
  ['Cancelled', 'cancelled'],
  ['Pending', 'not-settled'],
  ['InProgress', 'route-cancel'],
  ['Succeeded', 'already-final'],
  ['Failed', 'failed'],
  ['TimeOut', 'ran-anyway'],
]);

/** Defender's statuses are an open set: what is not known is grey. */
export function statusColor(status: string): string {
  return STATUS_COLORS.get(status) ?? 'other';
}
