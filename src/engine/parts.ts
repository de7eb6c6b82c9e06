import type { Clock } from '../clock.ts';
import type { Defender } from '../defender/client.ts';
import type { Job } from '../job/job.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../log.ts';
import type { Gate } from '../quota/gate/gate.ts';
import type { Lookups } from './lookups.ts';
import type { Stop } from './session.ts';

/** What the engine is handed; it builds none of it. */
export interface EngineParts {
  job: Job;
  ledger: Ledger;
  defender: Defender;
  gate: Gate;
  lookups: Lookups;
  stop: Stop;
  clock: Clock;
  random: () => number;
  log: Logger;
  /**
   * Whether a token's own words still permit cancelling; undefined when they do not say (an opaque token).
   * Asked after five refusals in a row, with a renewed token.
   */
  permits(token: string): boolean | undefined;
}
