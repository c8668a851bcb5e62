import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { on, once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { read, root, withoutKey } from '../../support/examples.ts';

const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');
const recorded = read('examples/recordings/text.ndjson')
  .split('\n')
  .filter(Boolean)
  .map((line) => JSON.parse(line).event?.delta?.text ?? '')
  .join('');

/** Runs `npm start` without a key. */
function start(args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, ['--import', tsx, 'examples/terminal.ts', ...args], {
    cwd: root,
    env: { ...withoutKey(), ...env },
  });
  const closed = once(child, 'close').then(([code]) => code as number);
  return { child, output: text(child.stdout), errors: text(child.stderr), closed };
}

/** Runs it in a terminal of this width: `script`, of util-linux, has a pseudo-terminal. */
function startInTerminal(columns: number) {
  const command = `stty cols ${columns}; exec '${process.execPath}' --import '${tsx}' examples/terminal.ts`;
  const child = spawn('script', ['-qefc', command, '/dev/null'], { cwd: root, env: withoutKey() });
  const screen = text(child.stdout).then((all) => all.replaceAll('\r', ''));
  const closed = once(child, 'close').then(([code]) => code as number);
  return { child, screen, closed };
}

const words = (shown: string) => shown.split(/\s+/).filter(Boolean);

describe('npm start', () => {
  it('plays the recording, says that a prompt needs a key, and what to try next', async () => {
    const { output, errors, closed } = start(['My own prompt']);
    expect(await output).toBe(recorded);
    expect(await errors).toMatch(
      /a recorded reply.*your own prompt needs a key.*end_turn \| 21 tokens in \| 208 out.*Next: /s,
    );
    expect(await closed).toBe(0);
  });

  it('stops at Ctrl-C and counts only what was shown', async () => {
    const { child, output, errors, closed } = start([]);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    const shown = await output;
    expect(recorded.startsWith(shown)).toBe(true);
    expect(await errors).toContain(`stopped | 21 tokens in | ${shown.length} characters shown`);
    expect(await closed).toBe(0);
  });

  it('wraps at the width of the terminal, only between words', async () => {
    const { screen, closed } = startInTerminal(48);
    const shown = await screen;
    const [, reply = ''] = /\(a recorded reply\)\n\n(.*)\n\nend_turn \|/s.exec(shown) ?? [];
    expect(words(reply)).toEqual(words(recorded));
    expect(shown.split('\n').filter((line) => line.length > 48 && line.includes(' '))).toEqual([]);
    expect(shown).toMatch(/end_turn.*\n\nNext: .*examples\/README\.md/s);
    expect(await closed).toBe(0);
  });

  it('stops at Ctrl-C in a terminal, with a count of what is on the screen', async () => {
    const { child, screen, closed } = startInTerminal(80);
    let seen = '';
    for await (const [data] of on(child.stdout, 'data')) {
      seen += String(data);
      if (/recorded reply\)\s+\w/.test(seen)) break;
    }
    child.stdin.write('\x03');
    const [, reply = '', count] =
      /\(a recorded reply\)\n\n(.*)\n\nstopped \| .*?(\d+)\s+characters\s+shown/s.exec(
        await screen,
      ) ?? [];
    // The terminal itself shows the key.
    const [first = '', ...rest] = reply.split('^C');
    const said = words(first + rest.join(''));
    expect(said).not.toEqual([]);
    const behind = recorded.slice(0, Number(count));
    expect(words(behind)).toEqual(said);
    expect(await closed).toBe(0);
  });

  it('names the address that cannot be reached, and the reason', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    server.close();
    const address = `http://127.0.0.1:${port}`;
    const env = { ANTHROPIC_AUTH_TOKEN: 'made-up', ANTHROPIC_BASE_URL: address };
    const { errors, closed } = start(['Hello'], env);
    expect(await errors).toContain(
      `Cannot reach ${address}: connect ECONNREFUSED 127.0.0.1:${port}\n`,
    );
    expect(await closed).toBe(1);
  });

  it.each([
    [['--help'], 0],
    [['--nope'], 1],
    [['two', 'prompts'], 1],
  ])('explains itself with %j', async (args, code) => {
    const { output, errors, closed } = start(args);
    expect((await output) + (await errors)).toContain('Usage: npm start');
    expect(await closed).toBe(code);
  });
});
