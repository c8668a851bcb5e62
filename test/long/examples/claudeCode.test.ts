import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { root } from '../../support/examples.ts';

it('examples/claude-code.ts shows both kinds of stream side by side, with one text', async () => {
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
  // It ends by itself, with exit code 0; else this throws.
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [tsx, 'examples/claude-code.ts', '--stand-in'],
    { cwd: root, timeout: 120_000 },
  );
  const [table = '', typed = ''] = stdout.split('\nComplete messages, with smoothText:\n\n');
  const rows = table
    .split('\n')
    .filter((line) => line.includes(' | '))
    .slice(1)
    .map((line) => line.split('|'));
  const column = (index: number) => rows.map((row) => row[index]?.trim() ?? '').filter(Boolean);
  const [complete, partial] = [column(1), column(2)];
  const words = (pieces: string[]) => pieces.join('').replaceAll(/\[.*?\]|\s/g, '');
  expect(words(partial)).toBe(words(complete));
  expect(words([typed])).toBe(words(complete));
  expect(words(complete)).toContain('everythingelseisanoperator.');
  expect(complete.join('')).toContain('[Read {"file_path":"README.md"}]');
  expect(partial.length).toBeGreaterThan(complete.length * 2);
  expect(stderr.split('\n').filter(Boolean)).toEqual(
    Array.from({ length: 3 }, () => 'claude-opus-5-5: ended, 1 turn, $0.0123'),
  );
});
