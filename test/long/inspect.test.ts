import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import { root } from '../support/examples.ts';
import { useInspectors } from '../support/inspectors.ts';
import { until } from '../support/server.ts';

const { inspector, hanging } = useInspectors();

/** Runs a program that reports; gives its exit code and output. */
async function run(code: string, url: string): Promise<{ code: number; output: string }> {
  const register = new URL('../../src/inspect/register.ts', import.meta.url).href;
  const program = `
    import { inspect } from '${root}src/inspect/index.ts';
    import { interval, of, Subject, take } from 'rxjs';
    ${code}`;
  const args = ['--import', 'tsx', '--import', register, '--input-type=module', '-e', program];
  const env = { ...process.env, CLAUDE_RX_INSPECT: url, NODE_OPTIONS: '' };
  const child = spawn(process.execPath, args, { cwd: root, env });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (data) => (output += String(data)));
  }
  const [exit] = await once(child, 'exit');
  return { code: exit, output };
}

describe('a program that reports to the inspector', () => {
  it('loses nothing when the program ends by itself, and does not keep it', async () => {
    const server = await inspector();
    const { code, output } = await run(
      `of(1, 2).pipe(inspect('numbers')).subscribe();`,
      server.url,
    );
    expect([code, output]).toEqual([0, '']);
    await until(() => server.reported === 5);
  });

  it('reports what came before process.exit()', async () => {
    const server = await inspector();
    const program = `
      interval(40).pipe(take(5), inspect('numbers')).subscribe((value) => {
        if (value === 4) process.exit(3);
      });`;
    expect(await run(program, server.url)).toEqual({ code: 3, output: '' });
    await until(() => server.reported >= 7);
  });

  it('does not keep a program whose inspector hangs, or is not there', async () => {
    for (const url of [await hanging(), 'http://127.0.0.1:9/?token=x']) {
      const { code, output } = await run(`of(1).pipe(inspect('numbers')).subscribe();`, url);
      expect([code, output]).toEqual([0, '']);
    }
  });
});
