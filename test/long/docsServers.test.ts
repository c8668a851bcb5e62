import { MessagesServer } from 'claude-rx/testing';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));

const PAGES = [
  'docs/node.md',
  'docs/relay.md',
  'src/sinks/pipeToResponse.ts',
  'src/relay/relaySse.ts',
];

/** Without Redis and a database of users. */
const alone = (code: string): string =>
  code
    .replaceAll(/^import .*redis'.*\n/gm, '')
    .replace(/^const redis = [^]*?connect\(\);\n/m, '')
    .replace('new RedisStore(redis)', 'undefined')
    .replace(/^declare const mayRead.*$/m, 'const mayRead = async () => true;');

/** The code blocks with a server that anybody can copy, as they are but for the port and what is around. */
const blocks = PAGES.flatMap((path) => {
  const text = readFileSync(join(root, path), 'utf8').replaceAll(/^ \* ?/gm, '');
  const found = [...text.matchAll(/```ts\n(.*?)```/gs)].map(([, code = '']) => code);
  return found
    .filter((code) => code.includes('listen(3000)'))
    .map(
      (code) =>
        [path, alone(code.replace('listen(3000)', 'listen(Number(process.env.PORT))'))] as const,
    );
});

/** Starts the code as a program of its own. */
async function started(code: string) {
  const folder = mkdtempSync(join(root, 'test/.server-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, 'server.ts');
  writeFileSync(file, code);
  const api = await MessagesServer.start();
  onTestFinished(() => api.close());
  const port = 20_000 + Math.floor(Math.random() * 20_000);
  const child = spawn(process.execPath, ['--import', 'tsx', file], {
    cwd: root,
    env: {
      ...process.env,
      PORT: String(port),
      ANTHROPIC_API_KEY: 'k',
      ANTHROPIC_BASE_URL: api.url,
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += String(chunk)));
  onTestFinished(async () => {
    if (child.exitCode === null && child.kill()) await once(child, 'exit');
  });
  const send = (text: string, isCut = false) =>
    new Promise<string>((resolve) => {
      const socket = connect(port, '127.0.0.1', () => {
        socket.write(text);
        if (isCut) setTimeout(() => socket.destroy(), 30);
      });
      let answer = '';
      socket.setTimeout(300, () => socket.destroy());
      socket.on('data', (chunk) => (answer += String(chunk)));
      socket.on('error', () => resolve(answer));
      socket.on('close', () => resolve(answer));
    });
  // Nothing listens while it starts.
  for (let answer = ''; answer === '' && child.exitCode === null;) {
    answer = await send('GET / HTTP/1.0\r\n\r\n');
    await pause(50);
  }
  return { child, send, errors: () => errors };
}

const requests: [string, string, boolean?][] = [
  ['a malformed path', 'GET /%E0%A4%A HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a malformed path below another', 'GET /replies/%E0%A4%A HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a path that is no address', 'GET //[ HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['an absolute address', 'GET http://[::/replies/x HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['a body that breaks off', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 90\r\n\r\nabc', true],
  ['a huge body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\nabc', true],
  [
    'a chunked body that breaks off',
    'POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc',
    true,
  ],
  ['HEAD', 'HEAD /replies/r_AAAAAAAAAAAAAAAAAAAAAAAA HTTP/1.1\r\nHost: x\r\n\r\n'],
  ['HTTP/1.0', 'POST / HTTP/1.0\r\nContent-Length: 2\r\n\r\nHi'],
  ['pipelined requests', 'GET /a HTTP/1.1\r\nHost: x\r\n\r\nGET /b HTTP/1.1\r\nHost: x\r\n\r\n'],
];

describe('a server from the docs', () => {
  it('is found in each of the places', () => {
    expect(blocks.map(([path]) => path)).toEqual(PAGES);
  });

  it.each(blocks)('survives bad requests: %s', async (_, code) => {
    const { child, send, errors } = await started(code);
    for (const [what, request, isCut] of requests) {
      await send(request, isCut);
      expect([what, child.exitCode, errors()]).toEqual([what, null, '']);
    }
    expect(await send('GET / HTTP/1.0\r\n\r\n')).toMatch(/^HTTP\/1.1 /);
  });
});
