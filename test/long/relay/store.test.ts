import { RedisStore } from 'claude-rx/relay/redis';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
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

it('RedisStore refuses replicas that are not a whole number', () => {
  const client = createClient({ url: server.url });
  expect(() => new RedisStore(client, { replicas: -1 })).toThrow(/`replicas` must be/);
});

it('RedisStore does not report a write as stored that too few replicas have', async () => {
  const client = createClient({ url: server.url });
  await client.connect();
  const store = new RedisStore(client, { replicas: 1 });
  const log = { owner: 'a', lease: 1_000, ttl: 10_000, tag: 'tag' };
  await expect(store.begin('unsafe', log)).rejects.toThrow(
    'Only 0 replicas have the write, and `replicas` is 1',
  );
  store.close();
  await client.close();
});

it('RedisStore tells what comes before an ending at once, and the ending when it is read', async () => {
  const client = createClient({ url: server.url });
  await client.connect();
  const store = new RedisStore(client);
  const lease = { owner: 'a', lease: 1_000, ttl: 10_000 };
  const entry = (number: number, data = '{"v":1}') => ({ number, data });
  const told: number[][] = [];
  await store.begin('ending', { ...lease, tag: 'tag' });
  const unwatch = store.watch('ending', 0, (entries) =>
    told.push(entries.map((one) => one.number)),
  );
  // Until the subscription is there, entries are read.
  await store.append('ending', lease, { after: 0, entries: [entry(1)], ends: false });
  await vi.waitFor(() => expect(told).toEqual([[1]]));
  // What the store still reads is answered before this.
  await store.read('ending', 0, 1);
  const last = [entry(2), entry(3), entry(4, '{"v":1,"end":"complete"}')];
  await store.append('ending', lease, { after: 1, entries: last, ends: true });
  await vi.waitFor(() => expect(told).toEqual([[1], [2, 3], [4]]));
  unwatch();
  store.close();
  await client.close();
});
