import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { root, withoutKey } from './support/examples.ts';

// Runs on each version of Node that the tests run on: newer ones throw where a closed interface prompts.
it('examples/chat.ts answers, and exits without an error, when its input has ended', async () => {
  const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');
  const args = ['--import', tsx, 'examples/chat.ts'];
  const ending = await new Promise((resolve) => {
    const child = execFile(
      process.execPath,
      args,
      { cwd: root, env: withoutKey(), timeout: 120_000 },
      (_error, output, errors) => resolve({ exitCode: child.exitCode, errors, output }),
    );
    child.stdin!.end('Hello\n');
  });
  expect(ending).toEqual({
    exitCode: 0,
    errors: '',
    output: expect.stringMatching(/^A stand-in on loopback\b.*You have asked me 1 thing\./s),
  });
});
