import { expect, it } from 'vitest';
import { systemClock } from '../../src/clock.ts';
import { makeLookupBatcher } from '../../src/engine/lookup-batcher.ts';
import type { Found, Lookups } from '../../src/engine/lookups.ts';

const FOUND: Found = { kind: 'unreadable', why: 'no-permission' };

/** Answers without asking anybody, as where the token may not read. */
const lookups: Lookups = {
  canRead: false,
  many: (ids) => Promise.resolve(new Map(ids.map((id) => [id, FOUND]))),
  one: () => Promise.resolve(FOUND),
};

it.each(Array.from({ length: 16 }, (_, turns) => turns))(
  'whoever asks %i ticks after another is answered too',
  async (turns) => {
    const batcher = makeLookupBatcher(lookups, systemClock, new AbortController().signal);
    const first = batcher.ask('a', 0);
    for (let turn = 0; turn < turns; turn++) await Promise.resolve();
    let second: Found | undefined;
    void batcher.ask('b', 0).then((found) => {
      second = found;
    });
    await first;
    await new Promise((resolve) => setImmediate(resolve));
    expect(second).toBe(FOUND);
  },
);
