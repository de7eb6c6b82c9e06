const ENDING = '.needs-release.csv';

/** Where the list of isolations that a run found in effect lies: beside its ledger. */
export function releaseListOf(ledger: string): string {
  return `${ledger}${ENDING}`;
}

/** Whether a file is called as such a list is. */
export function isReleaseList(name: string): boolean {
  return name.toLowerCase().endsWith(`.jsonl${ENDING}`);
}
