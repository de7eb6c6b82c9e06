/** Where the list of isolations that may need release stands, which belongs to a ledger. */
export function releaseListOf(ledger: string): string {
  return `${ledger}.needs-release.csv`;
}
