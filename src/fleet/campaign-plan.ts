import { dirname, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { refuseSecretFile } from '../identity/session-secrets.ts';
import { readTable } from '../intake/table.ts';
import { type ResolveInput, resolveJob, sourceKind } from '../job/resolve-job.ts';
import { jobName } from '../job/values.ts';
import { readLedger } from '../ledger/read-ledger.ts';
import { commandLine } from '../report/facts/next-steps.ts';
import { plural } from '../report/format.ts';
import { admitSource, checkAdmission } from '../run/admit.ts';
import type { Context } from '../run/console.ts';
import { jobInput } from '../run/job-input.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { RunQueue } from './queue.ts';
import { newSubmission } from './standing.ts';
import { waitForEnds } from './submit.ts';
import { readTenants, type TableMistake, type TenantRow } from './tenants.ts';

export interface CampaignPlanOptions {
  /** As typed: the table of tenants, and the job of all. */
  table: string;
  job: string;
  /** Of the campaign. */
  name: string;
  /** Waits until each plan is made, and exits as the worst. */
  wait: boolean;
}

type SharedContext = Context & { store: NetworkStore };

/** More are counted. */
const MISTAKES_SHOWN = 25;

/**
 * `campaign plan`: puts a plan for each tenant of a table into the queue. Nothing is submitted before all of it was read and checked, and then all of it is,
 * or nothing. One that was cut off before that is begun again, with the runs that are there. Throws a UsageError that names every mistake with its line,
 * and for the name of a campaign that is there.
 */
export async function planCampaign(
  { table, job, name, wait }: CampaignPlanOptions,
  context: SharedContext,
): Promise<ExitCode> {
  const { store, log, out, storeWords } = context;
  refuseName(name);
  const rows = await readCampaign(table, job, context);
  await using queue = await RunQueue.open(store, log, 'client');
  const runs = rows.map((row) => ({ ...row, run: `${name}/${row.tenant}` }));
  await refuseTaken(name, new Set(runs.map(({ run }) => run)), queue, context);
  const submissions = [];
  for (const { run, tenant, flags, instead } of runs) {
    const of = { source: job, flags: { ...flags, ledger: run }, yes: false, instead };
    const { actions } = await admitSource({ ...of, step: 'plan' }, context);
    submissions.push(newSubmission(run, tenant, { step: 'plan', actions }));
  }
  await queue.submitAll(submissions);
  out(`${name} is submitted: ${plural(runs.length, 'plan')}.\n`);
  const names = runs.map(({ run }) => run);
  const code = wait ? await waitForEnds(names, queue, context) : 0;
  const next = commandLine('campaign', 'run', name, ...storeWords);
  out(wait ? `${next}\n` : `When they are made: ${next}\n`);
  return code;
}

function refuseName(name: string): void {
  const read = jobName().safeParse(name);
  // What ends so is taken for a file.
  const isFile = /\.jsonl$/i.test(name);
  if (read.success && !isFile) return;
  const what = read.success ? 'the name of a campaign, and no file' : read.error.issues[0]?.message;
  throw new UsageError(`--name must be ${what}, not ${JSON.stringify(name.slice(0, 60))}.`);
}

/** A campaign whose runs never came into the queue was cut off while it was submitted: no worker has planned any. What the queue forgets was planned. */
async function refuseTaken(
  name: string,
  runs: ReadonlySet<string>,
  queue: RunQueue,
  { store, storeWords }: SharedContext,
): Promise<void> {
  if ((await store.stat(name)) !== undefined) {
    throw new UsageError(`There is a run ${name} in the store: give the campaign another --name.`);
  }
  const there = await store.campaign(name);
  if (there.length === 0) return;
  const names = there.map((entry) => entry.name);
  const wasQueued = (await queue.standings(names)).length > 0;
  if (!wasQueued && names.every((each) => runs.has(each)) && !(await isAnyPlanned(names, store))) return;
  const status = commandLine('status', name, ...storeWords);
  throw new UsageError(
    `There is a campaign ${name} in the store, of ${plural(there.length, 'run')} (${status}): give this one another --name.`,
  );
}

async function isAnyPlanned(runs: readonly string[], store: NetworkStore): Promise<boolean> {
  for (const run of runs) {
    const { sessions, start } = (await readLedger(run, store)).state;
    if (start !== undefined || sessions.some(({ closed }) => closed?.reason === 'planned')) return true;
  }
  return false;
}

/** The tenants of a table, each with a job that a worker can plan. Throws a UsageError that names every mistake of job and table. */
async function readCampaign(table: string, jobFile: string, context: SharedContext): Promise<TenantRow[]> {
  const { cwd, sources, secrets, log } = context;
  if (sourceKind(jobFile) !== 'job') throw new UsageError(`${jobFile} is no job file: its name must end in .yaml.`);
  const path = resolve(cwd, table);
  const bytes = await sources.open(path, (file) => refuseSecretFile(secrets, file, table));
  const { tenants, mistakes } = readTenants(await readTable(bytes, table), dirname(path));
  const jobMistakes = await refusalOf(async () => {
    const input = await jobInput(jobFile, {}, context);
    for (const sentence of input.jobFile?.remarks ?? []) log.warn(sentence);
    mistakes.push(...(await checkTenants(tenants, input, context)));
  });
  if (mistakes.length + jobMistakes.length === 0) return tenants;
  throw new UsageError([...tableRefusal(mistakes, table), ...jobMistakes]);
}

/** What is wrong with the job of each row: its settings together, and its source, which is read to its end here, once for all that share it. */
async function checkTenants(
  tenants: readonly TenantRow[],
  input: ResolveInput,
  context: SharedContext,
): Promise<TableMistake[]> {
  const mistakes: TableMistake[] = [];
  const read = new Set<string>();
  for (const { line, instead, flags } of tenants) {
    const texts = await refusalOf(async () => {
      const job = resolveJob({ ...input, flags, instead });
      const source = JSON.stringify([job.source, job.strictInput]);
      const isNew = !read.has(source);
      read.add(source);
      await checkAdmission(job, context, { read: isNew });
    });
    mistakes.push(...texts.map((text) => ({ line, text })));
  }
  return mistakes;
}

function tableRefusal(mistakes: readonly TableMistake[], table: string): string[] {
  if (mistakes.length === 0) return [];
  const count = mistakes.length === 1 ? 'a mistake' : `${mistakes.length} mistakes`;
  const shown = [...mistakes]
    .sort((one, other) => one.line - other.line)
    .slice(0, MISTAKES_SHOWN)
    .map(({ line, text }) => `  ${table}:${line} ${text}`);
  const more = mistakes.length - shown.length;
  return [`the table has ${count}, nothing was planned:`, ...shown, ...(more > 0 ? [`  and ${more} more`] : [])];
}

/** The lines of the UsageError that it throws; none where it throws nothing. */
async function refusalOf(work: () => void | Promise<void>): Promise<readonly string[]> {
  try {
    await work();
    return [];
  } catch (error) {
    if (error instanceof UsageError) return error.lines;
    throw error;
  }
}
