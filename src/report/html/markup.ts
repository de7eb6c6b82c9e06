import { replaceHostile } from '../../clean.ts';

/** Text that is HTML already. Only {@link html} and {@link trusted} make it, so what is not HTML cannot pass for it. */
export class Markup {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

export type Content = Markup | string | number | undefined | false | readonly Content[];

/**
 * HTML from a template. Whatever is put in is escaped, unless it is Markup itself: device names, comments and requestors were
 * typed by others. Lists are joined, `undefined` and `false` are nothing.
 */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  let text = strings[0] ?? '';
  for (const [i, value] of values.entries()) text += render(value) + (strings[i + 1] ?? '');
  return new Markup(text);
}

/** For what we wrote ourselves: the style, the script, and the charts' SVG. */
export function trusted(text: string): Markup {
  return new Markup(text);
}

/**
 * Text for an element or a quoted attribute. Marks that change the reading order, control and invisible characters are shown as the
 * replacement character, as a name that reads backwards misleads like a tag that runs.
 */
export function escapeHtml(text: string): string {
  return replaceHostile(text.replaceAll('\r\n', '\n'), (character) =>
    /[\t\n]/.test(character) ? character : '\u{FFFD}',
  ).replace(/[&<>"'`]/g, (character) => ENTITIES[character] ?? '');
}

const ENTITIES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
  '`': '&#96;',
};

function render(value: Content): string {
  if (value === undefined || value === false) return '';
  if (value instanceof Markup) return value.text;
  if (typeof value === 'string') return escapeHtml(value);
  if (typeof value === 'number') return String(value);
  return value.map(render).join('');
}
