import { replaceHostile } from '../../clean.ts';
import { RefusedError } from '../../errors.ts';
import type { AcquireRequest, CredentialSource, SignInParts } from '../credential-source.ts';
import { loadMsal, msalConfiguration, type SignInRequest, signIn } from '../msal.ts';
import type { SignInAnswer } from '../sign-in-call.ts';
import type { AccessToken } from '../token-source.ts';

/** RFC 8628: what `slow_down` adds to the interval. */
const SLOW_DOWN_MS = 5000;

/**
 * A person signs in with a browser somewhere else, with delegated permissions. The prompt is shown once; after it,
 * tokens are renewed with the refresh token as long as it lasts.
 */
export function deviceCodeSource(parts: SignInParts): CredentialSource {
  const { target, clock } = parts;
  const request = (signal: AbortSignal): SignInRequest => ({
    kind: 'device-code',
    from: 'the device code',
    secrets: [],
    signal,
  });
  // What msal keeps of the person's sign-in: handed from one application object to the next, because msal's throttling
  // would otherwise outlive the authority's bad minute.
  let cache: string | undefined;

  async function silently({ claims }: AcquireRequest, signal: AbortSignal): Promise<AccessToken | undefined> {
    if (cache === undefined) return undefined;
    const { PublicClientApplication } = await loadMsal();
    const app = new PublicClientApplication(msalConfiguration(target, {}));
    app.getTokenCache().deserialize(cache);
    const [account] = await app.getTokenCache().getAllAccounts();
    if (account === undefined) return undefined;
    const token = await signIn(parts, request(signal), () =>
      app.acquireTokenSilent({
        account,
        scopes: [target.scope],
        forceRefresh: true,
        ...(claims === undefined ? {} : { claims }),
      }),
    );
    cache = app.getTokenCache().serialize();
    return token;
  }

  async function withPerson({ claims }: AcquireRequest, signal: AbortSignal): Promise<AccessToken> {
    const { PublicClientApplication } = await loadMsal();
    const app = new PublicClientApplication(msalConfiguration(target, {}));
    let polling = false;
    const token = await signIn(
      parts,
      {
        ...request(signal),
        rewrite: async (answer) => {
          if (!polling) return codeIn(answer);
          const pause = pollAgain(answer);
          if (pause === undefined) return answer;
          await clock.sleep(pause, { signal });
          return PENDING;
        },
        explain: ({ answer }) =>
          answer === PENDING || isError(answer, 'authorization_pending')
            ? new RefusedError('sign-in refused: the device code expired before it was entered; start again')
            : undefined,
      },
      () =>
        app.acquireTokenByDeviceCode({
          scopes: [target.scope],
          deviceCodeCallback: ({ message, verificationUri, userCode }) => {
            polling = true;
            parts.prompt(printable(message || `To sign in, open ${verificationUri} and enter the code ${userCode}.`));
          },
          ...(claims === undefined ? {} : { claims }),
        }),
    );
    cache = app.getTokenCache().serialize();
    return token;
  }

  return {
    kind: 'device-code',
    interactive: true,
    async acquire(asked, signal) {
      try {
        const token = await silently(asked, signal);
        if (token !== undefined) return token;
      } catch (error) {
        // A refresh token that ended is replaced by asking the person again.
        if (!(error instanceof RefusedError) || asked.quiet === true) throw error;
      }
      if (asked.quiet === true) {
        throw new RefusedError('the sign-in cannot be renewed without you; start again and sign in with the new code');
      }
      return withPerson(asked, signal);
    },
  };
}

const PENDING: SignInAnswer = {
  kind: 'json',
  status: 400,
  body: { error: 'authorization_pending' },
  retryAfterMs: undefined,
};

/** msal takes whatever comes for a code, and would ask the person to enter `undefined`. */
function codeIn(answer: SignInAnswer): SignInAnswer {
  if (answer.kind !== 'json' || typeof answer.body['device_code'] === 'string') return answer;
  throw new Error('the answer holds no device code');
}

/**
 * msal gives up polling at the first answer it does not expect, and the person would have to begin again: an outage
 * while the person types counts as "not yet". Returns the extra pause in ms, or undefined for an answer that stands.
 */
function pollAgain(answer: SignInAnswer): number | undefined {
  if (answer.kind !== 'json') return 1000;
  if (isError(answer, 'slow_down')) return SLOW_DOWN_MS;
  return answer.status === 429 || answer.status >= 500 ? (answer.retryAfterMs ?? 1000) : undefined;
}

function isError(answer: SignInAnswer | undefined, error: string): boolean {
  return answer?.kind === 'json' && answer.body['error'] === error;
}

/** The message comes from the network and goes to a terminal. */
function printable(text: string): string {
  return replaceHostile(text, () => ' ').slice(0, 500);
}
