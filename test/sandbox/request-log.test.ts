import { describe, expect, test } from 'vitest';
import { type LogEntry, RequestLog, type Route } from '../../src/sandbox/request-log.ts';

function logOf(...requests: [route: Route, countedMs: number | undefined, ...ids: string[]][]): RequestLog {
  const log = new RequestLog();
  for (const [route, countedMs, ...ids] of requests) log.add(entry(log.entries.length + 1, route, countedMs, ids));
  return log;
}

function entry(n: number, route: Route, countedMs: number | undefined, ids: string[]): LogEntry {
  return {
    n,
    route,
    method: route === 'cancel' ? 'POST' : 'GET',
    path: '/',
    ids,
    at: 0,
    arrivedMs: countedMs ?? 0,
    countedMs,
    answeredMs: undefined,
    status: 200,
    done: true,
    effect: false,
    comment: undefined,
    fault: undefined,
    tenant: undefined,
    client: undefined,
    overQuota: false,
  };
}

describe('the busiest span', () => {
  test('the busiest span is found wherever it begins, and two calls a whole span apart are not in it', () => {
    const log = logOf(['get', 0], ['get', 900], ['cancel', 1_000], ['cancel', 1_100], ['list', 1_899], ['get', 5_000]);
    expect(log.busiest(1_000)).toBe(4);
    expect(log.busiest(1_000, 'cancel')).toBe(2);
    expect(log.busiest(100)).toBe(1);
    expect(log.busiest(101)).toBe(2);
  });

  test('the busiest span goes by the instant of counting and leaves out what was never counted', () => {
    expect(logOf(['get', 50], ['get', 10], ['get', undefined], ['get', 1_020]).busiest(1_000)).toBe(2);
    expect(new RequestLog().busiest(1_000)).toBe(0);
  });
});

describe('cancels without a lookup before', () => {
  test('the log names the actions that were sent twice in a row without a lookup', () => {
    const log = logOf(['cancel', 1, 'a'], ['cancel', 2, 'b'], ['cancel', 3, 'a'], ['get', 4, 'b'], ['cancel', 5, 'b']);
    expect(log.resentWithoutLookup()).toEqual(['a']);
    expect(log.resentWithoutLookup((earlier) => earlier.status === undefined)).toEqual([]);
    for (const first of log.of('a').slice(0, 1)) first.status = undefined;
    expect(log.resentWithoutLookup((earlier) => earlier.status === undefined)).toEqual(['a']);
  });

  test('a list that names the action is a lookup; one that names others is none', () => {
    expect(logOf(['cancel', 1, 'a'], ['list', 2, 'b', 'a'], ['cancel', 3, 'a']).resentWithoutLookup()).toEqual([]);
    expect(logOf(['cancel', 1, 'a'], ['list', 2, 'b'], ['cancel', 3, 'a']).resentWithoutLookup()).toEqual(['a']);
  });
});

test('whoever waits is woken by the entry that makes it true', async () => {
  const log = new RequestLog();
  let woken = false;
  const waiting = log.until((seen) => seen.count('cancel') === 2).then(() => (woken = true));
  log.add(entry(1, 'cancel', 1, ['a']));
  await Promise.resolve();
  expect(woken).toBe(false);
  log.add(entry(2, 'cancel', 2, ['a']));
  await waiting;
  expect(log.of('A', 'cancel')).toHaveLength(2);
  log.clear();
  expect([log.count(), log.of('a')]).toEqual([0, []]);
});
