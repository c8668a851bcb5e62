import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { finalText, fromRecording } from 'claude-rx';
import { firstValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { read, root } from '../../support/examples.ts';

it('examples/resume.ts shows one text, and a line for each of three seams', async () => {
  const tsx = join(root, 'node_modules/tsx/dist/cli.mjs');
  // It ends by itself, with exit code 0; else this throws.
  const { stdout, stderr } = await promisify(execFile)(
    process.execPath,
    [tsx, 'examples/resume.ts'],
    { cwd: root, timeout: 120_000 },
  );
  const recording = fromRecording(read('examples/recordings/text.ndjson'), { speed: Infinity });
  expect(stdout).toBe(await firstValueFrom(recording.pipe(finalText())));
  expect(stderr.split('\n').filter(Boolean)).toEqual([
    '-- connection lost, continuing (attempt 2)',
    '-- server overloaded, continuing (attempt 3)',
    '-- nothing came any more, continuing (attempt 4)',
  ]);
});
