// What the package adds to a bundle, minified and gzipped, without its peers. Exits with 1 when that
// is more than agreed: who adds something knows what it costs.
import { build } from 'esbuild';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';

const root = fileURLToPath(new URL('..', import.meta.url));

const of = (names: string): string => `export { ${names} } from './src/index.ts'`;

/** The most bytes that each may be. */
const entries: [what: string, code: string, most: number][] = [
  ['textOnly', of('textOnly'), 500],
  ['accumulateMessage', of('accumulateMessage'), 3_020],
  ['smoothText', of('smoothText'), 3_400],
  ['jsonOutput', of('jsonOutput'), 10_450],
  ['toolInput', of('toolInput'), 9_700],
  ['inspect', `export { inspect } from './src/inspect/index.ts'`, 400],
  ['EventDecoder', of('EventDecoder'), 4_450],
  ['fromResponse and textOnly', of('fromResponse, textOnly'), 10_950],
  ['fromMessages and textOnly', of('fromMessages, textOnly'), 12_750],
  [
    'the same with recovery',
    of('fromMessages, messageTimeout, retryResumable, continueFrom, exponentialBackoff, textOnly'),
    20_900,
  ],
  ['everything', `export * from './src/index.ts'`, 47_200],
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
