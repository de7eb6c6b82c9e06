import { defineConfig } from 'vitest/config';
import { SLOW_TESTS } from './vitest.slow.ts';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/faults/**', 'test/bench/**', 'test/packaging/**', ...SLOW_TESTS],
    globalSetup: ['test/build-once.ts'],
    // The end-to-end tests mostly wait for answers and windows: two share two cores well.
    maxWorkers: 2,
    testTimeout: 180_000,
    hookTimeout: 90_000,
    coverage: { provider: 'v8', include: ['src/**'], reporter: ['text-summary', 'json-summary'] },
  },
});
