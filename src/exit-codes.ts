/**
 * Every way a command can end. Help texts, the README, the manifests' failure policy and the reports are all checked
 * against this table.
 */
export const EXIT_CODES = {
  0: { means: 'every admitted action has a final outcome that needs nobody', scheduler: 'do nothing' },
  1: { means: 'unexpected error (a bug)', scheduler: 'alert, then run again' },
  2: { means: 'bad usage, job, input file, or no confirmation; nothing was sent', scheduler: 'fix' },
  3: {
    means: 'finished, but some actions need a look, or input was rejected other than as duplicate',
    scheduler: 'look at the report',
  },
  4: { means: 'credentials or permissions refused', scheduler: 'fix' },
  5: { means: 'stopped by a guard', scheduler: 'look' },
  6: {
    means: 'stopped with work left: deadline, disk full, Defender or sign-in out of reach',
    scheduler: 'run again: it resumes',
  },
  11: { means: 'another run holds the ledger, or sends as this application from this folder', scheduler: 'wait' },
  12: { means: 'the ledger is damaged before its tail', scheduler: 'look' },
  130: { means: 'interrupted (SIGINT); every call already sent was answered or timed out', scheduler: 'run again' },
  134: { means: 'killed (SIGABRT)', scheduler: 'run again' },
  137: { means: 'killed (SIGKILL)', scheduler: 'run again' },
  143: { means: 'terminated (SIGTERM); every call already sent was answered or timed out', scheduler: 'run again' },
} as const satisfies Record<number, { means: string; scheduler: string }>;

export type ExitCode = keyof typeof EXIT_CODES;
