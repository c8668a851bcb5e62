// Where the milliseconds of one event go: one reply, an event each 5 ms, and one reader with a connection
// of its own, all in this process. Medians, in milliseconds.
import { setTimeout as pause } from 'node:timers/promises';
import { createClient } from 'redis';
import { Subject } from 'rxjs';
import { RedisStore } from '../../src/relay/redis/index.ts';
import { createRelay } from '../../src/relay/index.ts';
import type { StreamEvent } from '../../src/index.ts';
import type { RedisServer } from '../../test/long/relay/redisServer.ts';

const SAMPLES = 300;
const PACE = 5;
const LEASE = { owner: 'bench', lease: 10_000, ttl: 60_000 };

const event: StreamEvent = {
  type: 'content_block_delta',
  index: 0,
  delta: { type: 'text_delta', text: 'some words' },
};

/** Each stage, and how long it takes. */
export async function stages(server: RedisServer): Promise<[stage: string, ms: number][]> {
  const clients = [createClient({ url: server.url }), createClient({ url: server.url })];
  await Promise.all(clients.map((client) => client.connect()));
  const [own, other] = clients.map((client) => new RedisStore(client));
  const [writer, reader] = [own!, other!].map((store) => createRelay({ store }));
  try {
    const ping = await samples(async () => void (await clients[0]!.ping()));

    await own!.begin('stages', { ...LEASE, tag: 'bench' });
    let told = () => {};
    const unwatch = other!.watch('stages', 0, () => told());
    await pause(200);
    let last = 0;
    const append = () => {
      const entries = [{ number: last + 1, data: JSON.stringify({ v: 1, event }) }];
      return own!.append('stages', LEASE, { after: last++, entries, ends: false });
    };
    const appended = await samples(async () => void (await append()));
    const delivered = await samples(async () => {
      const heard = new Promise<void>((resolve) => (told = resolve));
      await Promise.all([append(), heard]);
    });
    unwatch();

    const followed = async (relay: typeof writer) => {
      const source = new Subject<StreamEvent>();
      const { id } = await writer!.publish(source);
      let received = () => {};
      const following = relay!.follow(id).subscribe({ next: () => received(), error: () => {} });
      await pause(200);
      const all = await samples(async () => {
        const heard = new Promise<void>((resolve) => (received = resolve));
        source.next(event);
        await heard;
      });
      following.unsubscribe();
      source.complete();
      return all;
    };
    return [
      ['`PING`: a round trip to Redis', ping],
      ['the append script, with its answer', appended],
      ['the append script, and its message at a node that follows', delivered],
      ['`publish` to `follow`, on the same node', await followed(writer)],
      ['`publish` to `follow`, on another node', await followed(reader)],
    ];
  } finally {
    await Promise.all([writer!.close(), reader!.close()]);
    for (const store of [own!, other!]) store.close();
    for (const client of clients) client.destroy();
  }
}

async function samples(once: () => Promise<void>): Promise<number> {
  const all: number[] = [];
  for (let index = 0; index < SAMPLES; index++) {
    const began = performance.now();
    await once();
    all.push(performance.now() - began);
    await pause(PACE);
  }
  return all.toSorted((a, b) => a - b)[SAMPLES / 2]!;
}
