import { defineConfig } from 'vitest/config';
import unit, { alias, elsewhere } from './vitest.config.ts';

/** What takes minutes, or needs the npm registry; and all rounds of the unit tests. */
export default defineConfig({
  resolve: { alias },
  test: {
    // Many of them wait for processes, sockets and the registry.
    maxWorkers: 3,
    projects: [
      {
        resolve: { alias },
        test: {
          ...unit.test,
          name: 'all rounds',
          exclude: elsewhere,
          typecheck: { enabled: false },
          env: { ROUNDS: '1' },
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
      {
        resolve: { alias },
        test: {
          name: 'long',
          include: [
            'test/long/**/*.test.ts',
            'test/clouds/*.test.ts',
            'test/agent-sdk/*.test.ts',
            'test/recipes/*.test.ts',
          ],
          setupFiles: ['./test/support/seed.ts'],
          testTimeout: 600_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
});
