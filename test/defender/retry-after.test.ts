import { describe, expect, it } from 'vitest';
import { longestWaitMs, retryAfterMs, secondsFromMessage } from '../../src/defender/retry-after.ts';

const now = Date.UTC(1994, 10, 6, 8, 49, 7);

describe('a Retry-After header', () => {
  it.each([
    ['8', 8000],
    [' 120 ', 120_000],
    ['2.5', 3000],
    ['0.001', 1000],
    ['.5', 1000],
    ['7.', 7000],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 30_000],
    ['Sunday, 06-Nov-94 08:49:37 GMT', 30_000],
    ['Sun Nov  6 08:49:37 1994', 30_000],
  ])('a Retry-After of %j is %d ms', (header, ms) => {
    expect(retryAfterMs(header, now)).toBe(ms);
  });

  it.each([
    undefined,
    null,
    '',
    '0',
    '-5',
    '0.0',
    '2.5.5',
    '2,5s',
    '+5',
    '0x10',
    '8s',
    '1e3',
    'soon',
    'Infinity',
    '99999999999999999999999',
    'Sun, 06 Nov 1994 08:49:07 GMT',
    'Sun, 06 Nov 1994 08:00:00 GMT',
    'Sun, 99 Foo 1994 08:49:37 GMT',
    'Sun, 06 Nov 2094 08:49:37 GMT',
    '1994-11-06T08:49:37Z',
  ])('a Retry-After of %j is not understood, which is not the same as no wait', (header) => {
    expect(retryAfterMs(header, now)).toBeUndefined();
  });
});

describe('several waits', () => {
  it.each<[string[], number | undefined]>([
    [['3', '9', '2'], 9000],
    [['3, 9', 'soon'], 9000],
    [['soon', '-5'], undefined],
    [['Sun, 06 Nov 1994 08:49:37 GMT', '2'], 30_000],
    [[], undefined],
  ])('the waits %j together are %s ms', (headers, ms) => {
    expect(longestWaitMs(headers, now)).toBe(ms);
  });
});

describe("Defender's message", () => {
  it("Defender's message says how many seconds to wait", () => {
    expect(
      secondsFromMessage(
        'API calls quota exceeded! Maximum allowed 30 per 00:01:00 for the key Destination+TenantID+AppID. You can send requests again in 8 seconds.',
      ),
    ).toBe(8);
    expect(secondsFromMessage('You can send requests again in 2.5 seconds.')).toBe(3);
    expect(secondsFromMessage('you can SEND requests again in 1 second')).toBe(1);
  });

  it.each([
    undefined,
    null,
    '',
    'API calls quota exceeded! maximum allowed 45 per 00:01:00',
    'You can send requests again in 0 seconds.',
    'You can send requests again in -3 seconds.',
    'You can send requests again in 999999999 seconds.',
  ])('the message %j names no wait', (message) => {
    expect(secondsFromMessage(message)).toBeUndefined();
  });
});
