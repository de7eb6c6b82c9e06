/** What is to be known of an outcome wherever it is met. */
interface OutcomeFacts {
  means: string;
  /** Takes the action out of the queue; replaced only through `resume --retry`. */
  final: boolean;
  /** Somebody must look at it: exit 3. */
  needsLook: boolean;
  /** Counts for `--max-failures`. */
  failure: boolean;
  /** `resume --retry` takes it. */
  retryable: boolean;
  /** `--first` goes on with it under `--yes`. */
  good: boolean;
}

const facts = (means: string, ...is: readonly Exclude<keyof OutcomeFacts, 'means'>[]): OutcomeFacts => ({
  means,
  final: is.includes('final'),
  needsLook: is.includes('needsLook'),
  failure: is.includes('failure'),
  retryable: is.includes('retryable'),
  good: is.includes('good'),
});

/** What can become of an action. The one table: reports, guards, `--retry`, `--first`, operations.md and design.md are read from it or held to it. */
export const OUTCOMES = {
  cancelled: facts('Defender shows Cancelled, and none of its commands completed', 'final', 'good'),
  'already-final': facts('had already finished (its status is recorded)', 'final', 'good'),
  'ended-otherwise': facts('cancel accepted, but it ended Failed or TimeOut', 'final'),
  'ran-anyway': facts('cancel accepted, but the action had already run', 'final', 'needsLook'),
  excluded: facts('excluded by a guard (named in the detail)', 'final'),
  withdrawn: facts('withdrawn by the user before it was called', 'final'),
  'not-found': facts('not found in Defender', 'final', 'needsLook', 'retryable'),
  forbidden: facts('Defender denied permission for it', 'final', 'needsLook', 'failure', 'retryable'),
  failed: facts('refused, or all attempts failed', 'final', 'needsLook', 'failure', 'retryable'),
  unconfirmed: facts('cancel accepted, end not seen yet', 'needsLook', 'retryable'),
  unknown: facts('sent, no response, and its state could not be read', 'needsLook', 'failure', 'retryable'),
} as const satisfies Record<string, OutcomeFacts>;

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
  return OUTCOMES[outcome].failure;
}

/** What `resume --retry` takes. */
export const RETRYABLE: readonly Outcome[] = OUTCOME_NAMES.filter((name) => OUTCOMES[name].retryable);
const ENDING = '.needs-release.csv';

/** Where the list of isolations that a run found in effect lies: beside its ledger. */
export function releaseListOf(ledger: string): string {
  return `${ledger}${ENDING}`;
}

/** Whether a file is called as such a list is. */
export function isReleaseList(name: string): boolean {
  return name.toLowerCase().endsWith(`.jsonl${ENDING}`);
}
