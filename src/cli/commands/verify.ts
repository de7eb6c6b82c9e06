import { inSession, type SessionEnd } from '../../engine/session.ts';
import { toVerify, type Verified, verifyAll } from '../../engine/verify.ts';
import { DamageError, LockedError, WorkLeftError } from '../../errors.ts';
import type { ExitCode } from '../../exit-codes.ts';
import { SETTING_NAMES } from '../../job/settings.ts';
import type { CloseReason } from '../../ledger/record.ts';
import type { RunState } from '../../ledger/state/run-state.ts';
import { type Summary, summarise } from '../../report/facts/summary.ts';
import { jsonDocument, jsonText } from '../../report/json.ts';
import { textTable } from '../../report/table.ts';
import { assemble } from '../../run/assemble.ts';
import { finish } from '../../run/finish.ts';
import { readHead } from '../../run/head.ts';
import { claimReleaseList } from '../../run/outputs.ts';
import { planFactsOf } from '../../run/plan-facts.ts';
import { readView } from '../../run/read-view.ts';
import { refuseSecretUse } from '../../run/refuse-secret-use.ts';
import { ledgerTarget, onTarget, type Target } from '../../run/target.ts';
import { fileDisk } from '../../store/folder/file-disk.ts';
import { refuseLinked } from '../../store/folder/open.ts';
import { checkLedger } from '../../store/folder/read.ts';
import { styled } from '../../styled.ts';
import type { Command } from '../command.ts';
import type { CliContext } from '../context.ts';
import { settingOptions } from '../flags/setting-flags.ts';
import { reportTerminal } from '../terminal/terminal.ts';
import { integrityText } from '../views/integrity-text.ts';

export const verify: Command = {
  usage: 'verify <ledger>',
  describe:
    "Checks the ledger's chain, then looks up what is not final yet, records what Defender shows by now, and tells what changed. Cancels nothing.",
  positionals: { ledger: { describe: 'the ledger of a run or a plan' } },
  options: () => ({
    ...settingOptions(SETTING_NAMES.filter((name) => name !== 'comment' && name !== 'column')),
    offline: { describe: 'only check the chain; writes and sends nothing', type: 'boolean', default: false },
    head: {
      describe: 'the last chain value as it was noted; finds removed last lines',
      type: 'string',
      requiresArg: true,
    },
    json: { describe: 'one JSON document on stdout', type: 'boolean', default: false },
  }),
  examples: [
    ['verify ledgers/incident.jsonl', 'what became of the unconfirmed ones?'],
    ['verify ledgers/incident.jsonl --offline --head 3f2a90c1d4e5b6770b8a6c2f9e1d4a35', 'is it what was archived?'],
  ],
  run: async (args, context) => {
    const json = args['json'] === true;
    const { ledger: path, head: _head, ...flags } = args;
    const head = args['head'] === undefined ? {} : { head: readHead(args['head']) };
    const checked = await checkLedger({ path: String(path), disk: fileDisk, ...head });
    const { text, broken } = integrityText(String(path), checked);
    if (args['offline'] === true && json) {
      const { records, from, to, tornBytes, fault } = checked;
      const shown = { ledger: path, intact: !broken, records, from, to, head: checked.head, tornBytes, fault };
      context.out(styled(jsonDocument(shown)));
    } else if (!broken) (json ? context.say : context.out)(text);
    if (broken) throw new DamageError(text.trimEnd());
    if (args['offline'] === true) return 0;

    return onTarget(
      () => ledgerTarget(String(path), flags, context),
      (target) => lookUp(target, checked.head, json, context),
    );
  },
};

/** What the ledger leaves open is looked up, if it still is the one whose chain was checked. */
async function lookUp(target: Target, checkedHead: string, json: boolean, context: CliContext): Promise<ExitCode> {
  refuseSecretUse(target, context);
  const { job, before, head } = target;
  const facts = await fileDisk.stat(job.ledger);
  if (facts !== undefined) refuseLinked(facts, job.ledger);
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
  {
    await using parts = await assemble({ job, existing: 'existing', before, head }, context);
    end = await inSession(parts, async () => {
      const { engine } = await parts.connect({ cancels: false });
      verified = await verifyAll(engine);
      return reasonAfter(parts.ledger.state, verified);
    });
  }
  (json ? context.say : context.out)(styled(changesText(verified, context)));
  return (await finish({ ledger: job.ledger, end, json }, context)).exitCode;
}

/** So that nobody takes a run with work left for one that is over. */
function uncalled(before: RunState | undefined): string {
  const left = before === undefined ? 0 : [...before.left()].length;
  return left === 0 ? '' : `, but ${left} of ${before?.actions.size} actions were not called yet`;
}

/** The run as its ledger tells it, where no session was begun to end with that. */
async function summaryOf(ledger: string, { clock }: CliContext): Promise<Summary> {
  const view = await readView(fileDisk, ledger);
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

function changesText(verified: readonly Verified[], { env }: CliContext): string {
  const changed = verified.filter(({ now }) => now !== undefined);
  const message = `${changed.length} of ${verified.length} actions that were not final are settled now.\n`;
  if (changed.length === 0) return message;
  const rows = changed.map(({ id, computer, was, now }) => [id, computer ?? '', was, now ?? '']);
  const columns = [{ head: 'Action' }, { head: 'Device' }, { head: 'Was' }, { head: 'Now' }];
  return `${message}${textTable(columns, rows, reportTerminal(process.stdout, env))}\n`;
}
