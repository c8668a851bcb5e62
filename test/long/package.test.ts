import { execFile } from 'node:child_process';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { build } from 'esbuild';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { filesBelow, read, root } from '../support/examples.ts';

interface Manifest {
  exports: Record<string, unknown>;
  dependencies: Record<string, string>;
  peerDependencies: Record<string, string>;
}

const lock = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { version: string }>;
};
const locked = (name: string) => lock.packages[`node_modules/${name}`]?.version ?? '';

const compilers = [
  ['5.9', '5.9.3'],
  ['6', '6.0.3'],
  ['7', locked('typescript')],
] as const;

/** An empty project, with the tarball and what a user of it has. */
const project = mkdtempSync(join(tmpdir(), 'claude-rx-package-'));
const installed = join(project, 'node_modules/claude-rx');

beforeAll(async () => {
  await run('npm', ['pack', '--silent', '--pack-destination', project], root);
  const tarball = readdirSync(project).find((file) => file.endsWith('.tgz'));
  cpSync(join(root, 'test/long/consumer'), project, { recursive: true });
  cpSync(join(project, 'program.mts'), join(project, 'program.cts'));
  write('package.json', {
    private: true,
    dependencies: {
      'claude-rx': `file:${tarball}`,
      '@anthropic-ai/sdk': locked('@anthropic-ai/sdk'),
      '@types/node': locked('@types/node'),
      rxjs: locked('rxjs'),
      ...Object.fromEntries(
        compilers.map(([name, version]) => [`typescript-${name}`, `npm:typescript@${version}`]),
      ),
    },
  });
  const quick = ['--ignore-scripts', '--no-audit', '--no-fund', '--prefer-offline'];
  await run('npm', ['install', '--silent', ...quick], project);
});

afterAll(() => rmSync(project, { recursive: true, force: true }));

describe('the tarball', () => {
  it('holds what was built and what one reads, and no test or example', () => {
    const files = filesOf(installed);
    const built = /^dist\/(src|operators)\/[\w/-]+\.(js|js\.map|d\.ts|d\.ts\.map)$/;
    const docs = /^docs\/([\w/-]+\.md|marbles\/[\w-]+\.svg)$/;
    const others = files.filter((file) => !built.test(file) && !docs.test(file));
    expect(others).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'llms.txt', 'package.json']);
    expect(files).toEqual(expect.arrayContaining(filesBelow('docs', /\.(md|svg)$/)));
    expect(files.filter((file) => /test\.|example|bench|recordings/.test(file))).toEqual([]);
  });

  it('is at most 2 MB', () => {
    const tarball = readdirSync(project).find((file) => file.endsWith('.tgz'))!;
    expect(statSync(join(project, tarball)).size).toBeLessThan(2_000_000);
  });

  it('holds the source of everything that a source map points at', () => {
    const maps = filesOf(installed).filter((file) => file.endsWith('.map'));
    expect(maps).not.toHaveLength(0);
    const files = new Set(filesOf(installed));
    const lost = maps.filter((file) => {
      const map = JSON.parse(readInstalled(file)) as {
        sources: string[];
        sourceRoot?: string;
        sourcesContent?: (string | null)[];
      };
      return !map.sources.every(
        (source, index) =>
          map.sourcesContent?.[index] ||
          files.has(join(dirname(file), map.sourceRoot ?? '', source)),
      );
    });
    expect(lost).toEqual([]);
  });

  it('has a source map for every module, and every mention of one is true', () => {
    const files = filesOf(installed);
    const modules = files.filter((file) => file.endsWith('.js'));
    expect(modules.filter((file) => !files.includes(`${file}.map`))).toEqual([]);
    const dead = files
      .filter((file) => /\.(js|d\.ts)$/.test(file))
      .filter((file) => {
        const map = /^\/\/# sourceMappingURL=(.*)$/m.exec(readInstalled(file))?.[1];
        return map && !files.includes(join(dirname(file), map));
      });
    expect(dead).toEqual([]);
  });

  it('imports only what its package.json asks for, and the SDK for types alone', async () => {
    const { dependencies, peerDependencies } = manifest();
    const declared = Object.keys({ ...dependencies, ...peerDependencies });
    const types = filesOf(installed).filter((file) => file.endsWith('.d.ts'));
    expect(packagesOf(types.flatMap(importsOf)).filter((name) => !declared.includes(name))).toEqual(
      [],
    );
    const modules = filesOf(installed).filter((file) => file.endsWith('.js'));
    const { metafile } = await build({
      entryPoints: modules.map((file) => join(installed, file)),
      outdir: project,
      bundle: true,
      format: 'esm',
      packages: 'external',
      metafile: true,
      write: false,
    });
    const imports = Object.values(metafile.inputs)
      .flatMap((input) => input.imports)
      .filter(({ external }) => external)
      .map(({ path }) => path);
    expect(packagesOf(imports)).toEqual(['rxjs']);
  });
});

