/**
 * Text of our own: lines, colours and tables, in which every foreign part was cleaned before it was put in. A writer takes any other text for
 * one line that may hold anything, so what is forgotten is shown with its escapes and harms nobody.
 */
export class Styled {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** For what was put together from cleaned parts (a report, a table, JSON). */
export function styled(text: string): Styled {
  return new Styled(text);
}

/** What a person is told: one line, with or without its line end, or a text of our own. */
export type Output = string | Styled;
