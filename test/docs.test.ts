import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { valuePages } from './api/apiPages.ts';
import { examplesOf, exportedFunctionsOf, filesBelow, read, root } from './support/examples.ts';

const operators = filesBelow('operators', /\.ts$/).filter((file) => !file.endsWith('/index.ts'));
const sources = filesBelow('src', /(^|\/)from[A-Z]\w*\.ts$/).filter(
  // Those of the bridges read what a page has sent.
  (file) => !file.startsWith('src/bridges/'),
);
const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'llms.txt',
  ...filesBelow('docs', /\.md$/),
  ...readdirSync(`${root}examples`)
    .flatMap((name) => [`examples/${name}`, `examples/${name}/README.md`])
    .filter((file) => file.endsWith('.md') && existsSync(root + file)),
];
/** The API reference repeats the doc comments, and is compared with them. */
const guides = documents.filter((file) => !file.startsWith('docs/api/'));
const examples = [...guides, ...filesBelow('src', /\.ts$/), ...operators].flatMap(examplesOf);

const nameOf = (file: string) => file.replace(/^.*\/|\.ts$/g, '');

const { exports: entries } = JSON.parse(read('package.json')) as { exports: object };

/** What an example may import: what a user has. */
const PUBLIC = [
  ...Object.keys(entries).map((entry) => {
    const path = entry.slice(1).replaceAll('.', '\\.').replace('*', '\\w+');
    return new RegExp(`^claude-rx${path}$`);
  }),
  /^rxjs(-marbles|\/testing|\/webSocket)?$/,
  /^(@anthropic-ai\/(claude-agent-)?sdk(\/helpers\/beta\/\w+)?|@modelcontextprotocol\/client(\/stdio)?|@opentelemetry\/api|@ag-ui\/(client|core)|redis|zod|vitest)$/,
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
    const indexes = ['operators/index.ts', 'src/agent/index.ts'].flatMap((index) =>
      read(index).split('\n'),
    );
    expect(indexes.filter((line) => line.endsWith(`/${nameOf(file)}.ts';`))).toHaveLength(1);
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

describe('docs/operators.md', () => {
  const text = read('docs/operators.md');

  it.each(operators.map(nameOf))('has a row and the picture of %s', (name) => {
    const rows = text.split('\n').filter((line) => line.startsWith('| [`'));
    expect(rows.filter((row) => row.includes(`/${name}.md)`))).toHaveLength(1);
    expect(text).toContain(`](marbles/${name}.svg)`);
  });

  it.each([...valuePages()])('leads to docs/api/%s', (page) => {
    expect(linksOf('docs/operators.md').map((link) => link.replace(/#.*/, ''))).toContain(
      `api/${page}`,
    );
  });
});

describe('links', () => {
  it.each(documents)('of %s lead to files and headings that exist', (file) => {
    const dead = linksOf(file).filter((link) => {
      const [path = '', heading] = link.split('#');
      const target = path === '' ? file : join(dirname(file), path);
      if (!existsSync(join(root, target))) return true;
      return heading !== undefined && !headingsOf(target).has(heading);
    });
    expect(dead).toEqual([]);
  });

  it.each(['docs/README.md', 'llms.txt'])('lead to every guide from %s', (index) => {
    const paths = linksOf(index).map((link) => join(dirname(index), link.replace(/#.*/, '')));
    const linked = new Set(paths);
    const all = guides.filter((file) => file.startsWith('docs/') && file !== 'docs/README.md');
    expect(all.filter((file) => !linked.has(file))).toEqual([]);
  });

  it('of llms.txt lead to files that are in the package', () => {
    const { files } = JSON.parse(read('package.json')) as { files: string[] };
    const isPacked = (link: string) =>
      files.some((path) => link === path || link.startsWith(`${path}/`));
    expect(linksOf('llms.txt').filter((link) => !isPacked(link))).toEqual([]);
  });
});

/** The links to files and headings of the repository, those of pictures too. */
function linksOf(file: string): string[] {
  const text = read(file).replace(/^```[^]*?^```/gm, '');
  return [...text.matchAll(/(?:\]\(|\bsrc="|\bhref=")(?!\w+:)([^)"\s]+)/g)].map(
    ([, link = '']) => link,
  );
}

/** What GitHub calls the headings of a document. */
function headingsOf(file: string): Set<string> {
  const known = new Map<string, number>();
  const text = read(file).replace(/^```[^]*?^```/gm, '');
  const slugs = [...text.matchAll(/^#+ (.*)$/gm)].map(([, heading = '']) => {
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{Letter}\p{Number}\s_-]/gu, '')
      .replace(/\s/g, '-');
    const count = known.get(slug) ?? 0;
    known.set(slug, count + 1);
    return count === 0 ? slug : `${slug}-${count}`;
  });
  return new Set(slugs);
}

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
