import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { read, root, withoutKey } from '../../support/examples.ts';

interface Output {
  stdout: string;
  stderr: string;
}

/** What each file of the cookbook must print. */
const expected: Record<string, (output: Output) => void> = {
  'browser-fetch': ({ stdout }) => {
    const rows = stdout.trimEnd().split('\n');
    expect(rows[0]).toBe('waiting   ');
    expect(rows.at(-1)).toBe('complete  Hello from the other side.');
    expect(rows).toContain('streaming Hello fro');
  },
  'approve-later': ({ stdout }) =>
    expect(stdout).toBe(
      'interrupted [{"name":"delete_file","input":{"path":"notes.txt"}}]\n' +
        '(deletes notes.txt)\nThe file is gone.\n',
    ),
  mcp: ({ stdout }) =>
    expect(stdout).toBe(
      "search { progress: 1, total: 2, message: 'shelf 1' }\n" +
        "search { progress: 2, total: 2, message: 'shelf 2' }\n" +
        'There is one letter about rivers.\n',
    ),
  'subagent-approval': ({ stdout }) =>
    expect(stdout).toBe('pay {"to":"Gas & Light"}? Yes.\n(pays Gas & Light)\nThat is settled.\n'),
  'withdraw-tool': ({ stdout }) =>
    expect(stdout).toBe('buy: done\nbuy: unknown_tool\nI cannot buy now.\n'),
  'wrap-tools': ({ stdout }) =>
    expect(
      stdout
        .replaceAll(/\d+ ms/g, 'n ms')
        .split('\n')
        .toSorted(),
    ).toEqual([
      '',
      'look {"page":1}: from the cache',
      'look {"page":1}: ran for n ms',
      'look {"page":2}: ran for n ms',
    ]),
  'spend-limit': ({ stdout }) => expect(stdout).toBe('stopped after 2 turns and 40000 tokens\n'),
  collect: ({ stdout }) =>
    expect(stdout).toBe('Because they compose.\nend_turn: 14 tokens in, 6 out\n'),
  concurrent: ({ stdout }) => {
    const rows = stdout.trimEnd().split('\n');
    for (const topic of ['rain', 'trains', 'tea']) {
      const said = rows.filter((row) => row.startsWith(topic.padEnd(6)));
      const [, word] = / \| A (\w+) line,$/.exec(said[0]!) ?? [];
      expect(said.map((row) => row.slice(9))).toEqual([
        `A ${word} line,`,
        `another ${word} line,`,
        'and the last one.',
      ]);
    }
    // They run at the same time: all have begun before the first ends.
    expect(rows).toHaveLength(9);
    expect(rows.slice(0, 3).map((row) => row.slice(9, 10))).toEqual(['A', 'A', 'A']);
  },
  'custom-operator': ({ stdout }) => expect(stdout).toBe('[ts] const one = 1;\n[py] one = 1\n'),
  'daily-budget': ({ stdout }) =>
    expect(stdout).toBe(
      '40 tokens are left today: Yes.\n' +
        '0 tokens are left today: Yes.\n' +
        '0 tokens are left today: The stream failed: The budget of 100 tokens a day is used up\n',
    ),
  errors: ({ stdout }) =>
    expect(stdout).toBe(
      'The answer is 4\n\n' +
        'The API answered with an error (overloaded_error): Overloaded\n' +
        'code: overloaded, worth a retry: true\n' +
        'had arrived: "The answer is 4"\n',
    ),
  'first-token': ({ stdout }) => {
    const figure = (name: string) =>
      Number(new RegExp(`^${name} +(\\d+) ms$`, 'm').exec(stdout)![1]);
    expect(figure('first event')).toBeGreaterThanOrEqual(119);
    expect(figure('first text')).toBeGreaterThan(figure('first event'));
    expect(stdout).toMatch(/^pace +\d+ tokens\/s\nstalls +0\nend +end_turn, complete\n$/m);
  },
  hedged: ({ stdout }) => expect(stdout).toBe('From the second request.\n'),
  interrupted: ({ stdout, stderr }) => {
    expect(stdout).toBe('Once upon a time there was a stream that never broke.\n');
    expect(stderr).toBe('\n-- connection: attempt 2\n');
  },
  'long-reply': ({ stdout }) => {
    const [, grown] = /^32 MB of text, sha256 9521d6f1\nthe heap grew by (\d+) MB at most\n$/.exec(
      stdout,
    )!;
    expect(Number(grown)).toBeLessThan(24);
  },
  'many-prompts': ({ stdout, stderr }) => {
    const rows = stdout.trimEnd().split('\n').toSorted();
    expect(rows).toEqual(
      ['Accra', 'Cairo', 'Hanoi', 'Lima', 'Oslo', 'Quito'].map(
        (city) => `${city}: In the morning.`,
      ),
    );
    const counts = [1, 2, 3, 4, 5, 6].map((done) => `${done} of 6, 0 failed\n`);
    expect(stderr).toBe(counts.join(''));
  },
  'marble-test': ({ stdout }) => {
    expect(stdout).toContain('shouts two pieces at a time');
    expect(stdout).toMatch(/pass 2\n.*fail 0\n/);
  },
  'plug-in': ({ stdout }) => {
    const [first, ...ticks] = stdout.split('\n');
    expect(first).toBe('Rx code that was there before.');
    expect(ticks.join('')).toBe(Array.from({ length: 20 }, (_, tick) => `${tick} `).join(''));
    expect(ticks.length).toBeLessThan(15);
  },
  progress: ({ stdout, stderr }) => {
    expect(stdout).toBe('85 words\n');
    const counts = [...stderr.matchAll(/^running: (\d+) characters/gm)].map(([, n]) => Number(n));
    expect(counts.length).toBeGreaterThan(3);
    expect(counts).toEqual(counts.toSorted((one, other) => one - other));
    expect(stderr).toMatch(/\ncomplete: 480 characters in \d\.\d s\n$/);
  },
  'raw-events': ({ stdout }) => {
    expect(stdout.split('\n').map((row) => row.slice(0, 20).trimEnd())).toEqual([
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'content_block_start',
      'content_block_delta',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
      '',
    ]);
    expect(stdout).toContain('{"index":1,"delta":{"type":"text_delta","text":"lo!"}}');
  },
  stop: ({ stdout }) => {
    const [, text = ''] = /^aborted: "(.*)"\n.*: the user pressed Stop\n$/.exec(stdout)!;
    expect('and so on '.repeat(6)).toContain(text);
    expect(text.length).toBeGreaterThanOrEqual(40);
  },
  subagents: ({ stdout }) => {
    const lines = stdout.split('\n');
    const lane = (name: string) =>
      lines.flatMap((line) => (line.startsWith(name) ? line.slice(name.length) : [])).join('');
    // Which request is answered first is not known.
    const reports = [lane('[subagent 1] '), lane('[subagent 2] ')];
    expect(reports.toSorted()).toEqual(['Long winters.', 'Mild all year.']);
    const answer = lines.filter((line) => !/^(\[|turn)/.test(line)).join('');
    expect(answer).toBe('Rome is the warmer one.');
    expect(stdout).toMatch(/^turn 1: \d+ output tokens in all\n[^]*^turn 2: /m);
  },
  'to-file': ({ stdout }) =>
    expect(stdout).toMatch(/reply\.md:\n# Streams\n\nA list that takes its time. 🌊\n\n$/),
  'tool-use': ({ stdout }) =>
    expect(stdout).toBe('get_weather Rome\nget_weather Paris\nSunny in Rome, rain in Paris.\n'),
  typing: ({ stdout }) =>
    expect(stdout).toMatch(/^A reply arrives in bursts\. .* never falls far behind\. 👩‍💻\n$/),
};

const files = readdirSync(`${root}examples/cookbook`).filter((file) => file.endsWith('.ts'));
const names = files.map((file) => basename(file, '.ts')).filter((name) => name !== 'connect');

describe('examples/cookbook', () => {
  // Inside the repository, so that packages are found, and in a folder that git does not see.
  const cache = join(root, 'node_modules/.cache');
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, 'cookbook-'));

  // All at once, because `tsx` needs a second or more for each.
  beforeAll(() =>
    build({
      absWorkingDir: root,
      entryPoints: names.map((name) => `examples/cookbook/${name}.ts`),
      outdir: folder,
      bundle: true,
      splitting: true,
      packages: 'external',
      format: 'esm',
      platform: 'node',
      target: 'node20',
      outExtension: { '.js': '.mjs' },
      logLevel: 'error',
    }),
  );
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  /** It ends by itself, with exit code 0; else this throws. */
  const run = (name: string, settings: Record<string, string> = {}): Promise<Output> => {
    // Without what tells a test of Node that it is run by another.
    return promisify(execFile)(process.execPath, [join(folder, `${name}.mjs`)], {
      cwd: root,
      env: { ...withoutKey(), NODE_TEST_CONTEXT: '', ...settings },
      timeout: 60_000,
    });
  };

  it('has an expectation for each file, and a line in the list', () => {
    expect(Object.keys(expected).toSorted()).toEqual(names.toSorted());
    const list = read('examples/README.md');
    expect(names.filter((name) => !list.includes(`(cookbook/${name}.ts)`))).toEqual([]);
  });

  it.concurrent.each(names)('%s prints what it should', async (name) => {
    expected[name]!(await run(name));
  });

  it('asks the API when there is a key', async () => {
    await using server = await MessagesServer.start();
    server.reply(messageEvents.text('The real one.'));
    const settings = { ANTHROPIC_API_KEY: 'sk-real', ANTHROPIC_BASE_URL: server.url, MODEL: 'm-1' };
    const { stdout } = await run('collect', settings);
    expect(stdout).toMatch(/^The real one\.\n/);
    expect(server.requests[0]!.headers['authorization']).toBe('Bearer sk-real');
    expect(server.requests[0]!.body.model).toBe('m-1');
  });
});
