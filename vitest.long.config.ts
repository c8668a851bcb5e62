import { defineConfig } from 'vitest/config';
import { alias } from './vitest.config.ts';

/** What takes minutes, or needs the npm registry. */
export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/long/**/*.test.ts', 'test/clouds/*.test.ts', 'test/agent-sdk/*.test.ts'],
    maxWorkers: '100%',
    setupFiles: ['./test/support/seed.ts'],
    testTimeout: 300_000,
    hookTimeout: 600_000,
  },
});
