// The oldest client of the range in `peerDependencies`; all other tests have the newest.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RedisStore } from 'claude-rx/relay/redis';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import type { createClient } from 'redis';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { read } from '../../support/examples.ts';
import { RedisServer } from './redisServer.ts';

const { peerDependencies } = JSON.parse(read('package.json')) as {
  peerDependencies: Record<string, string>;
};
const OLDEST = '5.0.0';
const folder = mkdtempSync(join(tmpdir(), 'claude-rx-redis-client-'));
const closers: (() => void)[] = [];
let server: RedisServer;
let create: typeof createClient;

beforeAll(async () => {
  const quiet = ['--no-audit', '--no-fund', '--ignore-scripts', '--prefix', folder];
  execFileSync('npm', ['install', `redis@${OLDEST}`, ...quiet], { stdio: 'ignore' });
  const load = createRequire(join(folder, 'index.js'));
  create = (load('redis') as { createClient: typeof createClient }).createClient;
  server = await RedisServer.start();
});
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close();
});
afterAll(async () => {
  await server?.close();
  rmSync(folder, { recursive: true, force: true });
});

async function connected(): Promise<RedisStore> {
  const client = create({ url: server.url });
  client.on('error', () => {});
  await client.connect();
  closers.push(() => client.destroy());
  return new RedisStore(client);
}

it('the peer range begins with the tested version', () => {
  expect(peerDependencies['redis']).toBe('>=5 <7');
  expect(OLDEST).toBe('5.0.0');
});

describe(`RedisStore with redis ${OLDEST}`, () => {
  const checks = relayStoreContract(async () => {
    const [one, other] = await Promise.all([connected(), connected()]);
    const close = async () => {
      for (const store of [one, other]) store.close();
    };
    return { one, other, close };
  });
  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_name, run) => run());
});
