import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { root, withoutKey } from '../../support/examples.ts';

describe('examples/chat.ts', () => {
  let folder: string;
  let chat: ChildProcessWithoutNullStreams;
  let output: string;
  let errors: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'claude-rx-chat-'));
  });
  afterEach(() => {
    chat.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const start = (...args: string[]) => {
    const tsx = join(root, 'node_modules/tsx/dist/esm/index.mjs');
    chat = spawn(process.execPath, ['--import', tsx, 'examples/chat.ts', ...args], {
      cwd: root,
      env: withoutKey(),
    });
    output = errors = '';
    chat.stdout.setEncoding('utf8').on('data', (text: string) => (output += text));
    chat.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text));
  };
  const say = (line: string) => chat.stdin.write(`${line}\n`);
  /** Waits until this is printed, behind `begin`, and gives all from there. */
  const seen = async (pattern: RegExp, begin = 0): Promise<string> => {
    for (let wait = 0; wait < 400 && !pattern.test(output.slice(begin)); wait++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    expect(output.slice(begin)).toMatch(pattern);
    return output.slice(begin);
  };
  const end = async (): Promise<void> => {
    chat.stdin.end();
    if (chat.exitCode === null) await once(chat, 'exit');
    expect([chat.exitCode, errors]).toEqual([0, '']);
  };

  it('remembers, uses its tools, counts, saves, and goes on from there', async () => {
    const file = join(folder, 'chat.json');
    start();
    say('Hello');
    await seen(/You have asked me 1 thing\..*read package\.json\./s);
    say('Search for "stand-in on loopback"');
    await seen(
      /\[search_files \{"text":"stand-in on loopback"\}\] done\n.*examples\/chat\.ts:\d+: /s,
    );
    say('Read package.json');
    await seen(/\[read_file \{"path":"package\.json"\}\] done\n.*"name": "claude-rx"/s);
    say('/tokens');
    await seen(/\d+ tokens in the next request; used: \d+ in, 0 from the cache, \d+ out, \$0\.0/);
    say('/retry');
    await seen(/read_file.*read_file/s);
    say(`/save ${file}`);
    say('/help');
    say('/nonsense');
    await seen(/Saved 8 messages.*Ctrl-C.*Unknown command \/nonsense/s);
    await end();
    expect(JSON.parse(readFileSync(file, 'utf8'))).toMatchObject({ version: 1 });

    start(file);
    say('And now?');
    expect(await seen(/You have asked me 4 things\./)).toMatch(
      /^> Hello\nYou have asked me 1 thing/,
    );
    await end();
  });

  it('stops the reply at Ctrl-C and at /stop, and goes on; its tools reach no other folder', async () => {
    start();
    say('Hello');
    await seen(/You have/);
    chat.kill('SIGINT');
    await seen(/ \(stopped\)/);
    expect(output).not.toContain('package.json');
    say('Hello again');
    const before = output.length;
    await seen(/You have/, before);
    say('/stop');
    await seen(/ \(stopped\)/, before);
    say('Read ../../etc/passwd');
    await seen(/failed\n.*outside of the working directory\n\n> /s, before);
    chat.kill('SIGINT');
    await seen(/\(Ctrl-D leaves\)/, before);
    say('/quit');
    await end();
  });
});
