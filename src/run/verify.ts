import { inSession, type SessionEnd } from '../engine/session.ts';
import { toVerify, type Verified, verifyAll } from '../engine/verify.ts';
import { DamageError, UsageError, WorkLeftError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Flags } from '../job/given-settings.ts';
import { type CheckedLedger, checkLedger, type HeadFound } from '../ledger/read-ledger.ts';
import type { CloseReason } from '../ledger/record.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import type { WindowLeft } from '../quota/quota.ts';
import { summarise } from '../report/facts/summary.ts';
import type { LedgerView } from '../report/facts/view.ts';
import { jsonDocument, jsonText } from '../report/json.ts';
import { textTable } from '../report/table.ts';
import type { FoundRun } from '../store/store.ts';
import { styled } from '../styled.ts';
import { assemble } from './assemble.ts';
import type { Console, Context } from './console.ts';
import { finish } from './finish.ts';
import { type Holding, makeHolding } from './holding.ts';
import { claimReleaseList } from './outputs.ts';
import { factsBeside } from './plan-facts.ts';
import { viewOf } from './read-view.ts';
import { holdExisting, ledgerGiven, refuseSecretUse, type Target, targetOf } from './target.ts';

export interface VerifyOptions {
  ledger: string;
  flags: Flags;
  /** The head that was noted, 32 hex digits in lower case. */
  head: string | undefined;
  /** Only the chain is checked: nothing is written or sent. */
  offline: boolean;
  json: boolean;
}

/** `verify`: checks the ledger's chain, then looks up what is not final yet. Cancels nothing. Throws a DamageError for a chain that does not hold. */
export async function verifySession(options: VerifyOptions, context: Context): Promise<ExitCode> {
  const { flags, head, offline, json } = options;
  const path = await ledgerGiven(options.ledger, context);
  if (offline) return checkOffline({ ...options, ledger: path }, context);
  await using holding = makeHolding(context);
  const { found } = await holdExisting(path, holding, context, head);
  const { text, broken } = integrityText(path, found);
  if (broken) throw new DamageError(text.trimEnd());
  (json ? context.say : context.out)(text);
  const target = targetOf(path, found, flags, context);
  return await lookUp({ target, found, holding, json }, context);
}

/** Without its lock, so that an archive can be checked and a run that goes on. */
async function checkOffline({ ledger, head, json }: VerifyOptions, context: Context): Promise<ExitCode> {
  const checked = await checkLedger(ledger, context.store, head);
  const { text, broken } = integrityText(ledger, checked);
  if (json) {
    const { records, from, to, tornBytes, fault } = checked;
    const shown = { ledger, intact: !broken, records, from, to, head: checked.head, tornBytes, fault };
    context.out(styled(jsonDocument(shown)));
  } else if (!broken) context.out(text);
  if (broken) throw new DamageError(text.trimEnd());
  return 0;
}

interface LookUp {
  target: Target;
  found: FoundRun;
  holding: Holding;
  json: boolean;
}

/** What the ledger leaves open is looked up. */
async function lookUp({ target, found, holding, json }: LookUp, context: Context): Promise<ExitCode> {
  refuseSecretUse(target, context);
  const { job, state } = target;
  await claimReleaseList(job, context);
  if (state === undefined || state.start === undefined || toVerify(state).length === 0) {
    context.say(`Nothing is left to look up${uncalled(state)}.\n`);
    // The run as its ledger tells it: no session was begun to end with that.
    const view = viewOf(job.ledger, found, holding.tracer.trace);
    const { plan, forecast } = await factsBeside([view], context);
    const { storeWords } = context;
    const summary = summarise([view], { nowMs: context.clock.wallMs(), plan, forecast, storeWords });
    if (json) context.out(styled(jsonText(summary)));
    // As the run stands: one that needs a look needs it after a second verify too.
    return summary.exitCode ?? 0;
  }
  let verified: Verified[] = [];
  let end: SessionEnd;
  let view: LedgerView;
  let left: readonly WindowLeft[] | undefined;
  {
    await using parts = await assemble({ target, holding }, context);
    end = await inSession(parts, async () => {
      const { engine } = await parts.connect({ cancels: false });
      verified = await verifyAll(engine);
      return reasonAfter(parts.ledger.state, verified);
    });
    view = await parts.view();
    left = parts.quota?.left();
  }
  (json ? context.say : context.out)(styled(changesText(verified, context)));
  return (await finish({ view, end, json, left }, context)).exitCode;
}

/** So that nobody takes a run with work left for one that is over. */
function uncalled(state: RunState | undefined): string {
  const left = state === undefined ? 0 : [...state.left()].length;
  return left === 0 ? '' : `, but ${left} of ${state?.actions.size} actions were not called yet`;
}

/** A run that was interrupted stays so: looking is not finishing. */
function reasonAfter(state: RunState, verified: readonly Verified[]): CloseReason {
  if (verified.length > 0 && verified.every(({ status, now }) => status === undefined && now === undefined)) {
    throw new WorkLeftError('no lookup was answered, so nothing new is known; run verify again later');
  }
  const last = state.sessions.at(-2)?.closed?.reason;
  return last === undefined ? 'interrupted' : last;
}

function changesText(verified: readonly Verified[], { terminal }: Console): string {
  const changed = verified.filter(({ now }) => now !== undefined);
  const message = `${changed.length} of ${verified.length} actions that were not final are settled now.\n`;
  if (changed.length === 0) return message;
  const rows = changed.map(({ id, computer, was, now }) => [id, computer ?? '', was, now ?? '']);
  const columns = [{ head: 'Action' }, { head: 'Device' }, { head: 'Was' }, { head: 'Now' }];
  return `${message}${textTable(columns, rows, terminal)}\n`;
}

/** What the check of a chain says in words. `broken`: exit 12. Throws a UsageError for a file that holds nothing. */
function integrityText(path: string, checked: CheckedLedger): { text: string; broken: boolean } {
  const { records, from, to, head, tornBytes, fault, headFound } = checked;
  if (records === 0 && fault === undefined && headFound === undefined) {
    throw new UsageError(`${path} holds no ledger record: check the name, or restore the file from a copy`);
  }
  if (fault !== undefined) {
    const text = `${path} is damaged: line ${fault.line} ${fault.what}; the ${records} records before it are intact\n`;
    return { text, broken: true };
  }
  if (headFound !== undefined && headFound.kind !== 'last') {
    const text = `${path} has head ${head}. The head you gave ${whereIs(headFound)}\n`;
    return { text, broken: true };
  }
  const span =
    from === undefined || to === undefined ? '' : `, ${new Date(from).toISOString()} to ${new Date(to).toISOString()}`;
  const torn = tornBytes > 0 ? `; ${tornBytes} bytes of an unfinished last line (harmless)` : '';
  return { text: `${path} is intact: ${records} records${span}, head ${head}${torn}\n`, broken: false };
}

function whereIs(found: Exclude<HeadFound, { kind: 'last' }>): string {
  return found.kind === 'earlier'
    ? `is that of line ${found.line}: records were added since`
    : 'does not occur: records were removed from the end, or this is another ledger';
}
