import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read, root } from '../support/examples.ts';

const { peerDependencies } = JSON.parse(read('package.json')) as {
  peerDependencies: Record<string, string>;
};
const { packages } = JSON.parse(read('package-lock.json')) as {
  packages: Record<string, { version: string }>;
};

/** Both ends of the ranges in `peerDependencies`; npm takes the newest version of a range. */
const ends = [
  ['the oldest', { rxjs: '7.8.0', '@anthropic-ai/sdk': '1.0.0' }],
  ['the newest', { rxjs: '^7.8.0', '@anthropic-ai/sdk': '>=1.0.0 <2' }],
] as const;

const folder = mkdtempSync(join(tmpdir(), 'claude-rx-peers-'));
beforeAll(() => run('npm', ['pack', '--silent', '--pack-destination', folder], root));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it('the ranges of the peers are those that are tested', () => {
  const [, oldest] = ends[0];
  const [, newest] = ends[1];
  expect(peerDependencies).toMatchObject(newest);
  for (const [name, version] of Object.entries(oldest)) {
    expect([name, peerDependencies[name]]).toEqual([name, expect.stringContaining(version)]);
  }
});

describe.each(ends)('with %s rxjs and SDK of the ranges', (_, peers) => {
  let project: string;
  const installed = (name: string) => {
    const manifest = readFileSync(join(project, 'node_modules', name, 'package.json'), 'utf8');
    return (JSON.parse(manifest) as { version: string }).version;
  };

  beforeAll(async () => {
    project = mkdtempSync(join(folder, 'project-'));
    const tarball = readdirSync(folder).find((file) => file.endsWith('.tgz'));
    cpSync(join(root, 'test/long/consumer/program.mts'), join(project, 'program.mts'));
    const development = ['typescript', '@types/node'].map((name) => [
      name,
      packages[`node_modules/${name}`]?.version,
    ]);
    const dependencies = {
      'claude-rx': `file:${join(folder, tarball!)}`,
      ...peers,
      ...Object.fromEntries(development),
    };
    writeFileSync(
      join(project, 'package.json'),
      JSON.stringify({ private: true, type: 'module', dependencies }),
    );
    // Without --prefer-offline, which would take the newest versions in the cache of npm.
    const quick = ['--ignore-scripts', '--no-audit', '--no-fund'];
    await run('npm', ['install', '--silent', ...quick], project);
  });

  it('a program type-checks and runs', async () => {
    const options = ['--module', 'nodenext', '--target', 'es2022', '--types', 'node', '--strict'];
    await run('node', ['node_modules/typescript/bin/tsc', ...options, 'program.mts'], project);
    const { stdout, stderr } = await run('node', ['program.mjs'], project);
    expect(JSON.parse(stdout)).toMatchObject({
      text: 'Hello from the server',
      stopReason: 'end_turn',
      error: { name: 'MessageStreamError', code: 'truncated' },
    });
    expect(stderr).toBe('');
    const versions = Object.keys(peers).map((name) => `${name} ${installed(name)}`);
    process.stdout.write(`${versions.join(', ')}\n`);
  });
});

async function run(command: string, args: string[], cwd: string) {
  const program = command === 'node' ? process.execPath : command;
  try {
    return await promisify(execFile)(program, args, { cwd, timeout: 300_000 });
  } catch (error) {
    const { message, stdout, stderr } = error as Error & { stdout: string; stderr: string };
    throw new Error([message, stdout, stderr].join('\n'), { cause: error });
  }
}