describe.each(compilers)('a consumer with TypeScript %s', (compiler) => {
  it('type-checks as an ES module and as CommonJS, with nodenext', async () => {
    const files = ['program.mts', 'program.cts'];
    // No DOM, as in the tsconfig that many Node projects start from: @tsconfig/node20.
    const options = { module: 'nodenext', lib: ['es2023'] };
    expect(await tsc(compiler, options, files, `out-${compiler}`)).toBe('');
    const output = readFileSync(join(project, `out-${compiler}`, 'program.cjs'), 'utf8');
    expect(output).toContain('require("claude-rx")');
  });

  it('type-checks for a bundler, with esnext modules', async () => {
    const options = { module: 'esnext', moduleResolution: 'bundler' };
    expect(await tsc(compiler, options, ['program.mts'])).toBe('');
  });

  it("type-checks in a browser's project, without Node's types", async () => {
    const options = { module: 'esnext', moduleResolution: 'bundler', types: [] };
    expect(await tsc(compiler, options, ['browser.mts'])).toBe('');
  });

  it.each(['program.mjs', 'program.cjs'])('runs what came out: %s', async (file) => {
    const { stdout, stderr } = await run('node', [`out-${compiler}/${file}`], project);
    expect(JSON.parse(stdout)).toEqual({
      text: 'Hello from the server',
      stopReason: 'end_turn',
      error: {
        name: 'MessageStreamError',
        code: 'truncated',
        content: [expect.objectContaining({ type: 'text', text: 'Hello' })],
      },
      sameOperator: true,
    });
    expect(stderr).toBe('');
  });
});

