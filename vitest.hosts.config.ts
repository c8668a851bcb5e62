import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** The examples that run in a framework: in a real browser, and under load. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/hosts/*.test.ts'],
    // Two that measure would measure each other.
    fileParallelism: false,
    // Of each kind of fault nine places in the reply.
    env: { ROUNDS: '0.3' },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
