import { UsageError } from '../../errors.ts';
import { show } from '../../job/given-settings.ts';
import type { Args, Flag, HelpHead } from '../command.ts';

/** A flag that takes a whole number. */
export interface Whole {
  describe: string;
  head: HelpHead;
  /** What the number is, for messages. @default 'a whole number' */
  unit?: string;
  least: number;
  most: number;
}

export function wholeFlag({ describe, head, ...range }: Whole): Flag {
  return {
    ...{ describe, head, type: 'string', requiresArg: true, placeholder: 'N' },
    fault: (text) => (numberIn(text, range) === undefined ? `${inWords(range)}, not ${show(text)}` : undefined),
  };
}

/** Undefined where it was not given. Throws a UsageError for what is no such number. */
export function wholeOf(args: Args, flag: string, range: Whole): number | undefined {
  if (args[flag] === undefined) return undefined;
  const found = numberIn(String(args[flag]), range);
  if (found !== undefined) return found;
  throw new UsageError(`--${flag} must be ${inWords(range)}, not ${show(args[flag])}`);
}

type Range = Pick<Whole, 'unit' | 'least' | 'most'>;

function inWords({ unit = 'a whole number', least, most }: Range): string {
  return `${unit} from ${least} to ${most}`;
}

function numberIn(text: string, { least, most }: Range): number | undefined {
  const found = /^\d{1,9}$/.test(text.trim()) ? Number(text) : Number.NaN;
  return found >= least && found <= most ? found : undefined;
}
