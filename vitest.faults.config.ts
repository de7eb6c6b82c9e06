import { defineConfig } from 'vitest/config';

/** The suites that kill processes and break disks: slow, so `npm test` leaves them to `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts'],
    globalSetup: ['test/build-once.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    // They mostly wait, for quotas and for leases to run out: two share two cores well.
    maxWorkers: 2,
  },
});
