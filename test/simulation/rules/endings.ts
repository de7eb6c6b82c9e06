import { needsLook } from '../../../src/ledger/outcomes.ts';
import type { Exit } from '../facts.ts';
import type { LedgerWatch } from '../ledger-watch.ts';
import type { Invariant } from './rule.ts';

/** What a session that came to its end says and leaves beside its ledger. */
export const ENDING_RULES: readonly Invariant[] = [
  {
    name: 'verdict',
    promise:
      'Exit code 0 says that nothing is left to do or to look at, 3 that somebody has to look, and both are true.',
    check: { exit: (exit) => (isOver(exit) ? wrongVerdict(exit.code, exit.watch) : undefined) },
  },
  {
    name: 'release list',
    promise: 'The list beside a ledger names exactly the isolations that took effect all the same.',
    check: {
      exit: (exit) => {
        if (!isOver(exit)) return undefined;
        const listed = [...(exit.releases ?? '').matchAll(/^[0-9a-f-]{36}/gm)].map(([id]) => id);
        const meant = [...toRelease(exit.watch)];
        const differ = listed.toSorted().join() !== meant.toSorted().join();
        return differ ? `${listed.length} are listed, and ${meant.length} took effect` : undefined;
      },
    },
  },
  {
    name: 'read',
    promise: 'A run that comes to its end has admitted every ID that its source names.',
    check: {
      exit: (exit) => {
        const { worker, named } = exit;
        if (!isOver(exit) || worker.kind !== 'run' || named === undefined) return undefined;
        const missing = named.filter((id) => !exit.watch.admitted.has(id));
        return missing.length === 0 ? undefined : `${missing.length} of ${named.length} IDs were not read`;
      },
    },
  },
];

type Over = Exit & { watch: LedgerWatch };

/** A session that finished a run, on a ledger that nobody else has touched since. */
function isOver(exit: Exit): exit is Over {
  const { worker, code, watch } = exit;
  if (watch === undefined || worker.disturbed || worker.swappedAtMs !== undefined) return false;
  const isRun = worker.kind === 'run' || worker.kind === 'start' || worker.kind === 'resume';
  return isRun && (code === 0 || code === 3) && watch.closed === 'finished';
}

function wrongVerdict(code: number, watch: LedgerWatch): string | undefined {
  const open = [...watch.admitted].filter((id) => !watch.outcomes.has(id)).length;
  if (open > 0) return `exit ${code} with ${open} actions left`;
  const looks = [...watch.outcomes.values()].filter(needsLook).length + [...toRelease(watch)].length;
  if (code === 0 && looks > 0) return `exit 0 with ${looks} actions to look at`;
  const rejected = watch.written.some(({ record }) => record.kind === 'reject');
  return code === 3 && looks === 0 && !rejected ? 'exit 3 with nothing to look at' : undefined;
}

/** By the records alone: what an isolation's last look and last outcome say. */
function toRelease(watch: LedgerWatch): Set<string> {
  const screened = new Map<string, { type: string; status: string }>();
  const found = new Set<string>();
  for (const { record } of watch.written) {
    if (record.kind === 'screen') screened.set(record.id, record);
    if (record.kind === 'intent' && record.route === 'cancel' && record.id !== undefined) found.delete(record.id);
    if (record.kind !== 'outcome') continue;
    const { type, status } = screened.get(record.id) ?? {};
    const tookEffect =
      record.outcome === 'ran-anyway' ||
      (record.outcome === 'already-final' && (record.status ?? status) === 'Succeeded');
    if (type === 'Isolate' && tookEffect) found.add(record.id);
    else found.delete(record.id);
  }
  return found;
}
