/** What can become of an action. A final outcome is replaced only through `resume --retry`. */
export const OUTCOMES = {
  cancelled: { means: 'Defender shows Cancelled, and no command of it completed', final: true, needsLook: false },
  'already-final': { means: 'had already finished (status recorded)', final: true, needsLook: false },
  'ended-otherwise': { means: 'our cancel was accepted; it ended Failed or TimeOut', final: true, needsLook: false },
  'ran-anyway': { means: 'cancel accepted, but the action had already run', final: true, needsLook: true },
  excluded: { means: 'excluded by a guard (named in detail)', final: true, needsLook: false },
  withdrawn: { means: 'taken back by the user before it was called', final: true, needsLook: false },
  'not-found': { means: 'Defender does not know it', final: true, needsLook: true },
  forbidden: { means: 'Defender refused permission for it', final: true, needsLook: true, failure: true },
  failed: { means: 'refused, or all attempts failed', final: true, needsLook: true, failure: true },
  unconfirmed: { means: 'accepted, end not seen yet', final: false, needsLook: true },
  unknown: {
    means: 'sent, no response, and its state could not be read',
    final: false,
    needsLook: true,
    failure: true,
  },
} as const satisfies Record<string, { means: string; final: boolean; needsLook: boolean; failure?: true }>;

export type Outcome = keyof typeof OUTCOMES;

export const OUTCOME_NAMES = Object.keys(OUTCOMES) as readonly Outcome[];

/** A final outcome takes the action out of the queue. */
export function isFinal(outcome: Outcome): boolean {
  return OUTCOMES[outcome].final;
}

export function needsLook(outcome: Outcome): boolean {
  return OUTCOMES[outcome].needsLook;
}

/** What `--max-failures` counts. */
export function isFailure(outcome: Outcome): boolean {
  return 'failure' in OUTCOMES[outcome];
}
