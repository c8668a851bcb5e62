// The way to Redis is cut, stands still or is slow, at random moments: nothing is lost, nothing comes twice.
import type { StreamEvent } from 'claude-rx';
import { createRelay, type Relay, type RelayedEvent } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createClient } from 'redis';
import { lastValueFrom, tap } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ContinuingModel, seeded, trickyReply } from '../../support/continuingModel.ts';
import { eventsIn, messageOf, paced } from '../../src/relay/nodes.ts';
import { lostSubscriptions } from './lostSubscriptions.ts';
import { pause, RedisServer } from './redisServer.ts';
import { Way } from './Way.ts';

const REPLIES = 10;
const ROUNDS = 8;
const model = new ContinuingModel(trickyReply(400));
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

it('a connection to Redis that is cut, stalled or slow loses no event', async () => {
  const closers: (() => Promise<void>)[] = [];
  const nodes: [Relay, Way][] = [];
  for (let index = 0; index < 2; index++) {
    const way = await Way.to(server.port);
    const client = createClient({ url: way.url });
    client.on('error', () => {});
    await client.connect();
    const store = new RedisStore(client);
    const relay = createRelay({ store, lease: 4_000 });
    nodes.push([relay, way]);
    closers.push(async () => {
      await relay.close();
      store.close();
      client.destroy();
      way.close();
    });
  }
  const [[writer, writersWay], [reader, readersWay]] = nodes as [[Relay, Way], [Relay, Way]];
  const random = seeded(28);
  try {
    const replies = Array.from({ length: REPLIES }, async () => {
      const { id, concluded } = await writer.publish(paced(model.events, 12));
      const received: RelayedEvent<StreamEvent>[] = [];
      await lastValueFrom(reader.follow(id).pipe(tap((one) => received.push(one))));
      expect(await concluded).toEqual({ state: 'complete' });
      expect(new Set(received.map(({ offset }) => offset)).size).toBe(received.length);
      expect(messageOf(eventsIn(received))).toEqual(model.message);
    });
    const all = Promise.all(replies);
    all.catch(() => {});
    for (let round = 0; round < ROUNDS; round++) {
      await pause(200 + random() * 300);
      const way = random() < 0.3 ? writersWay : readersWay;
      const kind = Math.floor(random() * 3);
      if (kind === 0) way.cut();
      else if (kind === 1) await way.standStill(300 + random() * 500);
      else way.delay = way.delay > 0 ? 0 : 20;
    }
    for (const [, way] of nodes) way.delay = 0;
    await all;
    console.log(`${REPLIES} replies, ${ROUNDS} disturbances: none lost`);
  } finally {
    await Promise.all(closers.map((close) => close()));
  }
});

it.each([2, 3] as const)('loses no subscription, with version %i of the protocol', async (RESP) => {
  const way = await Way.to(server.port);
  way.delay = 3;
  const clients = [server.url, way.url].map((url) => createClient({ url, RESP }));
  await Promise.all(clients.map((client) => client.connect()));
  const [writer, reader] = clients.map((client) => new RedisStore(client));
  try {
    expect(await lostSubscriptions(`RESP${RESP}`, writer!, reader!)).toBe(0);
  } finally {
    for (const store of [writer!, reader!]) store.close();
    for (const client of clients) client.destroy();
    way.close();
  }
});
