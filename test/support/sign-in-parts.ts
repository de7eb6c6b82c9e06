import { Agent } from 'undici';
import { systemClock } from '../../src/clock.ts';
import type { SignInParts } from '../../src/identity/credential-source.ts';
import { silentLog } from '../../src/log.ts';
import { type Authority, CLIENT_ID, RESOURCE, TENANT } from './authority.ts';

/** What a sign-in at this authority needs, in the test's own process: the CA is given to the dispatcher itself. */
export function partsFor(authority: Authority, given: Partial<SignInParts> = {}): SignInParts & { prompts: string[] } {
  const prompts: string[] = [];
  return {
    target: { tenant: TENANT, clientId: CLIENT_ID, authorityUrl: authority.url, scope: `${RESOURCE}/.default` },
    env: {},
    dispatcher: new Agent({ connect: { ca: authority.ca } }),
    clock: systemClock,
    log: silentLog,
    prompt: (line) => prompts.push(line),
    prompts,
    ...given,
  };
}
