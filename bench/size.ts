// What the package adds to a bundle, minified and gzipped, without its peers. Exits with 1 when that
// is more than agreed: who adds something knows what it costs.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The most bytes that each may be. */
const entries: [what: string, code: string, most: number][] = [
  ['textOnly', `export { textOnly } from './operators/textOnly.ts'`, 500],
  [
    'accumulateMessage',
    `export { accumulateMessage } from './operators/accumulateMessage.ts'`,
    1_800,
  ],
  ['fromResponse and textOnly', `export { fromResponse, textOnly } from './src/index.ts'`, 8_000],
  ['everything', `export * from './src/index.ts'`, 40_000],
];

for (const [what, contents, most] of entries) {
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    target: 'es2022',
    external: ['rxjs', 'zod'],
  });
  const size = gzipSync(outputFiles[0]!.contents, { level: 9 }).length;
  const isTooLarge = size > most;
  if (isTooLarge) process.exitCode = 1;
  const verdict = `of ${most.toLocaleString('en')} bytes${isTooLarge ? ': TOO LARGE' : ''}`;
  console.log(`${what.padEnd(28)}${size.toLocaleString('en').padStart(8)} ${verdict}`);
}
