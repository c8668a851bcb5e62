// The service of the guide, as it stands there, with a redis-server and a model on loopback.
import { finalText } from 'claude-rx';
import { fromRelay } from 'claude-rx/relay';
import { messageEvents, MessagesServer } from 'claude-rx/testing';
import { build } from 'esbuild';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { lastValueFrom } from 'rxjs';
import { expect, it } from 'vitest';
import { examplesOf, root } from '../../support/examples.ts';
import { params } from '../../support/server.ts';
import { freePort, RedisServer } from './redisServer.ts';

it('docs/relay.md has a service that runs', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'claude-rx-guide-'));
  const [redis, model, port] = await Promise.all([
    RedisServer.start(),
    MessagesServer.start(),
    freePort(),
  ]);
  model.handle(() => ({ events: messageEvents.text('Hello world', { chunk: 3 }) }));
  const [service] = examplesOf('docs/relay.md');
  const code = service!.code
    .replace('redis://localhost:6379', redis.url)
    .replace('.listen(3000)', `.listen(${port}, '127.0.0.1', () => process.send?.('listening'))`);
  expect(code).toContain(redis.url);
  expect(code).toContain(`listen(${port}`);
  const outfile = join(folder, 'service.mjs');
  await build({
    stdin: {
      contents: `${code}
        Object.assign(globalThis, { mayRead: async () => true });
        process.on('message', async (asked: Params) => process.send?.(await ask(asked)));
        process.on('disconnect', () => process.exit());`,
      resolveDir: root,
      loader: 'ts',
    },
    // The package redis is CommonJS.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile,
    logLevel: 'silent',
  });
  const env = { ...process.env, ANTHROPIC_API_KEY: 'none', ANTHROPIC_BASE_URL: model.url };
  const child = fork(outfile, { env, execArgv: [] });
  try {
    await once(child, 'message');
    child.send(params);
    const [id] = (await once(child, 'message')) as [string];
    const text = fromRelay(`http://127.0.0.1:${port}/replies/${id}`).pipe(finalText());
    expect(await lastValueFrom(text)).toBe('Hello world');
  } finally {
    const left = once(child, 'exit');
    child.kill('SIGKILL');
    await left;
    await Promise.all([redis.close(), model.close()]);
    rmSync(folder, { recursive: true, force: true });
  }
});
