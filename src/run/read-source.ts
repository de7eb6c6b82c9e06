import { createHash } from 'node:crypto';
import { oneLine } from '../clean.ts';
import type { Defender } from '../defender/client.ts';
import type { MachineAction } from '../defender/entity.ts';
import { queryActions } from '../defender/query.ts';
import { type IntakeLedger, runIntake } from '../engine/intake.ts';
import type { Screening } from '../engine/screening.ts';
import { UsageError } from '../errors.ts';
import { refuseSecretFile, refuseSecretText } from '../identity/session-secrets.ts';
import { bytesUntil, type SourceBytes } from '../intake/open-source.ts';
import { queryIds } from '../intake/query-ids.ts';
import { readIds } from '../intake/read-ids.ts';
import type { Intake } from '../intake/rows.ts';
import type { Job, JobSource } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { type Logger, silentLog } from '../log.ts';
import type { Context } from './console.ts';
import { countOddities } from './list.ts';
import type { Machine } from './machine.ts';

/** Rows with a priority that is none, told one by one. */
const ODD_TOLD = 20;

/** What messages call a source. */
function sourceName(source: JobSource): string {
  return source.kind === 'query' ? 'the query' : (source.path ?? 'stdin');
}

/** Opens the file, so that a wrong name is told before a ledger is made. */
export async function openIds(
  source: JobSource,
  { secrets, sources }: Pick<Machine, 'secrets' | 'sources'>,
): Promise<SourceBytes | undefined> {
  if (source.kind === 'query') return undefined;
  const { path } = source;
  return path === undefined ? sources.stdin() : sources.open(path, (file) => refuseSecretFile(secrets, file, path));
}

/** Reads a file or stdin into the ledger. Rejects with the signal's reason as soon as it aborts, whatever the source is waited for. */
export async function intakeBytes(
  ledger: IntakeLedger,
  bytes: SourceBytes,
  job: Job,
  signal: AbortSignal,
  { secrets, say, log }: Pick<Context, 'secrets' | 'say'> & { log: Pick<Logger, 'warn'> },
): Promise<void> {
  const { source, strictInput: strict } = job;
  const name = sourceName(source);
  const intake = readIds(bytesUntil(signal, bytes), {
    name,
    column: source.kind === 'query' ? undefined : source.column,
  });
  const refuse = (comment: string, line: number) =>
    refuseSecretText(secrets, comment, `the comment of ${name}, line ${line},`);
  let odd = 0;
  const onNoPriority = (text: string, line: number) => {
    if (odd < ODD_TOLD)
      say(`warning: ${name}, line ${line}: the priority "${oneLine(text, 40)}" is not a number and counts as 0\n`);
    odd++;
  };
  await runIntake(ledger, intake, { strict, signal, name, refuse, onNoPriority });
  if (odd > ODD_TOLD) say(`warning: and ${odd - ODD_TOLD} more priorities that are not numbers\n`);
  for (const sentence of intake.remarks()) log.warn(sentence);
}

/** Reads a source as {@link intakeBytes} does, and keeps nothing but its IDs, until it is over. Throws a UsageError for one that cannot be taken. */
export async function readThrough(
  bytes: SourceBytes,
  job: Job,
  machine: Pick<Machine, 'secrets' | 'interrupts'>,
): Promise<void> {
  const ids = new Set<string>();
  const ledger: IntakeLedger = {
    beginIntake: () => {},
    admit: ({ id }) => {
      if (ids.has(id)) return Promise.resolve('repeated');
      ids.add(id);
      return Promise.resolve('admitted');
    },
    reject: () => Promise.resolve(),
    intake: () => Promise.resolve(),
  };
  // What it warns of is told when it is read for good.
  const untold = { secrets: machine.secrets, say: () => {}, log: silentLog };
  await intakeBytes(ledger, bytes, job, machine.interrupts.signal, untold);
}

/** Asks Defender for what matches; what its pages show counts as looked up. */
export async function intakeQuery(
  ledger: Ledger,
  job: Job,
  defender: Defender,
  screening: Pick<Screening, 'saw'>,
  signal: AbortSignal,
  log: Pick<Logger, 'warn'>,
): Promise<void> {
  if (job.source.kind !== 'query') throw new Error('not a query');
  const seen: MachineAction[] = [];
  const oddities = countOddities();
  const intake: Intake = queryIds(noting(queryActions(defender, job.source.query, signal, oddities), seen));
  await runIntake(ledger, intake, { strict: job.strictInput, signal, name: 'the query' });
  for (const sentence of oddities.sentences()) log.warn(sentence);
  await screening.saw(seen);
}

async function* noting(actions: AsyncIterable<MachineAction>, seen: MachineAction[]): AsyncGenerator<MachineAction> {
  for await (const action of actions) {
    seen.push(action);
    yield action;
  }
}

/** Whether the file still holds what its last reading did. Rejects with the signal's reason as soon as it aborts. */
export async function isUnchanged(
  path: string,
  intake: NonNullable<RunState['intake']>,
  signal: AbortSignal,
  sources: Machine['sources'],
): Promise<boolean> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of bytesUntil(signal, await sources.open(path))) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return bytes === intake.bytes && hash.digest('hex') === intake.sha256;
}

/** Throws a UsageError where the rest of a half-read stdin is gone. */
export function refuseHalfStdin(job: Job, before: RunState | undefined): void {
  if (job.source.kind !== 'stdin' || before === undefined) return;
  if (before.intake !== undefined && !before.readingUnfinished) return;
  throw new UsageError(
    'stdin was not read to its end when this run was interrupted, and its rest is gone: nothing was sent; run it again with the whole ' +
      'list',
  );
}
