import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { afterEach, describe, expect, it } from 'vitest';
import { root } from '../support/examples.ts';

const running = new Set<ChildProcess>();
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
});

/** The command line as a process of its own. */
class Program {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown[]>;
  stdout = '';
  stderr = '';

  constructor(...args: string[]) {
    const program = ['--import', 'tsx', `${root}src/cli/claudeRx.ts`, ...args];
    const stdio = ['ignore', 'pipe', 'pipe'] as const;
    this.#child = spawn(process.execPath, program, { cwd: root, stdio: [...stdio] });
    running.add(this.#child);
    this.#child.stdout!.on('data', (data) => (this.stdout += String(data)));
    this.#child.stderr!.on('data', (data) => (this.stderr += String(data)));
    this.#ended = once(this.#child, 'close');
  }

  /** Waits until it has written this. */
  async wrote(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.stderr)) {
      const more = once(this.#child.stderr!, 'data').then(() => true);
      const isRunning = await Promise.race([more, this.#ended.then(() => false)]);
      if (!isRunning && !pattern.test(this.stderr)) throw new Error(`It ended: ${this.stderr}`);
    }
    return pattern.exec(this.stderr)![0];
  }

  /** The exit code, after Ctrl-C where it is to be pressed. */
  async ended(signal?: NodeJS.Signals): Promise<unknown> {
    if (signal) this.#child.kill(signal);
    const [code] = await this.#ended;
    return code;
  }
}

describe('claude-rx', () => {
  it('prints its usage: to stdout where it was asked for, else to stderr with exit code 2', async () => {
    const help = new Program('inspect', '--help');
    expect([await help.ended(), help.stderr]).toEqual([0, '']);
    expect(help.stdout).toMatch(/^Usage: claude-rx inspect/);
    const unknown = new Program('inspekt');
    expect([await unknown.ended(), unknown.stdout]).toEqual([2, '']);
    expect(unknown.stderr).toMatch(/^claude-rx: unknown command inspekt\n\nUsage: /);
  });

  it('writes one line, and no stack, for arguments that are wrong', async () => {
    const program = new Program('inspect', '--port', 'x');
    expect([await program.ended(), program.stdout]).toEqual([2, '']);
    expect(program.stderr).toBe('claude-rx: --port must be a number from 0 to 65535, got "x"\n');
  });

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'serves the page until %s, then ends with 0',
    async (signal) => {
      const program = new Program('inspect', '--port', '0');
      const url = await program.wrote(/http:\S+(?=\n)/);
      expect((await fetch(url)).status).toBe(200);
      // A page that is open does not keep it.
      const open = await fetch(url.replace('/?', '/entries?'));
      expect(await program.ended(signal)).toBe(0);
      await expect(open.text()).rejects.toThrow();
      await expect(fetch(url)).rejects.toThrow();
      expect(program.stdout).toBe('');
    },
  );

  it('says that a program cannot be started, and goes on', async () => {
    const program = new Program('inspect', '--port', '0', '--', 'no-such-program');
    await program.wrote(/no-such-program could not be started/);
    expect(await program.ended('SIGINT')).toBe(0);
  });
});
