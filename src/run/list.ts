import { makeDefender } from '../defender/client.ts';
import type { MachineAction } from '../defender/entity.ts';
import { type Oddities, queryActions } from '../defender/query.ts';
import { noJournal } from '../defender/send.ts';
import { filterFromFlags } from '../job/action-filter.ts';
import type { Flags } from '../job/given-settings.ts';
import { unlikeNames } from '../job/known-names.ts';
import { makeGate } from '../quota/gate/gate.ts';
import { keepAlive } from '../quota/keep-alive.ts';
import type { Context } from './console.ts';
import { senderJob } from './job-input.ts';
import { assess, prepareSignIn, refuseUnusable } from './sign-in.ts';

/**
 * `list`: every action that matches the filter flags, newest first. All of them or none: whoever reads them from a pipe must not take half a list for
 * a whole one. Holds nothing and keeps no ledger: what it spends of the quota, no other run knows.
 */
export async function listActions(flags: Flags, context: Context): Promise<MachineAction[]> {
  const { clock, random, log, redact, store } = context;
  const filter = filterFromFlags(flags, clock.wallMs());
  for (const sentence of unlikeNames(filter)) log.warn(sentence);
  const job = await senderJob(flags, context);
  const { hosts, connection, tokens } = await prepareSignIn(job, context);
  using _alive = keepAlive();
  try {
    const { token } = await tokens.token();
    refuseUnusable(assess(token, job, hosts.scope), { cancels: false });
    const { signal } = new AbortController();
    const sender = { tenant: job.tenant, client: job.clientId, api: hosts.apiUrl };
    const quota = await store.quota(sender, job.quota, { log });
    const calling = { transport: connection.transport(), journal: noJournal, quota, gate: makeGate({ clock }), tokens };
    const defender = makeDefender({ ...calling, clock, random, log, redact, abandon: signal }, hosts.apiUrl);
    const actions: MachineAction[] = [];
    const oddities = countOddities();
    for await (const action of queryActions(defender, filter, signal, oddities)) actions.push(action);
    for (const sentence of oddities.sentences()) log.warn(sentence);
    return actions;
  } finally {
    await tokens[Symbol.asyncDispose]();
    await connection.end();
  }
}

/** Counts what a list showed beside what was asked for, so that it is said once and nothing is left out without a word. */
export function countOddities(): Oddities & { sentences(): string[] } {
  let withoutId = 0;
  let notAskedFor = 0;
  return {
    withoutId: (count) => {
      withoutId += count;
    },
    notAskedFor: () => {
      notAskedFor += 1;
    },
    sentences: () => [
      ...(withoutId === 0 ? [] : [`left out: ${withoutId} entries of Defender's list have no action ID`]),
      ...(notAskedFor === 0
        ? []
        : [`left out: ${notAskedFor} actions in Defender's list do not match the filter that was sent`]),
    ],
  };
}
