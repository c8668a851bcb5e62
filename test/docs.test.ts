import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { examplesOf, exportedFunctionsOf, filesBelow, read, root } from './examples.ts';

const operators = filesBelow('operators', /\.ts$/).filter((file) => !file.endsWith('/index.ts'));
const sources = filesBelow('src', /(^|\/)from[A-Z]\w*\.ts$/);
const documents = ['README.md', ...(existsSync(`${root}docs`) ? filesBelow('docs', /\.md$/) : [])];
const examples = [...documents, ...filesBelow('src', /\.ts$/), ...operators].flatMap(examplesOf);

const nameOf = (file: string) => file.replace(/^.*\/|\.ts$/g, '');

/** What an example may import: what a user has. */
const PUBLIC = [
  /^claude-rx(\/nest|\/testing|\/tools|\/operators(\/\w+)?)?$/,
  /^rxjs(\/testing)?$/,
  /^(@anthropic-ai\/sdk(\/helpers\/beta\/\w+)?|zod|vitest)$/,
  /^node:\w+/,
];

describe('examples', () => {
  // Inside the repository, so that packages are found, and in a folder that git does not see.
  const cache = join(root, 'node_modules/.cache/claude-rx-docs');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'run-'));
  const fileOf = (example: (typeof examples)[number]) =>
    join(folder, `${example.file}.${example.line}.ts`);
  let output: string[] = [];

  beforeAll(async () => {
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({
        extends: relative(folder, join(root, 'tsconfig.json')),
        compilerOptions: { noUnusedLocals: false, moduleDetection: 'force' },
        files: examples.map(fileOf),
        include: [],
      }),
    );
    for (const example of examples) {
      mkdirSync(dirname(fileOf(example)), { recursive: true });
      writeFileSync(fileOf(example), example.code);
    }
    output = await diagnostics(folder);
  }, 60_000);

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('are found', () => {
    expect(examples.filter(({ file }) => file === 'README.md')).not.toHaveLength(0);
    expect(examples.filter(({ file }) => file.startsWith('operators/'))).not.toHaveLength(0);
  });

  it('are compiled against sources and settings that compile', () => {
    // A syntax error in one file hides the type errors in all others.
    const examplesAt = relative(root, folder);
    expect(output.filter((message) => !message.startsWith(examplesAt))).toEqual([]);
  });

  it.each(examples.map((example) => [`${example.file}:${example.line}`, example] as const))(
    'compiles, with what a user can import: %s',
    (_title, example) => {
      const file = relative(root, fileOf(example));
      const mapped = output
        .filter((message) => message.startsWith(`${file}(`))
        .map((message) => message.replace(file, example.file));
      expect(mapped.join('\n')).toBe('');
      const hidden = importsOf(example.code).filter(
        (name) => !PUBLIC.some((pattern) => pattern.test(name)),
      );
      expect(hidden).toEqual([]);
    },
  );
});

describe('doc comments', () => {
  it.each(operators)('%s exports a function of its name, and the index has the file', (file) => {
    expect(exportedFunctionsOf(file).map(({ name }) => name)).toContain(nameOf(file));
    expect(read('operators/index.ts').split('\n')).toContain(
      `export * from './${nameOf(file)}.ts';`,
    );
  });

  const functions = [
    ...operators.flatMap(exportedFunctionsOf),
    ...sources.flatMap(exportedFunctionsOf).filter(({ file, name }) => name === nameOf(file)),
  ];

  it.each(functions.map((documented) => [documented.name, documented] as const))(
    '%s is drawn as marbles and has an example',
    (_name, { doc }) => {
      const text = doc.replace(/^ *\* ?/gm, '');
      const diagrams = [...text.matchAll(/^```text\n([^]*?)^```/gm)].map(([, diagram]) => diagram);
      expect(diagrams.join('\n')).toMatch(/^\s*\S.*(--|\w-\w.*[|#-])/m);
      expect(
        text
          .split(/^@example$/m)
          .slice(1)
          .join(''),
      ).toMatch(/^```ts\n[^]+^```/m);
    },
  );

  it('have code in every @example', () => {
    const bare = filesBelow('src', /\.ts$/)
      .concat(operators)
      .filter((file) => read(file).split('@example').length - 1 > examplesOf(file).length);
    expect(bare).toEqual([]);
  });
});

describe('README', () => {
  const rows = read('README.md')
    .split('\n')
    .filter((line) => line.startsWith('|'));

  it.each([...operators, ...sources])('has a row for %s', (file) => {
    const row = rows.find((line) => new RegExp(`\`${nameOf(file)}\\b`).test(line));
    expect(row, `a table row with \`${nameOf(file)}\``).toBeDefined();
    expect(row).toContain(`(${file})`);
  });

  it('links to files that exist', () => {
    const dead = documents.flatMap((file) =>
      [...read(file).matchAll(/\]\((?!\w+:|#)([^)#\s]+)/g)]
        .map(([, path = '']) => join(dirname(file), path))
        .filter((path) => !existsSync(join(root, path))),
    );
    expect(dead).toEqual([]);
  });
});

/** The compiler's messages, one each, with the lines that explain it. */
async function diagnostics(project: string): Promise<string[]> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const args = [tsc, '--noEmit', '--pretty', 'false', '--project', project];
  const options = { cwd: root, timeout: 60_000, maxBuffer: 64 * 1024 * 1024 };
  try {
    await promisify(execFile)(process.execPath, args, options);
    return [];
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    const messages = `${stdout}${stderr}`
      .trim()
      .split(/\n(?!\s)/)
      .filter(Boolean);
    // Without an exit code the compiler was killed, and its silence says nothing.
    if (typeof code !== 'number' || messages.length === 0) throw error;
    return messages;
  }
}

function importsOf(code: string): string[] {
  const pattern = /\b(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(pattern)].map(([, name = '']) => name);
}
