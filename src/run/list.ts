import { makeDefender } from '../defender/client.ts';
import type { MachineAction } from '../defender/entity.ts';
import { queryActions } from '../defender/query.ts';
import { noJournal } from '../defender/send.ts';
import { filterFromFlags } from '../job/action-filter.ts';
import type { Flags } from '../job/given-settings.ts';
import { unlikeNames } from '../job/known-names.ts';
import { makeGate } from '../quota/gate/make-gate.ts';
import { keepAlive } from '../quota/keep-alive.ts';
import type { Context } from './console.ts';
import { countOddities } from './oddities.ts';
import { senderJob } from './sender-job.ts';
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
