import { createContext, runInContext } from 'node:vm';
import { build } from 'esbuild';
import { expect, it } from 'vitest';

it('can be imported without Node, and MessagesServer reports that it needs Node', async () => {
  const { outputFiles, metafile } = await build({
    entryPoints: ['src/testing/index.ts'],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'testing',
    write: false,
    metafile: true,
  });
  const inputs = Object.keys(metafile.inputs);
  expect(inputs.filter((path) => path.includes('@anthropic-ai'))).toEqual([]);
  const context = createContext({ structuredClone, TextEncoder, TextDecoder });
  const run = (code: string) => runInContext(code, context) as unknown;
  run(outputFiles[0]!.text);
  expect(run("[...testing.messageEvents.text('Hi')].length")).toBe(6);
  await expect(run('testing.MessagesServer.start()')).rejects.toThrow(/needs Node/);
});
