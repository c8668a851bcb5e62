import { defineConfig } from 'vitest/config';
import unit, { alias, elsewhere } from './vitest.config.ts';

// Many of them wait for processes, sockets and the registry.
// It stands in each project: all projects that run together must have the same.
const maxWorkers = 3;

/** What takes minutes, or needs the npm registry; and all rounds of the unit tests. */
export default defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        resolve: { alias },
        test: {
          ...unit.test,
          name: 'all rounds',
          exclude: elsewhere,
          maxWorkers,
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
          maxWorkers,
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
