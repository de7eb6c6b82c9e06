import { EXIT_CODES } from '../../exit-codes.ts';
import { wrap } from '../../report/format.ts';

const COLUMNS = 78;
const INDENT = 7;

/** For help texts: every exit code and what it means, with hanging lines. */
export const EXIT_TABLE = Object.entries(EXIT_CODES)
  .map(
    ([code, { means }]) =>
      `${code.padStart(INDENT - 2)}  ${wrap(means, COLUMNS - INDENT).join(`\n${' '.repeat(INDENT)}`)}`,
  )
  .join('\n');
