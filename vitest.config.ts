import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const manifest = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  exports: Record<string, string | { default: string }>;
};

/** The package's own entries, so that tests import what a user imports. */
export const alias = Object.entries(manifest.exports).flatMap(([path, target]) => {
  // `package.json` is itself.
  if (typeof target === 'string') return [];
  const source = target.default.replace('./dist/', './').replace(/\.js$/, '.ts');
  const entry = `claude-rx${path.slice(1)}`.replace('*', '(.*)');
  const replacement = fileURLToPath(new URL(source, import.meta.url)).replace('*', '$1');
  return [{ find: new RegExp(`^${entry}$`), replacement }];
});

/** What other commands run. */
export const elsewhere = [
  'test/long/**',
  'test/clouds/**',
  'test/agent-sdk/**',
  'test/claude-code/**',
  'test/hosts/**',
  'test/recipes/**',
  '**/node_modules/**',
];

/** Tests that wait for processes, slow replies and full buffers: they are in the long run alone. */
const slow = [
  'test/examples.chat.test.ts',
  'test/examples.live-form.test.ts',
  'test/src/node/fromClaudeCode.test.ts',
  'test/src/sources/backpressure.test.ts',
  'test/src/sources/slowReplies.test.ts',
];

export default defineConfig({
  resolve: { alias },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...elsewhere, ...slow],
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
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
