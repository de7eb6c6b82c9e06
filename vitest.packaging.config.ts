import { defineConfig } from 'vitest/config';

/** The executable for Linux, made and tried: its own tests, and those of the command that its other parts go through. Asks npm's registry for Node. */
export default defineConfig({
  test: {
    include: ['test/packaging/**/*.test.ts', 'test/e2e/{identity-kinds,outputs,signals}.test.ts'],
    globalSetup: ['test/packaging/make-executable.ts'],
    testTimeout: 300_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
  },
});
