import { defineConfig } from 'vitest/config';
import { SLOW_TESTS } from './vitest.slow.ts';

/** The suites that kill processes and break disks: slow, so `npm test` leaves them to `npm run test:faults`. */
export default defineConfig({
  test: {
    include: ['test/faults/**/*.test.ts', ...SLOW_TESTS],
    globalSetup: ['test/build-once.ts'],
    testTimeout: 300_000,
    hookTimeout: 60_000,
    // They measure and kill real processes: one file at a time.
    fileParallelism: false,
  },
});
