/**
 * Every way a command can end. Help texts, docs/operations.md, the manifests' failure policy and the reports are all checked
 * against this table. `rerun`: starting it again without anybody's look does good, and never harm.
 */
export const EXIT_CODES = {
  0: { means: 'all actions reached a final outcome; nothing needs attention', scheduler: 'do nothing', rerun: false },
  1: { means: 'unexpected error (a bug)', scheduler: 'alert, then run again', rerun: true },
  2: { means: 'bad usage, job, input file, or no confirmation; nothing was sent', scheduler: 'fix', rerun: false },
  3: {
    means: 'finished, but some actions need review or some input rows were invalid',
    scheduler: 'look at the report',
    rerun: false,
  },
  4: { means: 'credentials or permissions refused', scheduler: 'fix', rerun: false },
  5: { means: 'stopped by a guard', scheduler: 'look', rerun: false },
  6: {
    means:
      'stopped with work left: deadline, disk full, Defender or sign-in unreachable, ledger replaced under the run',
    scheduler: 'run again: it resumes',
    rerun: true,
  },
  11: {
    means: 'another run holds the ledger, or sends as this application from this folder',
    scheduler: 'wait',
    rerun: true,
  },
  12: { means: 'the ledger is corrupt (not just an unfinished last line)', scheduler: 'look', rerun: false },
  129: {
    means: 'hung up (SIGHUP); calls already sent were waited for, or given up by a second signal and checked by resume',
    scheduler: 'run again',
    rerun: true,
  },
  130: {
    means:
      'interrupted (SIGINT); calls already sent were waited for, or given up by a second signal and checked by resume',
    scheduler: 'run again',
    rerun: true,
  },
  134: { means: 'killed (SIGABRT)', scheduler: 'run again', rerun: true },
  137: { means: 'killed (SIGKILL)', scheduler: 'run again', rerun: true },
  143: {
    means:
      'terminated (SIGTERM); calls already sent were waited for, or given up by a second signal and checked by resume',
    scheduler: 'run again',
    rerun: true,
  },
} as const satisfies Record<number, { means: string; scheduler: string; rerun: boolean }>;

export type ExitCode = keyof typeof EXIT_CODES;

/** The signals that end a command in order, and how it exits then. */
export const SIGNAL_EXITS = { SIGHUP: 129, SIGINT: 130, SIGTERM: 143 } as const satisfies Record<string, ExitCode>;

export type StopSignal = keyof typeof SIGNAL_EXITS;
