import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** What is run against the real Claude Code CLI: `npm run test:cli`. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/claude-code/*.test.ts'],
    // Each CLI takes a core and 300 MB.
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 60_000,
  },
});
