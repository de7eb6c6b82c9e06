import type { Target } from './target.ts';

/** Whether a session reads the source. It does when that was never read to its end, or when it is named again and has changed. */
export function rereadRule({ job: { source }, before, fromLedger }: Target): 'yes' | 'no' | 'if-changed' {
  const intake = before?.intake;
  if (before === undefined || intake === undefined || before.readingUnfinished) return 'yes';
  // A later reading that nobody approved is done again: only who reads knows which actions the source no longer names.
  const approved = before.start !== undefined && intake.session <= before.start.session;
  if (fromLedger && (approved || before.intakes.length === 1 || source.kind === 'stdin')) return 'no';
  return approved && source.kind === 'file' ? 'if-changed' : 'yes';
}
