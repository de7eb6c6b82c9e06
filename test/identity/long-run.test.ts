import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { CredentialSource } from '../../src/identity/credential-source.ts';
import { clientSecretSource } from '../../src/identity/kinds/client-secret.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import { silentLog } from '../../src/log.ts';
import { type Authority, CLIENT_SECRET, startAuthority, TROUBLES } from '../support/authority.ts';
import { ManualClock, turn } from '../support/clock/manual-clock.ts';
import { partsFor } from '../support/sign-in-parts.ts';

// Real msal, real sockets, virtual time: `Date` is faked because msal and the authority read it themselves, and moves
// with the injected clock.

const MINUTE = 60_000;
let authority: Authority;

beforeAll(async () => {
  authority = await startAuthority();
  vi.useFakeTimers({ toFake: ['Date'] });
});
afterAll(async () => {
  vi.useRealTimers();
  await authority[Symbol.asyncDispose]();
});

test('every call has a living token at once over three token lifetimes, with the authority failing half of the time', async () => {
  const clock = new ManualClock(Date.now(), (wallMs) => vi.setSystemTime(wallMs));
  const secretSource = clientSecretSource(partsFor(authority, { clock, env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } }));
  let inFlight = 0;
  let arrivedBefore = 0;
  const counted: CredentialSource = {
    ...secretSource,
    acquire: async (...args) => {
      inFlight += 1;
      arrivedBefore = authority.requests.length;
      try {
        return await secretSource.acquire(...args);
      } finally {
        inFlight -= 1;
      }
    },
  };
  await using source = new RenewingTokenSource(counted, { clock, log: silentLog, random: () => 0.5 });
  /** Real sockets take real turns of the loop; only a hanging authority is left to virtual time. */
  const hanging = () => authority.requests.length > arrivedBefore && authority.requests.at(-1)?.answered === 'hang';
  const settled = async () => {
    while (inFlight > 0 && !hanging()) await turn();
  };

  const troubles = Object.values(TROUBLES);
  let outages = 0;
  let refusedCalls = 0;
  const handedOut = new Set<string>();
  const first = source.token();
  await settled();
  await first;
  for (let minute = 0; minute < 180; minute += 1) {
    // Thirty good minutes, then thirty bad ones of another kind each minute.
    authority.heal();
    if (minute % 60 >= 30) {
      authority.trouble(troubles[minute % troubles.length] ?? 'reset');
      outages += 1;
    }
    for (let second = 0; second < 60; second += 5) {
      await clock.advance(5000, settled);
      const waited = source.token().then(
        (token) => {
          handedOut.add(token.token);
          if ((token.expiresAtMs ?? 0) <= clock.wallMs()) refusedCalls += 1;
          return true;
        },
        () => {
          refusedCalls += 1;
          return true;
        },
      );
      // At once: without another step of the clock.
      expect(
        await Promise.race([
          waited,
          turn()
            .then(() => turn())
            .then(() => false),
        ]),
      ).toBe(true);
    }
  }
  expect(outages).toBe(90);
  expect(refusedCalls).toBe(0);
  expect(handedOut.size).toBeGreaterThan(3);
  expect(authority.requests.filter((each) => each.answered !== 200).length).toBeGreaterThan(20);
  expect(clock.monotonicMs()).toBe(180 * MINUTE);
});
