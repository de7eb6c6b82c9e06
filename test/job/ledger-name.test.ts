import { describe, expect, it } from 'vitest';
import { bareName, defaultLedger, fileOfShownName, shownName } from '../../src/job/ledger-name.ts';
import { seriesOf } from '../../src/store/folder/series.ts';

const NOW = Date.UTC(2026, 10, 23, 2);

describe('bareName', () => {
  it.each([
    ['/data/Actions of today.csv', 'Actions of today'],
    ['/data/a\nb\u001b[2J.csv', 'a-b-[2J'],
    ['/data/a\\b.csv', 'a-b'],
    [`/data/${'x'.repeat(240)}.csv`, 'x'.repeat(200)],
    [`/data/${'x'.repeat(199)}🚒.csv`, `${'x'.repeat(199)}🚒`],
  ])('bareName makes of %j a name that a job can have', (path, name) => {
    expect(bareName(path)).toBe(name);
  });
});

it.each([
  ['incident', 'incident'],
  ['incident.jsonl', 'incident-jsonl'],
  ['.JSONL', '-JSONL'],
  ['a.jsonl.b', 'a.jsonl.b'],
])('a run of a store that is made for %s is called %s, which no file of a ledger is', (name, run) => {
  const naming = { name, stamped: false, nowMs: NOW };
  expect(defaultLedger({ ...naming, plan: false }, { cwd: '/w', inStore: true })).toBe(run);
  expect(defaultLedger({ ...naming, plan: true }, { cwd: '/w', inStore: true })).toBe(`${run}.plan`);
  expect(defaultLedger({ ...naming, plan: false }, { cwd: '/w' })).toBe(`/w/ledgers/${name}.jsonl`);
});

describe('the name that status shows', () => {
  it.each([['incident'], ['incident.plan'], ['Actions of today'], ['-x'], ['nightly-20261123T020000Z']])(
    'is the file without folder and ending, and leads back to it: %s',
    (name) => {
      expect(shownName(`ledgers/${name}.jsonl`, {})).toBe(name);
      expect(fileOfShownName(name)).toBe(`ledgers/${name}.jsonl`);
    },
  );

  it.each([['a/b'], ['./a'], ['a.jsonl'], ['a.JSONL'], ['run:a']])(
    '%s can only be a path, or a run of a store',
    (given) => {
      expect(fileOfShownName(given)).toBeUndefined();
    },
  );

  it('of a run in a store is the run’s', () => {
    expect(shownName('a.b/c', { inStore: true })).toBe('a.b/c');
  });
});

describe('seriesOf', () => {
  const own = defaultLedger({ name: 'nightly', stamped: true, plan: false, nowMs: NOW }, { cwd: '/w' });

  it("seriesOf lists a job's earlier ledgers, newest first, and nothing else", () => {
    const names = [
      'nightly-20261121T020000Z.jsonl',
      'nightly-20261122T020000Z.jsonl',
      'nightly-20261122T020000Z.plan.jsonl',
      'nightly-20261122T020000Z.jsonl.lock',
      'nightly-20261122T020000Z.jsonl.needs-release.csv',
      'nightly-other-20261122T020000Z.jsonl',
      'nightly.jsonl',
      'stdin-20261122T020000Z.jsonl',
    ];
    expect(seriesOf(own, names)).toEqual({
      folder: '/w/ledgers',
      names: ['nightly-20261122T020000Z.jsonl', 'nightly-20261121T020000Z.jsonl'],
    });
  });

  it('seriesOf knows that a ledger named by hand is none of a series', () => {
    expect(seriesOf('/w/mine.jsonl', ['mine.jsonl'])).toBeUndefined();
  });
});
