import type { SystemCall } from './trace-reader.ts';

/** A moment in a traced command's life, named by what is written. */
export interface Moment {
  edge: SystemCall['edge'];
  call: 'write' | 'fdatasync' | 'writev';
  /** What is written; for fdatasync, what the last write before it holds. */
  of: RegExp;
  /** Only once this was written. */
  after?: RegExp;
  /** @default 1 */
  nth?: number;
}

/** Tells the moment among the calls of one command; each command needs its own. */
export function isMoment({ edge, call: name, of, after, nth = 1 }: Moment): (call: SystemCall) => boolean {
  let written = '';
  let begun = after === undefined;
  let left = nth;
  return (call) => {
    if (call.name === 'write' && call.edge === 'entry') written = call.args;
    const text = call.name === 'fdatasync' ? written : call.args;
    const matches = begun && call.name === name && call.edge === edge && of.test(text);
    if (after?.test(call.args)) begun = true;
    return matches && --left === 0;
  };
}
