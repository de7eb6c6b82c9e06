import { resolve } from 'node:path';
import { resolveHosts } from '../../defender/hosts.ts';
import { CountermandError, UsageError } from '../../errors.ts';
import { findCredential } from '../../identity/find-credential.ts';
import { givenSettings } from '../../job/given-settings.ts';
import type { Job } from '../../job/job.ts';
import { LEDGER_FOLDER } from '../../job/ledger-name.ts';
import { resolveJob, sourceKind } from '../../job/resolve-job.ts';
import { lookBackMs } from '../../quota/past-calls.ts';
import { DOCUMENTED_WINDOWS } from '../../quota/quota.ts';
import { plural } from '../../report/format.ts';
import { jsonDocument } from '../../report/json.ts';
import { checkAll } from '../../run/check.ts';
import { exitCodeOfFindings, type Finding, wrongBy } from '../../run/check-findings.ts';
import type { Context } from '../../run/console.ts';
import { jobInput } from '../../run/job-input.ts';
import { isShared } from '../../store/network-store.ts';
import { styled } from '../../styled.ts';
import type { Args, Command } from '../command.ts';
import { SETTINGS_OF, settingOptions } from '../flags/setting-flags.ts';
import { ledgerFiles } from '../machine.ts';
import { findingsText } from '../views/findings-text.ts';

export const check: Command = {
  usage: 'check [job]',
  describe:
    'Checks the credential that was found, sign-in, the permissions in the token, the host and its ' +
    'TLS, the clock, one read, and the quota that the ledgers here leave. Cancels nothing and writes nothing. Exits 0, or 2 (settings), ' +
    '4 (credentials or permissions), 6 (only out of reach).',
  positionals: { job: { describe: 'a job (.yaml) to check the settings of' } },
  options: () => ({
    ...settingOptions(SETTINGS_OF.check),
    json: {
      describe: 'one JSON document on stdout: {findings: [{level, topic, text}], exitCode}',
      type: 'boolean',
      default: false,
    },
  }),
  examples: [
    ['check', 'as the environment says'],
    ['check jobs/stale-actions-nightly.yaml --json', 'for the job that a scheduler runs'],
  ],
  run: async (args, context) => {
    const findings = await findAll(args, context);
    const exitCode = exitCodeOfFindings(findings);
    if (args['json'] === true) {
      const shown = findings.map(({ level, topic, text }) => ({ level, topic, text }));
      context.out(styled(jsonDocument({ findings: shown, exitCode })));
    } else {
      context.out(styled(findingsText(findings, context.terminal)));
    }
    return exitCode;
  },
};

async function findAll(args: Args, context: Context): Promise<Finding[]> {
  let job: Job;
  try {
    job = await jobOf(args, context);
  } catch (error) {
    // A token's file that cannot be read is refused, everything else here is a setting.
    if (error instanceof UsageError) return [...wrongBy('settings', error), ...missingCredential(args, context)];
    if (error instanceof CountermandError) return wrongBy('credential', error);
    throw error;
  }
  const findings = [...(await checkAll(job, context))];
  findings.push(...(await callsOfFolder(job, findings, context)));
  if (args['job'] === undefined || job.comment !== undefined) return findings;
  const text = 'the job has no comment: add one to it (comment), or give --comment to run';
  return [{ level: 'warning', topic: 'settings', text }, ...findings];
}

/** A folder and a store do not see each other's calls: who moves from the one to the other within the hour would send too much. */
async function callsOfFolder(job: Job, found: readonly Finding[], context: Context): Promise<Finding[]> {
  const { store, cwd, clock, log } = context;
  if (!isShared(store) || found.some(({ topic, level }) => topic === 'ledgers' && level === 'wrong')) return [];
  if (!found.some(({ topic }) => topic === 'ledgers')) return [];
  const sender = { tenant: job.tenant, client: job.clientId, api: resolveHosts(job.api).apiUrl };
  const withinMs = lookBackMs([...DOCUMENTED_WINDOWS, ...job.quota.windows]);
  const count = await store.unknownCalls(
    await ledgerFiles.calls(resolve(cwd, LEDGER_FOLDER), sender, { withinMs, clock, log }),
  );
  if (count === 0) return [];
  const text = `ledgers in ${LEDGER_FOLDER} made ${plural(count, 'recent call')} as this application that the store does not know: run countermand store import ${LEDGER_FOLDER}/*.jsonl, or wait an hour`;
  return [{ level: 'warning', topic: 'quota', text }];
}

/** Nobody should have to put the settings right to be told that the credential is missing too. A job that cannot be read may have named one. */
function missingCredential(args: Args, { env, cwd, store }: Context): Finding[] {
  if (args['job'] !== undefined) return [];
  const { auth, tenant, clientId } = givenSettings(args, env, { cwd, inStore: store.keeps === 'runs' }).values;
  try {
    // Whoever is named elsewhere was looked for among the settings.
    findCredential(env, { kind: auth }, { tenant: tenant ?? 'any', clientId: clientId ?? 'any' });
    return [];
  } catch (error) {
    if (error instanceof UsageError) return wrongBy('credential', error);
    throw error;
  }
}

/** Without a job, what the settings say alone: a source is not needed to check them. */
async function jobOf(args: Args, context: Context): Promise<Job> {
  const { job: given, ...flags } = args;
  const path = given === undefined ? undefined : String(given);
  if (path !== undefined && sourceKind(path) !== 'job') {
    throw new UsageError(
      `check takes a job (.yaml, .yml) and not ${path}; leave it out to check the environment and flags alone`,
    );
  }
  return resolveJob(await jobInput(path ?? '-', flags, context));
}