describe('on this Node', () => {
  it('every entry is imported and required without a warning, as the same module', async () => {
    const names = entries();
    expect(names).toEqual(
      expect.arrayContaining([
        'claude-rx',
        'claude-rx/operators',
        'claude-rx/operators/textOnly',
        'claude-rx/testing',
        'claude-rx/package.json',
      ]),
    );
    writeFileSync(
      join(project, 'entries.cjs'),
      `const load = async (name) => {
        if (name.endsWith('.json')) return [name, require(name).name === 'claude-rx'];
        const required = require(name);
        const imported = await import(name);
        const keys = Object.keys(imported);
        return [name, keys.length > 0 && keys.every((key) => required[key] === imported[key])];
      };
      Promise.all(${JSON.stringify(names)}.map(load))
        .then((results) => console.log(JSON.stringify(results)));`,
    );
    const { stdout, stderr } = await run('node', ['entries.cjs'], project);
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual(names.map((name) => [name, true]));
  });

  it.each(['import', 'require'])('every entry can be the first: %s', async (kind) => {
    for (const name of entries().filter((entry) => !entry.endsWith('.json'))) {
      const code =
        kind === 'import' ? `import * as all from '${name}'` : `const all = require('${name}')`;
      const type = kind === 'import' ? 'module' : 'commonjs';
      const script = `${code}; console.log(Object.keys(all).length > 0)`;
      const output = await run('node', [`--input-type=${type}`, '--eval', script], project);
      expect([name, output]).toEqual([name, { stdout: 'true\n', stderr: '' }]);
    }
  });

  it('what is inside the package stays inside', async () => {
    const script = "import('claude-rx/dist/src/index.js').catch((e) => console.log(e.code))";
    const { stdout } = await run('node', ['--eval', script], project);
    expect(stdout.trim()).toBe('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });
});

describe('without the SDK', () => {
  const sdk = join(project, 'node_modules/@anthropic-ai');
  beforeAll(() => renameSync(sdk, `${sdk}-away`));
  afterAll(() => renameSync(`${sdk}-away`, sdk));

  it.each(compilers)(
    "a browser's project type-checks with skipLibCheck: TypeScript %s",
    async (compiler) => {
      const options = { module: 'esnext', moduleResolution: 'bundler', types: [] };
      const skipped = { ...options, skipLibCheck: true };
      expect(await tsc(compiler, skipped, ['browser.mts'])).toBe('');
    },
  );

  it('every entry is imported', async () => {
    const imports = entries()
      .filter((name) => !name.endsWith('.json'))
      .map((name) => `import '${name}';`);
    const script = [...imports, "console.log('done')"].join('\n');
    const output = await run('node', ['--input-type=module', '--eval', script], project);
    expect(output).toEqual({ stdout: 'done\n', stderr: '' });
  });
});

describe('a bundle for the browser', () => {
  it('of fromResponse and textOnly holds no SDK code and nothing of Node', async () => {
    const { inputs, imports, text } = await bundle(
      "export { fromResponse, textOnly } from 'claude-rx';",
    );
    expect(imports).toEqual(['rxjs']);
    expect(inputs.filter((input) => /anthropic|rxjs\//.test(input))).toEqual([]);
    expect(text).not.toMatch(/\bnode:|x-api-key|anthropic-version/);
    report('fromResponse + textOnly', text);
  });

  it('of fromRelay holds nothing of Redis, of Node, or of the server', async () => {
    const { inputs, imports, text } = await bundle("export { fromRelay } from 'claude-rx/relay';");
    expect(imports).toEqual(['rxjs']);
    expect(inputs.filter((input) => /anthropic|redis/.test(input))).toEqual([]);
    expect(text).not.toMatch(/\bnode:|XREAD|maxBuffered|superseded/);
    report('fromRelay', text);
  });

  it('of one operator is as small out of the whole as out of its own entry', async () => {
    const one = await bundle("export { textOnly } from 'claude-rx/operators/textOnly';");
    const same = await bundle("export { textOnly } from 'claude-rx';");
    expect(same.text.length).toBe(one.text.length);
    report('textOnly', one.text);
  });

  it('of everything resolves, without the SDK and without Node', async () => {
    const { inputs, imports, text } = await bundle("export * from 'claude-rx';");
    expect(imports).toEqual(['rxjs']);
    expect(inputs.filter((input) => input.includes('anthropic'))).toEqual([]);
    report("everything in 'claude-rx'", text);
  });

  it('of the testing kit resolves, without the SDK', async () => {
    const { inputs, imports, text } = await bundle("export * from 'claude-rx/testing';");
    expect(imports.filter((name) => !/^rxjs(\/testing)?$/.test(name))).toEqual([]);
    expect(inputs.filter((input) => input.includes('anthropic'))).toEqual([]);
    report("everything in 'claude-rx/testing'", text);
  });
});

async function run(
  command: string,
  args: string[],
  cwd: string,
): Promise<{ stdout: string; stderr: string }> {
  const program = command === 'node' ? process.execPath : command;
  const options = { cwd, timeout: 300_000, maxBuffer: 64 * 1024 * 1024 };
  try {
    return await promisify(execFile)(program, args, options);
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    throw new Error([message, stdout, stderr].join('\n'), { cause: error });
  }
}

/** What the compiler says about the files, with third-party declarations checked as well. */
async function tsc(
  compiler: string,
  options: Record<string, unknown>,
  files: string[],
  outDir?: string,
): Promise<string> {
  const file = `tsconfig.${compiler}.json`;
  const strict = { strict: true, exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true };
  write(file, {
    compilerOptions: {
      target: 'es2022',
      types: ['node'],
      skipLibCheck: false,
      ...strict,
      ...(outDir ? { outDir, rootDir: '.' } : { noEmit: true }),
      ...options,
    },
    files,
  });
  const binary = `node_modules/typescript-${compiler}/bin/tsc`;
  try {
    return (await run('node', [binary, '--pretty', 'false', '--project', file], project)).stdout;
  } catch (error) {
    return (error as Error).message;
  }
}

async function bundle(contents: string) {
  const { metafile, outputFiles } = await build({
    stdin: { contents, resolveDir: project },
    absWorkingDir: project,
    bundle: true,
    platform: 'browser',
    format: 'esm',
    minify: true,
    target: 'es2022',
    external: ['rxjs'],
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  const imports = Object.values(metafile.outputs).flatMap((output) =>
    output.imports.map(({ path }) => path),
  );
  return {
    inputs: Object.keys(metafile.inputs),
    imports: [...new Set(imports)].toSorted(),
    text: outputFiles.map((file) => file.text).join(''),
  };
}

function report(what: string, text: string): void {
  const [minified, gzipped] = [Buffer.byteLength(text), gzipSync(text, { level: 9 }).length];
  console.log(`${what}, without rxjs: ${minified} bytes minified, ${gzipped} bytes gzipped`);
}

/** The names that a user can import: the exports, with the pattern filled in. */
function entries(): string[] {
  return Object.keys(manifest().exports).flatMap((path) => {
    const name = join('claude-rx', path);
    if (!path.includes('*')) return [name];
    return filesOf(join(installed, 'dist', dirname(path)))
      .filter((file) => file.endsWith('.js') && file !== 'index.js')
      .map((file) => name.replace('*', file.slice(0, -'.js'.length)));
  });
}

/** What a declaration file imports, other than in the examples of its comments. */
function importsOf(file: string): string[] {
  const code = readInstalled(file).replace(/\/\*[^]*?\*\//g, '');
  const pattern = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;
  return [...code.matchAll(pattern)].map(([, name = '']) => name);
}

/** The packages among what is imported. */
function packagesOf(imports: string[]): string[] {
  const names = imports
    .filter((path) => !/^(\.|node:)/.test(path))
    .map((path) => /^(@[^/]+\/)?[^/]+/.exec(path)?.[0] ?? path);
  return [...new Set(names)].toSorted();
}

function manifest(): Manifest {
  return JSON.parse(readInstalled('package.json')) as Manifest;
}

function readInstalled(file: string): string {
  return readFileSync(join(installed, file), 'utf8');
}

function write(file: string, content: unknown): void {
  writeFileSync(join(project, file), JSON.stringify(content, null, 2));
}

function filesOf(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .toSorted();
}
