import { execFile } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { root } from '../support/examples.ts';

/** A project of CommonJS with the package in its node_modules; the other packages are above it. */
const project = mkdtempSync(join(import.meta.dirname, '.jest-'));
const installed = join(project, 'node_modules/claude-rx');
const run = promisify(execFile);

const TEST = `
const { textOnly } = require('claude-rx/operators/textOnly');
const { of } = require('rxjs');

test('reads a reply', () => {
  const texts = [];
  const delta = { type: 'text_delta', text: 'Hi' };
  of({ type: 'content_block_delta', index: 0, delta })
    .pipe(textOnly())
    .subscribe((text) => texts.push(text));
  expect(texts).toEqual(['Hi']);
});`;

beforeAll(async () => {
  mkdirSync(installed, { recursive: true });
  copyFileSync(join(root, 'package.json'), join(installed, 'package.json'));
  const tsc = join(root, 'node_modules/typescript/bin/tsc');
  const build = ['-p', 'tsconfig.build.json', '--outDir', join(installed, 'dist')];
  await run(process.execPath, [tsc, ...build], { cwd: root });
  writeFileSync(join(project, 'reply.test.js'), TEST);
  writeFileSync(join(project, 'package.json'), '{ "private": true }');
});
afterAll(() => rmSync(project, { recursive: true, force: true }));

function jest(config: object): Promise<string> {
  writeFileSync(join(project, 'jest.config.json'), JSON.stringify(config));
  const bin = join(import.meta.dirname, 'node_modules/jest/bin/jest.js');
  return run(process.execPath, [bin, '--runInBand', '--config', 'jest.config.json'], {
    cwd: project,
  }).then(
    ({ stderr }) => stderr,
    ({ stderr }: { stderr: string }) => stderr,
  );
}

it('runs in Jest with CommonJS where Babel transforms the package', async () => {
  const transform = {
    '\\.js$': ['babel-jest', { plugins: ['@babel/plugin-transform-modules-commonjs'] }],
  };
  const transformIgnorePatterns = ['node_modules/(?!claude-rx)'];
  expect(await jest({ transform, transformIgnorePatterns, cache: false })).toContain('1 passed');
  // Without the pattern, Jest would read an ES module as CommonJS.
  expect(await jest({ transform, cache: false })).toContain('1 failed');
});
