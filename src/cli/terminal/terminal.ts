import type { Terminal } from '../../report/format.ts';

/** Reports never grow wider than this, so that they can be pasted into a ticket. */
const WIDEST = 100;
const NARROWEST = 40;

/** `NO_COLOR`, `CI` and `TERM=dumb` make it plain, as does anything that is not a terminal; it counts as 80 columns wide. */
export function terminalOf(
  stream: { isTTY?: boolean | undefined; columns?: number | undefined },
  env: Readonly<Record<string, string | undefined>>,
): Terminal {
  const plain = !stream.isTTY || Boolean(env['NO_COLOR']) || Boolean(env['CI']) || env['TERM'] === 'dumb';
  const columns = stream.isTTY ? (stream.columns ?? 80) : 80;
  return { columns: Math.max(NARROWEST, Math.min(WIDEST, columns)), plain };
}
