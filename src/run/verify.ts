import { inSession, type SessionEnd } from '../engine/session.ts';
import { toVerify, type Verified, verifyAll } from '../engine/verify.ts';
import { DamageError, LockedError, UsageError, WorkLeftError } from '../errors.ts';
import type { ExitCode } from '../exit-codes.ts';
import type { Flags } from '../job/given-settings.ts';
import { ledgerTyped } from '../job/ledger-name.ts';
import { checkLedger } from '../ledger/read-ledger.ts';
import type { CloseReason } from '../ledger/record.ts';
import type { RunState } from '../ledger/state/run-state.ts';
import { type Summary, summarise } from '../report/facts/summary.ts';
import type { LedgerView } from '../report/facts/view.ts';
import { jsonDocument, jsonText } from '../report/json.ts';
import { textTable } from '../report/table.ts';
import { styled } from '../styled.ts';
import { assemble } from './assemble.ts';
import type { Console, Context } from './console.ts';
import { finish } from './finish.ts';
import { integrityText } from './integrity-text.ts';
import { claimReleaseList } from './outputs.ts';
import { planFactsOf } from './plan-facts.ts';
import { readView } from './read-view.ts';
import { refuseSecretUse } from './refuse-secret-use.ts';
import { ledgerTarget, onTarget, type Target } from './target.ts';

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
  const { cwd, store } = context;
  const ledger = ledgerTyped(options.ledger, { cwd, inStore: store.keeps === 'runs' });
  const checked = await checkLedger(ledger, store, head);
  const { text, broken } = integrityText(ledger, checked);
  if (offline && json) {
    const { records, from, to, tornBytes, fault } = checked;
    const shown = { ledger, intact: !broken, records, from, to, head: checked.head, tornBytes, fault };
    context.out(styled(jsonDocument(shown)));
  } else if (!broken) (json ? context.say : context.out)(text);
  if (broken) throw new DamageError(text.trimEnd());
  if (offline) return 0;
  return onTarget(
    () => ledgerTarget(options.ledger, flags, context),
    (target) => lookUp(target, checked.head, json, context),
  );
}

/** What the ledger leaves open is looked up, if it still is the one whose chain was checked. */
async function lookUp(target: Target, checkedHead: string, json: boolean, context: Context): Promise<ExitCode> {
  refuseSecretUse(target, context);
  const { job, before, head } = target;
  const unfit = (await context.store.stat(job.ledger))?.unfit;
  if (unfit !== undefined) throw new UsageError(unfit);
  await claimReleaseList(job, context);
  if (before === undefined || before.start === undefined || toVerify(before).length === 0) {
    context.say(`Nothing is left to look up${uncalled(before)}.\n`);
    const summary = await summaryOf(job.ledger, context);
    if (json) context.out(styled(jsonText(summary)));
    // As the run stands: one that needs a look needs it after a second verify too.
    return summary.exitCode ?? 0;
  }
  if (head !== checkedHead) {
    throw new LockedError(
      `The ledger ${job.ledger} was written to while it was being verified: wait until nobody works on it, then verify again.`,
    );
  }
  let verified: Verified[] = [];
  let end: SessionEnd;
  let view: LedgerView;
  {
    await using parts = await assemble({ job, existing: 'existing', before, head }, context);
    end = await inSession(parts, async () => {
      const { engine } = await parts.connect({ cancels: false });
      verified = await verifyAll(engine);
      return reasonAfter(parts.ledger.state, verified);
    });
    view = await parts.view();
  }
  (json ? context.say : context.out)(styled(changesText(verified, context)));
  return (await finish({ view, end, json }, context)).exitCode;
}

/** So that nobody takes a run with work left for one that is over. */
function uncalled(before: RunState | undefined): string {
  const left = before === undefined ? 0 : [...before.left()].length;
  return left === 0 ? '' : `, but ${left} of ${before?.actions.size} actions were not called yet`;
}

/** The run as its ledger tells it, where no session was begun to end with that. */
async function summaryOf(ledger: string, { clock, store }: Context): Promise<Summary> {
  const view = await readView(store, ledger);
  return summarise([view], { nowMs: clock.wallMs(), plan: planFactsOf([view]) });
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
