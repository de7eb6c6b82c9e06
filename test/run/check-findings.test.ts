import { describe, expect, test } from 'vitest';
import { findingsText } from '../../src/cli/views/findings-text.ts';
import type { WireResult } from '../../src/defender/transport.ts';
import {
  clockFinding,
  exitCodeOfFindings,
  type Finding,
  hostFinding,
  onceMoreAfterMs,
  readFinding,
} from '../../src/run/check-findings.ts';

const HOST = 'https://api.security.microsoft.com';
const AT = Date.parse('2026-11-23T12:00:00.000Z');

function answered(http: number, headers: Record<string, string> = {}, body = ''): WireResult {
  return { raw: { http, headers, body } };
}

describe('hostFinding', () => {
  const found = (result: WireResult) => hostFinding(HOST, { result, sentAtMs: AT, receivedAtMs: AT + 80 });

  test.each([
    ['timeout', 'did not answer in time'],
    ['ENOTFOUND', 'is not known (ENOTFOUND); check --cloud'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'NODE_EXTRA_CA_CERTS'],
    ['UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'NODE_EXTRA_CA_CERTS'],
    ['CERT_HAS_EXPIRED', 'not valid for it'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'not valid for it'],
    ['ECONNRESET', 'no connection to api.security.microsoft.com (ECONNRESET)'],
  ])('hostFinding says what to do about %s, and exits 6 for it', (error, words) => {
    const finding = found({ error });
    expect(finding).toMatchObject({ level: 'wrong', exitCode: 6 });
    expect(finding.text).toContain(words);
  });

  test.each([200, 401, 403, 404])('hostFinding takes HTTP %i for a host that is there', (http) => {
    expect(found(answered(http))).toEqual({
      level: 'ok',
      topic: 'host',
      text: 'api.security.microsoft.com answers over TLS in 80 ms',
    });
  });

  test.each([302, 407, 500, 503])('hostFinding takes HTTP %i for a host that is not there', (http) => {
    expect(found(answered(http))).toMatchObject({ level: 'wrong', exitCode: 6 });
  });
});

describe('onceMoreAfterMs', () => {
  const asked = (result: WireResult, isRead = true) =>
    onceMoreAfterMs({ result, sentAtMs: AT, receivedAtMs: AT + 80 }, isRead);
  const PAGE = '{"@odata.context":"x","value":[]}';

  test.each<[string, WireResult, number | undefined]>([
    ['503', answered(503), 1000],
    ['503 that says when', answered(503, { 'retry-after': '4' }), 4000],
    ['503 that asks for a minute', answered(503, { 'retry-after': '60' }), undefined],
    ['429 that asks for 2 s', answered(429, { 'retry-after': '2' }), 2000],
    ['429 that asks for a minute', answered(429, { 'retry-after': '60' }), undefined],
    ['a lost answer', answered(200, {}, '<html>'), 1000],
    ['a connection that broke', { error: 'ECONNRESET' }, 1000],
    ['a name that is not known', { error: 'ENOTFOUND' }, undefined],
    ['a certificate', { error: 'SELF_SIGNED_CERT_IN_CHAIN' }, undefined],
    ['15 s of silence', { error: 'timeout' }, undefined],
    ['a page', answered(200, {}, PAGE), undefined],
    ['401', answered(401), undefined],
  ])('after %s', (_, result, ms) => {
    expect(asked(result)).toBe(ms);
  });

  test('a page of anything is an answer of a host that is there', () => {
    expect(asked(answered(404, {}, '<html>'), false)).toBeUndefined();
    expect(asked(answered(502), false)).toBe(1000);
  });
});

describe('clockFinding', () => {
  const found = (aheadMs: number, took = 100) => {
    const date = new Date(AT).toUTCString();
    const sentAtMs = AT + aheadMs;
    return clockFinding({ result: answered(401, { date }), sentAtMs, receivedAtMs: sentAtMs + took });
  };

  test.each([-1900, 0, 900, 2900])('clockFinding allows for the whole seconds of the header: %i ms', (aheadMs) => {
    expect(found(aheadMs)?.level).toBe('ok');
  });

  test('clockFinding allows for a slow answer, which proves nothing', () => {
    expect(found(-9000, 9000)?.level).toBe('ok');
  });

  test('clockFinding tells a clock that is ahead from one that is behind, and a harmless one from a harmful one', () => {
    expect(found(40_000)).toMatchObject({ level: 'warning', text: expect.stringMatching(/is 39 s ahead of .*allows/) });
    expect(found(-40_000)?.text).toMatch(/is 40 s behind /);
    expect(found(400_000)?.text).toMatch(/6 min 39 s ahead of .*sign-in by certificate fails/);
  });

  test('clockFinding says nothing without a date', () => {
    expect(clockFinding({ result: answered(401), sentAtMs: AT, receivedAtMs: AT })).toBeUndefined();
    expect(clockFinding({ result: { error: 'timeout' }, sentAtMs: AT, receivedAtMs: AT })).toBeUndefined();
  });
});

describe('readFinding', () => {
  const error = (code: string) => JSON.stringify({ error: { code, message: '' } });
  const found = (http: number, body: string, canRead?: boolean) =>
    readFinding({ http, headers: {}, body }, AT, canRead);

  test('readFinding holds a refusal against what the token says of itself', () => {
    expect(found(200, '{"value":[]}').level).toBe('ok');
    expect(found(403, error('Forbidden'), true)).toMatchObject({ level: 'wrong', exitCode: 4 });
    expect(found(403, error('Forbidden'), false).level).toBe('warning');
    expect(found(401, error('Unauthorized'))).toMatchObject({ level: 'wrong', exitCode: 4 });
    expect(found(429, error('429'))).toMatchObject({
      level: 'warning',
      text: expect.stringContaining('--quota-share'),
    });
  });

  test('readFinding does not take a login page for Defender', () => {
    expect(found(200, '<html>')).toMatchObject({ level: 'wrong', exitCode: 6 });
    expect(found(404, '<html>')).toMatchObject({ level: 'wrong', exitCode: 6 });
  });

  test('readFinding takes a 401 or 403 for what it is, with any body', () => {
    for (const body of ['', '<html>', '{"error":'] as const) {
      expect(found(401, body)).toMatchObject({
        level: 'wrong',
        exitCode: 4,
        text: expect.stringContaining('(HTTP 401)'),
      });
      expect(found(403, body)).toMatchObject({
        level: 'wrong',
        exitCode: 4,
        text: expect.stringContaining('(HTTP 403)'),
      });
    }
  });
});

describe('the findings together', () => {
  const wrong = (exitCode: 2 | 4 | 6): Finding => ({ level: 'wrong', topic: 'host', text: 'x', exitCode });
  const warning: Finding = { level: 'warning', topic: 'clock', text: 'one \u001b[2J two' };

  test('the findings together exit with what has to be put right first', () => {
    expect(exitCodeOfFindings([warning])).toBe(0);
    expect(exitCodeOfFindings([wrong(6), wrong(4)])).toBe(4);
    expect(exitCodeOfFindings([wrong(4), wrong(2), wrong(6)])).toBe(2);
    expect(exitCodeOfFindings([wrong(6)])).toBe(6);
  });

  test('the findings together are one line each in a pipe, and cannot move the cursor', () => {
    const text = findingsText([warning, wrong(6)], { plain: true, columns: 40 });
    expect(text.split('\n')).toHaveLength(5);
    expect(text).not.toContain('\u001b');
    expect(text).toContain('Not ready: 1 thing to put right first');
    expect(findingsText([warning], { plain: true, columns: 40 })).toContain('A run can start; 1 warning.');
  });

  test('the findings together wrap under their own beginning on a terminal', () => {
    const long: Finding = { level: 'ok', topic: 'host', text: 'word '.repeat(20).trim() };
    const lines = findingsText([long], { plain: false, columns: 50 }).split('\n');
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines.slice(1, 3)) expect(line).toMatch(/^ {22}word/);
  });
});
