import type { Flags } from '../../src/job/given-settings.ts';
import { admitSource } from '../../src/run/admit.ts';
import type { MissingAnswer } from '../../src/run/approve.ts';
import type { Context } from '../../src/run/console.ts';
import { planSession } from '../../src/run/plan.ts';
import { resumeLedger, runSource } from '../../src/run/run.ts';
import { verifySession } from '../../src/run/verify.ts';
import { jobFlags, repeatedFlags, sourceArgument, UNLIMITED } from './job.ts';
import type { Scenario } from './scenario.ts';

export interface Command {
  /**
   * `start`: `run LEDGER` of a plan. `nightly`: `run JOB` as a scheduler types it, without naming a ledger. `submit-plan`:
   * as a campaign submits what is to be planned.
   */
  kind: 'plan' | 'run' | 'start' | 'resume' | 'verify' | 'nightly' | 'submit' | 'submit-plan';
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
  const how = { yes: true, json: true };
  switch (kind) {
    case 'plan':
      return (await planSession({ source, flags, json: true }, context)).exitCode;
    case 'submit':
    case 'submit-plan':
      await admitSource({ source, flags, yes: true, step: kind === 'submit' ? 'run' : 'plan' }, context);
      return 0;
    case 'verify':
      return verifySession({ ledger: path, flags: repeatedFlags(scenario), head, offline: false, json: true }, context);
    case 'run':
      return runSource({ source, flags, missing, ...how }, context);
    case 'nightly':
      return runSource({ source, flags: withoutLedger(flags), missing, ...how }, context);
    case 'start':
      return runSource(
        { source: path, flags: { ...repeated, ...(head === undefined ? {} : { head }) }, missing, ...how },
        context,
      );
    case 'resume':
      return resumeLedger({ ledger: path, flags: repeated, retry, ...how }, context);
  }
}

function withoutLedger({ ledger: _ledger, ...flags }: Flags): Flags {
  return flags;
}
