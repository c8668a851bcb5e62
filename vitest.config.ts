import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const at = (path: string) => fileURLToPath(new URL(path, import.meta.url));

/** The package's own entries, so that tests import what a user imports. */
export const alias = [
  { find: /^claude-rx$/, replacement: at('./src/index.ts') },
  { find: /^claude-rx\/agent$/, replacement: at('./src/agent/index.ts') },
  { find: /^claude-rx\/conversation$/, replacement: at('./src/conversation/index.ts') },
  { find: /^claude-rx\/nest$/, replacement: at('./src/nest/toMessageEvents.ts') },
  { find: /^claude-rx\/node$/, replacement: at('./src/node/index.ts') },
  { find: /^claude-rx\/relay$/, replacement: at('./src/relay/index.ts') },
  { find: /^claude-rx\/relay\/redis$/, replacement: at('./src/relay/redis/index.ts') },
  {
    find: /^claude-rx\/testing\/relay-store$/,
    replacement: at('./src/testing/relayStoreContract.ts'),
  },
  { find: /^claude-rx\/testing$/, replacement: at('./src/testing/index.ts') },
  { find: /^claude-rx\/tools$/, replacement: at('./src/tools/index.ts') },
  { find: /^claude-rx\/operators$/, replacement: at('./operators/index.ts') },
  { find: /^claude-rx\/operators\/(.*)$/, replacement: at('./operators/$1.ts') },
];

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [
      'test/long/**',
      'test/clouds/**',
      'test/agent-sdk/**',
      'test/hosts/**',
      '**/node_modules/**',
    ],
    typecheck: { enabled: true, include: ['test/**/*.test-d.ts'], tsconfig: './tsconfig.json' },
    dangerouslyIgnoreUnhandledErrors: false,
    // One fewer than there are cores, the default, is one on a small machine.
    maxWorkers: '100%',
    // A fresh module graph for each file costs more CPU than all tests together. Files share one,
    // so a test undoes what it changes: fake timers, globals, environment.
    pool: 'threads',
    isolate: false,
    restoreMocks: true,
    unstubGlobals: true,
    setupFiles: ['./test/support/seed.ts'],
    testTimeout: 20_000,
  },
});
