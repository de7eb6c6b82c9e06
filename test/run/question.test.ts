import { describe, expect, test } from 'vitest';
import { type CallOrder, SOURCE_ORDER } from '../../src/engine/order.ts';
import { readClaims } from '../../src/identity/claims.ts';
import { thawJob } from '../../src/job/resume-job.ts';
import { noDecisions } from '../../src/ledger/decisions.ts';
import type { Action } from '../../src/ledger/state/run-state.ts';
import { formatEnd } from '../../src/report/format.ts';
import {
  type QuestionFacts,
  questionText,
  type SenderFacts,
  tenantShort,
  tokenTrouble,
} from '../../src/run/question.ts';
import { senderFacts } from '../../src/run/sign-in.ts';
import { sandboxToken } from '../../src/sandbox/access.ts';
import { FROZEN_JOB } from '../support/frozen-job.ts';

const TENANT = '5a0dbc0c-7d53-4e1c-9f6e-000000000001';
const CLIENT = '5a0dbc0c-7d53-4e1c-9f6e-000000000002';
const NOW = Date.parse('2026-11-26T09:00:00Z');
const PLAIN = { columns: 80, plain: true };

const job = thawJob(FROZEN_JOB);
const sender: SenderFacts = {
  tenant: TENANT,
  tenantName: undefined,
  tenantId: TENANT,
  application: CLIENT,
  tokenEndsAtMs: undefined,
};

function facts(more: Partial<QuestionFacts> = {}): QuestionFacts {
  const forecast = {
    calls: 3060,
    startsAtMs: NOW,
    endsAtMs: NOW + 6_660_000,
    quartersAtMs: [],
    curve: [],
    order: { asked: 'source', by: 'source', firstMinute: 98, firstHour: 1372, later: 1530 },
  } as const;
  const counted = {
    total: 3004,
    by: { ...noDecisions(), cancel: 3000, 'already-final': 3, excluded: 1 },
    typesToCancel: new Map([
      ['RunAntiVirusScan', 100],
      ['Isolate', 2900],
    ]),
    machines: 2950,
    unseen: 0,
  };
  const state = { actions: new Map<string, Action>(), rejected: { 'not-an-id': 0, 'bad-row': 0, duplicate: 2 } };
  return {
    job,
    state,
    firstRejected: undefined,
    sender,
    counted,
    count: 3000,
    order: SOURCE_ORDER,
    forecast,
    nowMs: NOW,
    yes: false,
    ...more,
  };
}

describe('the question', () => {
  test('says what, where, until when and in which order', () => {
    expect(questionText(facts(), PLAIN).split('\n')).toEqual([
      'Actions   3,000 on 2,950 devices: Isolate 2,900, RunAntiVirusScan 100',
      'Left out  3 already finished, 1 excluded by guards, of 3,004 actions',
      `Tenant    ${TENANT}, as application ${CLIENT}`,
      `Ends      ${formatEnd(NOW + 6_660_000)}, in 1 h 51 min, 3,060 calls`,
      'Order     as given, 98 in the first minute, 1,372 in the rest of the first hour, 1,530 later',
      '',
    ]);
  });

  test('says the first few after which it asks again, what was not looked up, and another order', () => {
    const { counted } = facts();
    const text = questionText(
      facts({
        job: { ...job, guards: { ...job.guards, first: 20 } },
        counted: { ...counted, by: { ...noDecisions(), cancel: 3000, unscreened: 12 } },
        order: { ...SOURCE_ORDER, asked: 'last-seen', by: 'last-seen' } satisfies CallOrder,
      }),
      PLAIN,
    );
    expect(text).toContain('RunAntiVirusScan 100, not looked up 12\n');
    expect(text).toContain('First    20 actions, then it asks again\n');
    expect(text).toContain('Order    devices last seen first, ');
    const answered = questionText(facts({ job: { ...job, guards: { ...job.guards, first: 20 } }, yes: true }), PLAIN);
    expect(answered).toContain('20 actions, then the rest if all of them are cancelled or already over\n');
  });

  test('says which lines of the source are no actions, before anybody says yes to the rest', () => {
    const rejected = { 'not-an-id': 15, 'bad-row': 1, duplicate: 2 };
    const state = { ...facts().state, rejected };
    expect(questionText(facts({ state, firstRejected: 1002 }), PLAIN)).toContain(
      '\nInput     16 lines without an action ID, the first in line 1,002: they are left out\n',
    );
    const one = { ...state, rejected: { ...rejected, 'not-an-id': 0 } };
    expect(questionText(facts({ state: one, firstRejected: 7 }), PLAIN)).toContain(
      '1 line without an action ID, line 7: it is left out\n',
    );
  });

  test('fits a terminal, and keeps a type and its number together', () => {
    const lines = questionText(facts(), { columns: 52, plain: false }).split('\n');
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(52);
    expect(lines.every((line) => !/RunAntiVirusScan,?$/.test(line.replace('\u00a0', ' ')))).toBe(true);
  });

  test('says the end in UTC and by the clock on the wall', () => {
    expect(formatEnd(NOW, 'Europe/Zurich')).toMatch(/^2026-11-26 09:00:00 UTC \(10:00 (CET|GMT\+1)\)$/);
    expect(formatEnd(NOW, 'UTC')).toBe('2026-11-26 09:00:00 UTC');
  });
});

describe('the tenant', () => {
  const named = (tenant: string, claims: Record<string, unknown>) =>
    senderFacts(
      sandboxToken({ tenant: TENANT, scp: 'Machine.Isolate', claims }),
      { tenant, clientId: CLIENT },
      undefined,
    );

  test.each([
    ['its user gives a domain', 'contoso.com', {}, 'contoso.com'],
    ['the token of one of its people shows a domain', TENANT, { upn: 'responder@contoso.com' }, 'contoso.com'],
    [
      'the token of a guest shows the name it has here',
      TENANT,
      { upn: 'a_b.com#EXT#@contoso.onmicrosoft.com', idp: 'x' },
      'contoso.onmicrosoft.com',
    ],
    [
      'the token of a guest shows the domain of another tenant',
      TENANT,
      { upn: 'someone@elsewhere.com', idp: 'x' },
      TENANT,
    ],
    ['nobody names it', TENANT, {}, TENANT],
  ])('is called as far as is known where %s', (_what, tenant, claims, shown) => {
    const about = named(tenant, claims);
    expect(tenantShort(about)).toBe(shown);
    const line = questionText(facts({ sender: about }), PLAIN).split('\n')[2];
    expect(line).toBe(`Tenant    ${shown === TENANT ? TENANT : `${shown} (${TENANT})`}, as application ${CLIENT}`);
  });

  test('is no domain of a token that is none', () => {
    expect(readClaims('opaque')).toBeUndefined();
    expect(tenantShort(senderFacts('opaque', { tenant: TENANT, clientId: CLIENT }, undefined))).toBe(TENANT);
  });
});

test('a token that cannot be renewed is told of where it ends before the run', () => {
  const endsAtMs = NOW + 80_000;
  expect(tokenTrouble({ ...sender, tokenEndsAtMs: NOW + 20_000 }, { endsAtMs })).toMatch(
    /^the token ends at .* \(exit 4\)/,
  );
  expect(tokenTrouble({ ...sender, tokenEndsAtMs: NOW + 90_000 }, { endsAtMs })).toBeUndefined();
  expect(tokenTrouble(sender, { endsAtMs })).toBeUndefined();
});
