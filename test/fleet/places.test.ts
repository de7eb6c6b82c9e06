import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Places, weightOf } from '../../src/fleet/places.ts';
import { ManualClock } from '../support/clock/manual-clock.ts';

const PATIENCE_MS = 15_000;

/** Runs that ask for places, and what each was given. */
function openPlaces(count: number) {
  const clock = new ManualClock();
  const places = new Places(count, clock);
  const served: string[] = [];
  const held = new Map<string, Disposable>();
  const ask = (name: string, weight: number, { firm = false, signal = new AbortController().signal } = {}) => {
    void places.take({ weight, patienceMs: firm ? undefined : PATIENCE_MS, signal }).then((place) => {
      served.push(place === undefined ? `not ${name}` : name);
      if (place !== undefined) held.set(name, place);
    });
  };
  const end = (name: string) => held.get(name)?.[Symbol.dispose]();
  return { clock, places, served, held, ask, end };
}

describe('the places of a worker', () => {
  test.each([
    [undefined, 1],
    [0, 1],
    [20_000, 1],
    [20_001, 2],
    [299_999, 15],
    [1_000_000, 16],
  ])('a run of %s actions takes %i of sixteen', (actions, weight) => {
    expect(weightOf(actions, 16)).toBe(weight);
  });

  test('a run that takes more than are free waits for them, and those that take fewer go before it', async () => {
    const { clock, served, ask, end } = openPlaces(3);
    for (const name of ['a', 'b']) ask(name, 1);
    ask('heavy', 3);
    ask('c', 1);
    await clock.advance(PATIENCE_MS - 1);
    expect(served).toEqual(['a', 'b', 'c']);
    for (const name of ['a', 'b', 'c']) end(name);
    await clock.advance(0);
    expect(served).toEqual(['a', 'b', 'c', 'heavy']);
  });

  test('a run that waits for longer than it may is not served, and takes nothing', async () => {
    const { clock, places, served, ask, end } = openPlaces(2);
    ask('a', 1);
    ask('heavy', 2);
    await clock.advance(PATIENCE_MS);
    expect(served).toEqual(['a', 'not heavy']);
    end('a');
    expect(places.free).toBe(2);
  });

  test('what becomes free is kept for a run that asks firmly, however many ask after it', async () => {
    const { clock, served, ask, end } = openPlaces(2);
    for (const name of ['a', 'b']) ask(name, 1);
    ask('heavy', 2, { firm: true });
    await clock.advance(3 * PATIENCE_MS);
    end('a');
    ask('c', 1);
    await clock.advance(PATIENCE_MS - 1);
    expect(served).toEqual(['a', 'b']);
    end('b');
    await clock.advance(0);
    expect(served).toEqual(['a', 'b', 'heavy']);
    await clock.advance(1);
    expect(served).toEqual(['a', 'b', 'heavy', 'not c']);
  });

  test('a firm wait that is ended lets the others pass', async () => {
    const { clock, served, ask, end } = openPlaces(2);
    const stop = new AbortController();
    for (const name of ['a', 'b']) ask(name, 1);
    ask('heavy', 2, { firm: true, signal: stop.signal });
    ask('c', 1);
    await clock.advance(0);
    end('a');
    await clock.advance(0);
    expect(served).toEqual(['a', 'b']);
    stop.abort();
    await clock.advance(0);
    expect(served.toSorted()).toEqual(['a', 'b', 'c', 'not heavy']);
  });

  test('a run that takes none, because a lost worker is only counted, is served at once', async () => {
    const { clock, served, ask } = openPlaces(1);
    ask('a', 1);
    ask('heavy', 1, { firm: true });
    ask('counted', 0);
    await clock.advance(0);
    expect(served).toEqual(['a', 'counted']);
  });

  test('never are more given than there are, all come back, and whoever asks firmly is served once the others end', async () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant('ask' as const), weight: fc.integer({ min: 1, max: 4 }), firm: fc.boolean() }),
      fc.record({ kind: fc.constant('end' as const), nth: fc.nat(9) }),
      fc.record({ kind: fc.constant('wait' as const), ms: fc.integer({ min: 0, max: 20_000 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { clock, places, served, held, ask, end } = openPlaces(4);
        const weights = new Map<string, { weight: number; firm: boolean }>();
        const over = new Set<string>();
        const taken = () =>
          [...held.keys()].reduce((sum, name) => sum + (over.has(name) ? 0 : (weights.get(name)?.weight ?? 0)), 0);
        for (const [i, each] of steps.entries()) {
          if (each.kind === 'ask') {
            weights.set(`run ${i}`, each);
            ask(`run ${i}`, each.weight, each);
          } else if (each.kind === 'end') {
            const name = [...held.keys()].filter((known) => !over.has(known))[each.nth];
            if (name !== undefined) {
              over.add(name);
              end(name);
            }
          }
          await clock.advance(each.kind === 'wait' ? each.ms : 0);
          expect(places.free).toBe(4 - taken());
          expect(places.free).toBeGreaterThanOrEqual(0);
        }
        for (let left = weights.size; left > 0; left--) {
          for (const name of [...held.keys()].filter((known) => !over.has(known))) {
            over.add(name);
            end(name);
          }
          await clock.advance(0);
        }
        const firm = [...weights].flatMap(([name, each]) => (each.firm ? [name] : []));
        expect(served).toEqual(expect.arrayContaining(firm));
        expect(places.free).toBe(4);
      }),
      { numRuns: 200 },
    );
  });
});
