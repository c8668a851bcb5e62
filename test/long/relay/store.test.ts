import { RedisStore } from 'claude-rx/relay/redis';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, it } from 'vitest';
import { RedisServer } from './redisServer.ts';

let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

describe.each([2, 3] as const)('RedisStore, with version %i of the protocol', (RESP) => {
  const checks = relayStoreContract(async () => {
    const clients = [1, 2].map(() => createClient({ url: server.url, RESP }));
    await Promise.all(clients.map((client) => client.connect()));
    const [one, other] = clients.map((client) => new RedisStore(client));
    const close = async () => {
      for (const store of [one!, other!]) store.close();
      await Promise.all(clients.map((client) => client.close()));
    };
    return { one: one!, other: other!, close };
  });
  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_name, run) => run());
});
