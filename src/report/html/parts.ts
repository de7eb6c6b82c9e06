import { formatCount, formatShare } from '../format.ts';
import { type Content, html, type Markup } from './markup.ts';

/** A part of the record: its title and remark in the margin, its content beside them; below them when it is `wide`. */
export function part(id: string, title: string, remark: Content, content: Content, wide = false): Markup {
  return html`<section class="part${wide && ' wide'}" aria-labelledby="${id}"><header><h2 id="${id}">${title}</h2><p>${remark}</p></header><div>${content}</div></section>
`;
}

export interface TallyItem {
  id: string;
  name: string;
  n: number;
  means: string;
  color: string;
  flag?: string | undefined;
}

/** The numbers under a bar, which are its legend too. */
export function tally(items: readonly TallyItem[], whole: number): Markup {
  return html`<ul class="tally">${items.map(
    ({
      id,
      name,
      n,
      means,
      color,
      flag,
    }) => html`<li class="c-${color}"><span class="n" data-count="${id}">${formatCount(n)}</span><span
 class="share">${formatShare(n, whole)}</span>${flag && html`<span class="flag">${flag}</span>`}<span class="name">${name}</span><span class="means">${means}</span></li>`,
  )}</ul>`;
}

export function key(entries: readonly { name: Content; color: string; line?: boolean }[], remark?: string): Markup {
  return html`<ul class="key">${entries.map(({ name, color, line }) => html`<li class="c-${color}${line && ' line'}">${name}</li>`)}${remark !== undefined && html`<li class="remark">${remark}</li>`}</ul>`;
}

export interface HtmlColumn<T> {
  head: string;
  cell: (row: T) => Content;
  kind?: 'num' | 'id' | 'time' | 'name';
  /** What stands before the cell on a phone, where the head is out of sight. */
  label?: string;
}

/** A table as it is: for lists that are short. With `stacked`, each row is a block on a phone. */
export function plainTable<T>(
  caption: string,
  columns: readonly HtmlColumn<T>[],
  rows: readonly T[],
  stacked = false,
): Markup {
  return html`<div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table${stacked && html` class="stack quiet"`} role="table"><thead role="rowgroup"><tr role="row">${columns.map(
    ({ head, kind }) => html`<th role="columnheader" scope="col"${classOf(kind)}>${head}</th>`,
  )}</tr></thead><tbody role="rowgroup">${rows.map((row) => tableRow(columns, row))}</tbody></table></div>`;
}

/** The roles are those that the elements have; said aloud, they survive being laid out as blocks. */
function tableRow<T>(columns: readonly HtmlColumn<T>[], row: T, choice?: string): Markup {
  return html`<tr role="row"${choice !== undefined && html` data-choice="${choice}"`}>${columns.map(
    ({ cell, kind, label }) =>
      html`<td role="cell"${classOf(kind)}${label !== undefined && html` data-label="${label}"`}>${cell(row)}</td>`,
  )}</tr>
`;
}

export interface SortedTable<T> {
  caption: string;
  columns: readonly HtmlColumn<T>[];
  rows: readonly T[];
  /** What one may search for. @default device, code, ID */
  search?: string;
  /** What the select is called and its choices; there is none for fewer than two. */
  filter: { head: string; choices: readonly string[]; of: (row: T) => string };
}

/** A table to search, filter, sort and page through; on a phone each row is a block. */
export function sortedTable<T>({
  caption,
  columns,
  rows,
  search = 'device, code, ID',
  filter,
}: SortedTable<T>): Markup {
  return html`<div data-rows><div class="tools" hidden><label>Search<input type="search" autocomplete="off" placeholder="${search}"></label>${
    filter.choices.length > 1 &&
    html`<label>${filter.head}<select><option value="">all</option>${filter.choices.map((choice) => html`<option>${choice}</option>`)}</select></label>`
  }<p role="status"></p></div><div class="scroll" role="region" tabindex="0" aria-label="${caption}"><table class="stack" role="table"><thead role="rowgroup"><tr role="row">${columns.map(
    ({ head, kind }) =>
      html`<th role="columnheader" scope="col"${classOf(kind)}><button disabled>${head}</button></th>`,
  )}</tr></thead><tbody role="rowgroup">${rows.map((row) => tableRow(columns, row, filter.of(row)))}</tbody></table></div><button class="more" hidden>Show more rows</button></div>`;
}

export function facts(entries: readonly (readonly [name: string, value: Content] | undefined)[]): Markup {
  return html`<dl class="facts">${entries.map(
    (entry) => entry !== undefined && html`<dt>${entry[0]}</dt><dd>${entry[1]}</dd>`,
  )}</dl>`;
}

/** A name that somebody else gave: kept apart, so that its direction does not spill over. */
export function named(text: string | undefined): Markup | undefined {
  return text === undefined ? undefined : html`<bdi>${text}</bdi>`;
}

function classOf(kind: HtmlColumn<unknown>['kind']): Content {
  return kind !== undefined && html` class="${kind}"`;
}
