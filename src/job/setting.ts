import { z } from 'zod';
import { commentFault } from '../comment.ts';
import { ORDERS } from '../ledger/record.ts';
import { type Moment, resolveMoment } from './values.ts';

/** What a setting is called everywhere, what it takes and what it means. All that is known of it stands in its row, but for what it does. */
export interface Setting {
  /** Without the dashes. Its environment variable is {@link variableOf}. */
  flag: string;
  /** Path in the job file, or undefined when a job file cannot hold it. */
  job?: string;
  /** Why not, said to a person who tries. */
  notInJob?: string;
  /** How the text of a flag or variable becomes what `value` takes. `texts` is repeatable; a variable holds a comma-separated list. */
  kind: 'text' | 'texts' | 'number' | 'whole' | 'boolean';
  value: z.ZodType;
  /** No entry of this list holds a comma: `100/1m,1500/1h` is two of them in a flag too. */
  commasSeparate?: true;
  /** What stands for the value in help texts; none for a boolean. Where there are few choices, they stand there instead. */
  placeholder?: string;
  /** Names that it may hold, known so far, where others are taken too. */
  known?: readonly string[];
  /** As a person would write it. */
  default?: string;
  /** A variable of other tools that is read when nothing else says. */
  fallbackVariable?: string;
  /** A relative path: from the job file's folder when it stands there, else from the current folder. */
  isPath?: boolean;
  description: string;
  /** Under which head the help lists it. */
  group: 'The run' | 'Guards' | 'Pace' | 'Where' | 'Sign-in' | 'Output';
  /** Where it stands in a frozen job; none for what is part of the source. */
  frozen?: Frozen;
  /** Each job has it, if only by what SOURCE, the environment or the token says. So it is with a default, and a list may be empty. */
  always?: true;
  /** Whether a resume may change it; what names the run (tenant, host, comment, source) may not. */
  resume: boolean;
  /**
   * What a ledger may say of it, whoever wrote the ledger. `kept`: it narrows, or names the run. `ignored`: counts only where this session
   * gives it, being a file to write or remove, or a permission. `repeated`: must be given again where it reaches outside (`from-ledger.ts`).
   */
  fromLedger: 'kept' | 'ignored' | 'repeated';
  /** A run that its job file goes on with has it as the file says today: it sets the pace, not what is cancelled. */
  followsJob?: true;
  /** Chooses the actions, so it is part of what was reviewed in a plan. */
  chooses?: true;
  /** Keeps a run from doing more than was meant: who misspells its variable is refused, not warned. */
  safety?: true;
  /** How a report says it, given the frozen value; undefined for what a report does not list among the guards. */
  words?: (value: never) => string;
}

export interface Frozen {
  /** Key, or section and key, with the unit in its name. */
  at: string;
  /** What stands there. @default what `value` gives */
  as?: z.ZodType;
  /** From what `value` gives to what stands there, at a moment (epoch ms), and back. @default the same */
  freeze?: (value: never, nowMs: number) => unknown;
  thaw?: (frozen: never) => unknown;
}

/** The environment variable of a flag: `--max-actions` is `COUNTERMAND_MAX_ACTIONS`. */
export function variableOf(flagName: string): string {
  return `COUNTERMAND_${flagName.toUpperCase().replaceAll('-', '_')}`;
}

/**
 * What a frozen job holds where that is not what a person writes: the other side of `values.ts`. A ledger may come from anybody, so each says what
 * it takes.
 */

const LONGEST = 256;
export const TEXT = z.string();

export const TEXTS = z.array(z.string()).readonly();

/** Both go into the address that a token is asked from. */
export const TENANT = z
  .string()
  .max(LONGEST)
  .regex(/^[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*$/);

export const CLIENT = z
  .string()
  .max(LONGEST)
  .regex(/^[A-Za-z0-9._-]+$/);

export const COMMENT = z.string().refine((text) => commentFault(text) === undefined);
export const ABOVE_ZERO = z.number().positive();

export const NOT_NEGATIVE = z.number().min(0);

export const WINDOWS = z
  .array(z.object({ calls: z.int().positive(), perMs: ABOVE_ZERO }))
  .min(1)
  .readonly();

/** Earlier ledgers do not name it. */
export const ORDER = z.enum(ORDERS).default('source');

export const FAILURE_LIMIT = z.union([
  z.object({ percent: z.number().min(0).max(100) }),
  z.object({ count: z.int().min(0) }),
]);

/** An ISO time, UTC: ages are resolved when the job is frozen. */
export const AS_MOMENT = {
  as: z.iso.datetime(),
  freeze: (moment: Moment, nowMs: number): string => resolveMoment(moment, nowMs),
  thaw: (iso: string): Moment => ({ iso }),
};
