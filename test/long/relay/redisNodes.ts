import { createRelay, type Relay } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createClient, type RedisClientOptions } from 'redis';
import { afterEach } from 'vitest';
import type { RedisServer } from './redisServer.ts';

/** Makes nodes of a service with a Redis, each with a client of its own, for the time of a test. */
export function redisNodes(server: () => RedisServer) {
  const closers: (() => Promise<void>)[] = [];
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()));
  });
  type Options = Omit<RedisClientOptions, 'RESP'> & { RESP?: 2 | 3 };
  return async (options: Options = {}): Promise<{ relay: Relay; store: RedisStore }> => {
    const client = createClient({ url: server().url, ...options });
    client.on('error', () => {});
    await client.connect();
    const store = new RedisStore(client);
    const relay = createRelay({ store, lease: 1_000 });
    closers.push(async () => {
      await relay.close();
      store.close();
      client.destroy();
    });
    return { relay, store };
  };
}
