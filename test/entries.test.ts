import { expect, it } from 'vitest';
import { read } from './support/examples.ts';

/** The entries of the package: `exports` of package.json is the list. */
const entries = Object.entries(
  JSON.parse(read('package.json')).exports as Record<string, { types: string; default: string }>,
).filter(([path]) => path !== './package.json');

const sources = entries.map(([, { types }]) =>
  types.replace('./dist/', './').replace('.d.ts', '.ts'),
);

it('each entry has its types and its code in the same place', () => {
  for (const [, entry] of entries) {
    expect(Object.keys(entry)).toEqual(['types', 'default']);
    expect(entry.default).toBe(entry.types.replace('.d.ts', '.js'));
  }
});

it('the compiler knows each entry', () => {
  const { paths } = JSON.parse(read('tsconfig.json')).compilerOptions;
  const wanted = entries.map(([path], index) => [`claude-rx${path.slice(1)}`, [sources[index]]]);
  expect(paths).toEqual(Object.fromEntries(wanted));
});

it('knip looks for unused code from each entry', () => {
  const { entry } = JSON.parse(read('knip.json')).workspaces['.'] as { entry: string[] };
  const given = entry.filter((path) => /^(src|operators)\//.test(path)).toSorted();
  const wanted = sources.map((path) => path.slice(2));
  // Each operator is an entry, their index among them.
  const imported = wanted.filter((path) => path !== 'operators/index.ts');
  expect(given).toEqual(expect.arrayContaining(imported));
  // The others are started, not imported: by `npx`, by `node --import`, by a page.
  expect(given.filter((path) => !imported.includes(path))).toEqual([
    'src/cli/claudeRx.ts',
    'src/inspect/page/main.ts',
    'src/inspect/register.ts',
  ]);
});
