import { vi } from 'vitest';
import type { Clock } from '../../src/clock.ts';
import { RefusedError } from '../../src/errors.ts';
import type { CredentialSource } from '../../src/identity/credential-source.ts';
import { clientSecretSource } from '../../src/identity/kinds/client-secret.ts';
import { RenewingTokenSource } from '../../src/identity/renewing-token-source.ts';
import { SignInUnreachableError } from '../../src/identity/sign-in-errors.ts';
import { silentLog } from '../../src/log.ts';
import { BEGINNING, processClock } from '../simulation/clock.ts';
import { SimProcess } from '../simulation/process.ts';
import { Random } from '../simulation/seed.ts';
import { SimAuthority } from '../simulation/sign-in.ts';
import { CLIENT_SECRET, startAuthority } from '../support/authority.ts';
import { ManualClock, turn } from '../support/clock/manual-clock.ts';
import { virtualTime } from '../support/clock/virtual-time.ts';
import { partsFor } from '../support/sign-in-parts.ts';
import { type Authority, tokenSourceSuite } from './token-source-suite.ts';

const HOUR = 3_600_000;

/** A renewing token source over a credential whose sign-ins are counted. */
function over(credential: CredentialSource, clock: Clock) {
  let asked = 0;
  let underWay = 0;
  const counted: CredentialSource = {
    ...credential,
    acquire: async (...request) => {
      asked += 1;
      underWay += 1;
      try {
        return await credential.acquire(...request);
      } finally {
        underWay -= 1;
      }
    },
  };
  const tokens = new RenewingTokenSource(counted, { clock, log: silentLog, random: () => 0.5 });
  return { tokens, asked: () => asked, isAsking: () => underWay > 0, lifeMs: HOUR, wallMs: clock.wallMs };
}

/** Moves a clock by hand until the work is settled. */
function untilBy(clock: ManualClock, settled?: () => Promise<void>) {
  return async <T>(work: Promise<T>): Promise<T> => {
    let over = false;
    const noted = work.finally(() => {
      over = true;
    });
    noted.catch(() => undefined);
    while (!over) {
      await clock.advance(0, settled);
      if (!over) await clock.advance(500, settled);
    }
    return await noted;
  };
}

tokenSourceSuite('a token source over a made-up credential', () => {
  const clock = new ManualClock();
  let authority: Authority = 'fine';
  let given = 0;
  const made = over(
    {
      kind: 'client-secret',
      interactive: false,
      acquire: () => {
        if (authority === 'away') throw new SignInUnreachableError('cannot sign in: away', { retryable: true });
        if (authority === 'refuses') throw new RefusedError('sign-in refused: wrong secret');
        given += 1;
        return Promise.resolve({ token: `token ${given}`, expiresAtMs: clock.wallMs() + HOUR });
      },
    },
    clock,
  );
  return Promise.resolve({
    ...made,
    authority: (how) => {
      authority = how;
    },
    until: untilBy(clock),
    pass: (ms) => clock.advance(ms),
    [Symbol.asyncDispose]: () => made.tokens[Symbol.asyncDispose](),
  });
});

// `Date` is faked because msal and the authority read it themselves; sockets are real and take real turns of the loop.
tokenSourceSuite('a token source over msal', async () => {
  const authority = await startAuthority();
  vi.useFakeTimers({ toFake: ['Date'] });
  const clock = new ManualClock(Date.now(), (wallMs) => vi.setSystemTime(wallMs));
  const made = over(
    clientSecretSource(partsFor(authority, { clock, env: { AZURE_CLIENT_SECRET: CLIENT_SECRET } })),
    clock,
  );
  const settled = async () => {
    do await turn();
    while (made.isAsking());
  };
  return {
    ...made,
    authority: (how) => {
      authority.heal();
      if (how === 'away') authority.trouble('reset');
      const wrong = { code: 7000215, error: 'invalid_client', description: 'Invalid client secret provided.' };
      authority.refuseWith = how === 'refuses' ? wrong : undefined;
    },
    until: untilBy(clock, settled),
    pass: (ms) => clock.advance(ms, settled),
    [Symbol.asyncDispose]: async () => {
      await made.tokens[Symbol.asyncDispose]();
      vi.useRealTimers();
      await authority[Symbol.asyncDispose]();
    },
  };
});

tokenSourceSuite('a token source over the simulated authority', () => {
  const time = virtualTime();
  let authority: Authority = 'fine';
  const random = new Random('authority');
  const now = () => Date.now() - BEGINNING;
  const allowed = { reads: true, mayCancel: () => true };
  const simulated = new SimAuthority({ random, now, lifeMs: HOUR, isAway: () => authority === 'away', ...allowed });
  const process = new SimProcess({ pid: 1, name: 'one', onKill: () => undefined });
  const credential = simulated.of(process);
  const made = over(
    {
      ...credential,
      acquire: (...request) => {
        if (authority === 'refuses') throw new RefusedError('sign-in refused: wrong secret');
        return credential.acquire(...request);
      },
    },
    processClock(process, () => 0),
  );
  return Promise.resolve({
    ...made,
    authority: (how) => {
      authority = how;
    },
    until: async (work) => {
      let isOver = false;
      const noted = work.finally(() => {
        isOver = true;
      });
      noted.catch(() => undefined);
      await time.runUntil(() => isOver);
      return await noted;
    },
    pass: (ms) => time.pass(ms),
    [Symbol.asyncDispose]: async () => {
      await made.tokens[Symbol.asyncDispose]();
      time[Symbol.dispose]();
    },
  });
});
