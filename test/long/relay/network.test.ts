// The way to Redis is cut, stands still or is slow, at random moments: nothing is lost, nothing comes twice.
import type { StreamEvent } from 'claude-rx';
import { createRelay, type Relay, type RelayedEvent } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { createServer, connect, type AddressInfo, type Socket } from 'node:net';
import { createClient } from 'redis';
import { lastValueFrom, tap } from 'rxjs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { ContinuingModel, seeded, trickyReply } from '../../support/continuingModel.ts';
import { eventsIn, messageOf, paced } from '../../src/relay/nodes.ts';
import { pause, RedisServer } from './redisServer.ts';

const REPLIES = 10;
const ROUNDS = 8;
const model = new ContinuingModel(trickyReply(400));
let server: RedisServer;
beforeAll(async () => {
  server = await RedisServer.start();
});
afterAll(() => server.close());

/** A way to Redis that can be disturbed. */
class Way {
  readonly #sockets = new Set<Socket>();
  readonly #server = createServer((near) => {
    const far = connect(server.port, '127.0.0.1');
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(from);
      from.on('error', () => {});
      from.on('close', () => {
        this.#sockets.delete(from);
        to.destroy();
      });
      from.on('data', async (data) => {
        from.pause();
        await pause(this.delay);
        if (!to.destroyed) to.write(data);
        if (!this.isStill) from.resume();
      });
    }
  });
  delay = 0;
  isStill = false;

  async open(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve));
    return `redis://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The connections end, as when a cable is pulled and something notices. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  async standStill(milliseconds: number): Promise<void> {
    this.isStill = true;
    for (const socket of this.#sockets) socket.pause();
    await pause(milliseconds);
    this.isStill = false;
    for (const socket of this.#sockets) socket.resume();
  }

  close(): void {
    this.cut();
    this.#server.close();
  }
}

it('a connection to Redis that is cut, stalled or slow loses no event', async () => {
  const closers: (() => Promise<void>)[] = [];
  const nodes: [Relay, Way][] = [];
  for (let index = 0; index < 2; index++) {
    const way = new Way();
    const client = createClient({ url: await way.open() });
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
