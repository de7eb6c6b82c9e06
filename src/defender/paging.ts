/** How a list is being read: what the rule below has to know of the pages before. */
export interface Reading {
  pages: number;
  /** How many rows precede the page that was asked for last; for a page behind a link, how many were known before it. */
  start: number;
  /** Links that were followed. */
  links: ReadonlySet<string>;
  /** Links led nowhere or astray: only places are asked for by now. */
  bySkip: boolean;
  /** The last count, and the first one. */
  count: number | undefined;
  firstCount: number | undefined;
  /** By how much the count went down, in all: rows that left the list while it was read. */
  dropped: number;
  /** Pages in a row that brought no action that was not known. */
  barren: number;
  /** Rows without an ID so far. */
  nameless: number;
}

export interface PageFacts {
  /** It was asked for by its place, and not by a link. */
  byPlace: boolean;
  entries: number;
  /** Entries without an ID. */
  odd: number;
  /** Actions that no page before had. */
  fresh: number;
  /** Actions so far, those of this page included. */
  actions: number;
  count: number | undefined;
  /** Undefined where there is none that may be followed. */
  nextLink: string | undefined;
}

export type Step =
  | { kind: 'skip'; skip: number }
  | { kind: 'link'; link: string }
  /** Every row of the list is known. */
  | { kind: 'whole' }
  /** There may be more, and no way to it. */
  | { kind: 'cut'; why: string };

export const FIRST_READING: Reading = {
  pages: 0,
  start: 0,
  links: new Set(),
  bySkip: false,
  count: undefined,
  firstCount: undefined,
  dropped: 0,
  barren: 0,
  nameless: 0,
};

/** Two in a row may happen where many new actions push the others down; a third shows that the way leads nowhere. */
const BARREN_AT_MOST = 2;
/** More pages than this are no list that anybody cancels: at the smallest page seen (100) it is 200,000 actions. */
const PAGES_AT_MOST = 2000;

/**
 * Where a list goes on after a page, and whether it is whole. Defender names no next page where `$top` is given, cuts pages where it likes,
 * and new actions push the others down meanwhile. So a list is whole only when a page is empty or `@odata.count` is reached; a link
 * that repeats an earlier one, is empty or leads elsewhere is none; and where rows left the list, those that took their places are asked for.
 *
 * Rows without an ID count too, and look all the same: whether a page of nothing else was shown before only its place can tell. Where a link led to it,
 * it is asked for once more by that.
 */
export function nextPage(before: Reading, page: PageFacts): { reading: Reading; step: Step } {
  const { byPlace, entries, odd, fresh, actions, count, nextLink } = page;
  const isNameless = odd > 0 && odd === entries;
  const nameless = before.nameless + freshNameless(before, page);
  const known = actions + nameless;
  const drop = before.count === undefined || count === undefined ? 0 : Math.max(0, before.count - count);
  const reading: Reading = {
    ...before,
    pages: before.pages + 1,
    count: count ?? before.count,
    firstCount: before.firstCount ?? count,
    dropped: before.dropped + drop,
    // Links lead past what took the place of rows that left.
    bySkip: before.bySkip || drop > 0,
    barren: fresh > 0 ? 0 : before.barren + (isNameless && !byPlace ? 0 : 1),
    nameless,
  };
  const link = reading.bySkip || nextLink === undefined || before.links.has(nextLink) ? undefined : nextLink;
  const cut = (why: string) => ({ reading, step: { kind: 'cut', why } as const });
  const skip = (start: number, more: Partial<Reading> = {}) => ({
    reading: { ...reading, start, ...more },
    step: { kind: 'skip', skip: start } as const,
  });
  const whole = { reading, step: { kind: 'whole' } as const };
  // What a link showed may have been shown before, and what left made room: only what is known and still there has a place.
  const place = Math.max(0, known - reading.dropped);

  const isReached = reading.count !== undefined && known - reading.dropped >= reading.count;
  if (reading.pages >= PAGES_AT_MOST) {
    return isReached ? whole : cut(`it has more than ${PAGES_AT_MOST} pages`);
  }
  if (drop > 0 && (before.start > 0 || !byPlace)) return skip(Math.max(0, before.start - drop));
  if (isNameless && !byPlace) return skip(place, { bySkip: true });
  if (link !== undefined) {
    if (reading.barren > BARREN_AT_MOST) return isReached ? whole : skip(place, { bySkip: true, barren: 0 });
    return {
      reading: { ...reading, start: place, links: new Set(before.links).add(link) },
      step: { kind: 'link', link },
    };
  }
  if (isReached) return whole;
  if (entries === 0) {
    const missing = (reading.firstCount ?? 0) - reading.dropped - known;
    return missing > 0 ? cut(`Defender counts ${reading.count} actions and shows ${known}`) : whole;
  }
  if (reading.barren > BARREN_AT_MOST) return cut('page after page shows the same actions again');
  // A link that cannot be followed says that its page was the last one that came by links. Where that page begins is only known by place.
  return byPlace ? skip(before.start + entries) : skip(place, { bySkip: true });
}

/**
 * How many rows of a page have no ID and were on no page before. Where an action is shown again, they may be too. By place they are no more than
 * there is room for behind what is known; by a link they come with others that are new.
 */
function freshNameless(before: Reading, { byPlace, entries, odd, fresh, actions }: PageFacts): number {
  if (before.pages === 0) return odd;
  if (entries > odd + fresh) return 0;
  const room = before.start + entries + before.dropped - actions - before.nameless;
  return byPlace ? Math.min(odd, Math.max(0, room)) : fresh > 0 ? odd : 0;
}
