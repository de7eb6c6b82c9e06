import { describeDuration } from '../duration.ts';
import { UsageError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import { campaignHead } from '../ledger/campaign-head.ts';
import { commandLine } from '../report/facts/next-steps.ts';
import { formatCount, formatEnd, formatTime, plural } from '../report/format.ts';
import { requireAnswer } from '../run/approve.ts';
import type { Context } from '../run/console.ts';
import { factLines } from '../run/question.ts';
import type { NetworkStore } from '../store/network-store.ts';
import { styled } from '../styled.ts';
import { type CampaignRun, readCampaignRuns, type Stage } from './campaign.ts';
import { addUp, type PlanSums } from './plan-sums.ts';
import { RunQueue } from './queue.ts';
import { newSubmission, type Submission } from './standing.ts';

export interface CampaignRunOptions {
  name: string;
  /** The head that was reviewed, as typed. */
  head: string | undefined;
  /** Starts without a question. */
  yes: boolean;
}

type SharedContext = Context & { store: NetworkStore };
type Of<K extends Stage['kind']> = CampaignRun & { stage: Stage & { kind: K } };

/** More are counted. */
const LEFT_OUT_SHOWN = 20;

/**
 * `campaign run`: shows what the plans of a campaign come to, asks once, and puts all of them into the queue; runs that were stopped go on. Exits 3 where
 * some are left out, which somebody has to look at. Throws a UsageError, with nothing started: while plans are being made, for plans that are too old, for
 * another head than the one that was reviewed, and where the answer is no or nobody can give one.
 */
export async function runCampaign({ name, head, yes }: CampaignRunOptions, context: SharedContext): Promise<ExitCode> {
  const { store, log, out, clock, terminal, interrupts } = context;
  const reviewed = head === undefined ? undefined : readCampaignHead(head);
  await using queue = await RunQueue.open(store, log, 'client');
  const runs = await readCampaignRuns(name, queue, context);
  refuseUnfinished(name, runs, context);
  const planned = of(runs, 'planned');
  const stopped = of(runs, 'stopped');
  const leftOut = of(runs, 'left-out');
  const found = campaignHead(planned);
  const facts: SumsFacts = { runs, planned, head: found, nowMs: clock.wallMs() };
  out(styled(factLines(sumsLines(facts), terminal)));
  for (const { name: run, stage } of leftOut.slice(0, LEFT_OUT_SHOWN)) out(`${run} is left out: ${stage.reason}\n`);
  if (leftOut.length > LEFT_OUT_SHOWN) out(`and ${formatCount(leftOut.length - LEFT_OUT_SHOWN)} more are left out\n`);
  await context.delivered();
  refuseOld(planned, clock.wallMs());
  if (reviewed !== undefined && reviewed !== found) {
    throw new UsageError(
      `The head of the campaign ${name} is ${found ?? 'none'} and not ${reviewed}: its plans are not those that were reviewed, and nothing was started.`,
    );
  }
  const code = leftOut.length > 0 ? 3 : 0;
  const count = planned.length + stopped.length;
  if (count === 0) {
    out('Nothing is left to start.\n');
    return code;
  }
  requireAnswer(context, yes);
  const actions = planned.reduce((sum, { stage }) => sum + stage.sums.toCancel, 0);
  const question = questionOf(actions, planned.length, stopped.length);
  if (yes) out(`${question} yes (--yes)\n`);
  else if (!(await context.ask(question, interrupts.signal))) {
    interrupts.signal.throwIfAborted();
    throw new UsageError('not confirmed, so nothing was started; the plans are kept');
  }
  const there = await queue.submitAll([...planned, ...stopped].map(toRun));
  const already = there.length === 0 ? '' : `, ${formatCount(there.length)} of them were in the queue already`;
  const without = leftOut.length === 0 ? '' : `; ${plural(leftOut.length, 'run is', 'runs are')} left out`;
  out(`${name} is started: ${plural(count, 'run')}${already}${without}.\n`);
  return code;
}

function of<K extends Stage['kind']>(runs: readonly CampaignRun[], kind: K): Of<K>[] {
  return runs.filter((run): run is Of<K> => run.stage.kind === kind);
}

function toRun({ name, tenant, head, stage }: CampaignRun): Submission {
  const known = stage.kind === 'planned' ? { planHead: head, actions: stage.sums.admitted } : {};
  return newSubmission(name, tenant, { step: 'run', ...known });
}

function readCampaignHead(given: string): string {
  const head = given.trim().toLowerCase();
  if (/^[0-9a-f]{32}$/.test(head)) return head;
  throw new UsageError(
    `--head takes the head of a campaign, 32 hex digits, and was given ${head.length} characters that are not one: campaign run shows it before it asks.`,
  );
}

/** What is not planned whole is not started in part. */
function refuseUnfinished(name: string, runs: readonly CampaignRun[], { storeWords }: SharedContext): void {
  const planning = of(runs, 'planning').length;
  if (planning === 0) return;
  const status = commandLine('status', name, ...storeWords);
  throw new UsageError(
    `${formatCount(planning)} of the ${plural(runs.length, 'plan')} of ${name} ${planning === 1 ? 'is' : 'are'} not made yet, so nothing was started: wait until \`${status}\` shows none as waiting or running.`,
  );
}

function refuseOld(planned: readonly Of<'planned'>[], nowMs: number): void {
  const old = planned.filter(({ stage: { sums } }) => nowMs - sums.madeAtMs > sums.maxAgeMs);
  const [first] = old;
  if (first === undefined) return;
  const { madeAtMs, maxAgeMs } = first.stage.sums;
  throw new UsageError(
    `${plural(old.length, 'plan is', 'plans are')} too old to start (${first.name} ${describeDuration(nowMs - madeAtMs)}, more than its --plan-max-age ${describeDuration(maxAgeMs)}): plan the campaign again under another name, so that what is reviewed is what runs.`,
  );
}

function questionOf(actions: number, tenants: number, stopped: number): string {
  const goOn = stopped === 0 ? '' : `${plural(stopped, 'run')} that ${stopped === 1 ? 'was' : 'were'} stopped`;
  if (tenants === 0) return `Go on with ${goOn}?`;
  const start = `Cancel ${plural(actions, 'action')} in ${plural(tenants, 'tenant')}`;
  return goOn === '' ? `${start}?` : `${start}, and go on with ${goOn}?`;
}

export interface SumsFacts {
  runs: readonly CampaignRun[];
  planned: readonly { stage: { sums: PlanSums } }[];
  head: string | null;
  nowMs: number;
}

const STAGE_WORDS = [
  ['planned', 'to start'],
  ['stopped', 'stopped before'],
  ['under-way', 'under way'],
  ['over', 'over'],
  ['left-out', 'left out'],
] as const;

/** What the plans come to, a line for each thing. */
export function sumsLines({ runs, planned, head, nowMs }: SumsFacts): [name: string, value: string][] {
  const sums = addUp(planned.map(({ stage }) => stage.sums));
  const stages = STAGE_WORDS.flatMap(([kind, words]) => {
    const n = of(runs, kind).length;
    return n === 0 ? [] : [`${formatCount(n)} ${words}`];
  });
  const tenants: [string, string] = ['Tenants', `${formatCount(runs.length)}: ${stages.join(', ')}`];
  if (sums.plans === 0) return [tenants];
  const types = sums.types.map(({ name, n }) => `${name}\u00A0${formatCount(n)}`).join(', ');
  const ofAll = `${formatCount(sums.toCancel)} of ${formatCount(sums.admitted)}`;
  const review = reviewWords(sums);
  const longest = `${formatEnd(nowMs + sums.longestMs)}, in ${describeDuration(sums.longestMs)}`;
  const total = sums.plans === 1 ? '' : ` for the longest; ${describeDuration(sums.totalMs)} one after the other`;
  return [
    tenants,
    ['Actions', types === '' ? ofAll : `${ofAll}: ${types}`],
    ...(sums.oldest === null ? [] : [['Oldest', momentWords(sums.oldest)] as [string, string]]),
    ...(review === '' ? [] : [['Review', review] as [string, string]]),
    ['Ends', `${longest}${total}, ${plural(sums.calls, 'call')}`],
    ['Head', head ?? ''],
  ];
}

/** As Defender sent it, where it is no time. */
function momentWords(created: string): string {
  const atMs = Date.parse(created);
  return Number.isNaN(atMs) ? created : formatTime(atMs);
}

/** What somebody should know of before the answer. */
function reviewWords({ notFound, unseen, rejected, needsRelease }: ReturnType<typeof addUp>): string {
  return [
    notFound > 0 ? `${plural(notFound, 'action')} not found in Defender` : '',
    unseen > 0 ? `${plural(unseen, 'action')} of which nobody saw the type` : '',
    rejected > 0 ? `${plural(rejected, 'line')} of the sources without an action ID` : '',
    needsRelease > 0 ? `${plural(needsRelease, 'isolation')} that took effect, which only a release undoes` : '',
  ]
    .filter((words) => words !== '')
    .join('; ');
}
