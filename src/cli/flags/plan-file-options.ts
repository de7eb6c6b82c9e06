import type { Options } from 'yargs';

/** The files of `plan`, and of `run --dry-run`, which is the same. `when` is said before what each does. */
export function planFileOptions(when = ''): Record<'html' | 'csv', Options> {
  const file = (describe: string): Options => ({ describe: `${when}${describe}`, type: 'string', requiresArg: true });
  return {
    html: file('write the plan as an HTML page'),
    csv: file('write one row an action: decision and reason'),
  };
}
