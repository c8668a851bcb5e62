import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** The examples that run in a framework: in a real browser, and under load. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/hosts/*.test.ts'],
    // Two that measure would measure each other.
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
