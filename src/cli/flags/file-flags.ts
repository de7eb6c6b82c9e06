import type { Output, Outputs } from '../../run/outputs.ts';
import type { Args, Flag } from '../command.ts';

/** Where `--html` and `--csv` go; undefined where they were not asked for. */
export interface FilePlaces {
  html: Output | undefined;
  csv: Output | undefined;
}

/** Throws a UsageError for a place where no output goes, before anything is done. */
export async function filePlaces(args: Args, outputs: Outputs): Promise<FilePlaces> {
  return {
    csv: await outputs.claimIfGiven('--csv', args['csv']),
    html: await outputs.claimIfGiven('--html', args['html']),
  };
}

/** The files of `plan`, and of `run --dry-run`, which is the same. `when` is said before what each does. */
export function planFileOptions(when = ''): Record<'html' | 'csv', Flag> {
  const file = (describe: string): Flag => ({
    describe: `${when}${describe}`,
    type: 'string',
    requiresArg: true,
    placeholder: 'FILE',
  });
  return {
    html: file('write the plan as an HTML page'),
    csv: file('write one row an action: decision and reason'),
  };
}
