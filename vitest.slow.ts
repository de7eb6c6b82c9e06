/** Tests that cost much processor time without killing anything: they run with the fault suites, so that the quick suite stays quick. */
export const SLOW_TESTS = [
  'test/e2e/identity-kinds.test.ts',
  'test/e2e/identity-refusals.test.ts',
  'test/e2e/identity-renewal.test.ts',
  'test/e2e/forged-ledgers.test.ts',
  'test/ledger/forged-ledgers.test.ts',
  'test/e2e/ledger-files.test.ts',
  'test/e2e/ledger-rivals.test.ts',
  'test/report/html-browser.test.ts',
];
