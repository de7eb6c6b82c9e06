import { defineConfig } from 'vitest/config';
import { SLOW_TESTS } from './vitest.slow.ts';

/** What `npm test` leaves to `npm run test:slow`. */
export default defineConfig({
  test: {
    include: [...SLOW_TESTS],
    globalSetup: ['test/build-once.ts'],
    testTimeout: 300_000,
    hookTimeout: 90_000,
    // They mostly wait: three share two cores well.
    maxWorkers: 3,
  },
});
