import type { Flags } from '../../src/job/given-settings.ts';
import { throwIfDamaged } from '../../src/ledger/read-ledger.ts';
import type { Context } from '../../src/run/console.ts';
import type { MissingAnswer } from '../../src/run/missing.ts';
import { planSession } from '../../src/run/plan.ts';
import { runSession } from '../../src/run/run.ts';
import { ledgerTarget, onTarget, resolveTarget } from '../../src/run/target.ts';
import { verifySession } from '../../src/run/verify.ts';
import { jobFlags, repeatedFlags, sourceArgument, UNLIMITED } from './job.ts';
import type { Scenario } from './scenario.ts';

export interface Command {
  /** `start`: `run LEDGER` of a plan. `nightly`: `run JOB` as a scheduler types it, without naming a ledger. */
  kind: 'plan' | 'run' | 'start' | 'resume' | 'verify' | 'nightly';
  /** Of its ledger. */
  path: string;
  /** `--head`: that of the ledger as it was reviewed. */
  head?: string | undefined;
  missing: MissingAnswer;
  retry: ReadonlySet<string>;
  /** Its limits are lifted. */
  calm: boolean;
}

/** Types a command, as `cli/commands` reads it. Resolves to its exit code, and throws as the command does. */
export async function command(context: Context, scenario: Scenario, given: Command): Promise<number> {
  const { kind, path, head, missing, retry, calm } = given;
  const limits = calm ? UNLIMITED : {};
  const source = sourceArgument(scenario);
  const flags = { ...jobFlags(scenario, path), ...limits };
  const repeated = { ...repeatedFlags(scenario), ...limits };
  const how = { yes: true, json: true, missing, retry };
  switch (kind) {
    case 'plan':
      return (await planSession({ source, flags, json: true }, context)).exitCode;
    case 'verify':
      return verifySession(
        {
          ledger: path,
          flags: repeatedFlags(scenario),
          head,
          json: true,
          showIntegrity: ({ fault }) => {
            throwIfDamaged(path, fault);
            return 'go on';
          },
          showChanges: () => undefined,
        },
        context,
      );
    case 'run':
    case 'nightly':
      return onTarget(
        () => resolveTarget(source, kind === 'nightly' ? withoutLedger(flags) : flags, context, { plan: false }),
        (target) => runSession({ target, ...how }, context),
      );
    case 'start':
    case 'resume':
      return onTarget(
        () => ledgerTarget(path, head === undefined ? repeated : { ...repeated, head }, context),
        (target) => runSession({ target, ...how }, context),
      );
  }
}

function withoutLedger({ ledger: _ledger, ...flags }: Flags): Flags {
  return flags;
}
