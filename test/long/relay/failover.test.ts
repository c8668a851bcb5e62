// Redis as companies run it: a cluster of three masters, and a master behind sentinels; one master dies
// during replies.
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { type Conclusion, createRelay, type Relay, type RelayedEvent } from 'claude-rx/relay';
import { RedisStore, type RedisStoreOptions } from 'claude-rx/relay/redis';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { createCluster, createSentinel } from 'redis';
import { concatMap, delay, from, lastValueFrom, type Observable, of, tap, toArray } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ContinuingModel, trickyReply } from '../../support/continuingModel.ts';
import { eventsIn, messageOf } from '../../src/relay/nodes.ts';
import { RedisCluster, RedisSentinels } from './redisCluster.ts';
import { lostSubscriptions } from './lostSubscriptions.ts';
import { pause } from './redisServer.ts';
import { Way } from './Way.ts';

const REPLIES = 24;
const model = new ContinuingModel(trickyReply(200));

type Client = ConstructorParameters<typeof RedisStore>[0];
const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function relayOf(client: Client, options: RedisStoreOptions = {}, lease = 5_000): Relay {
  const store = new RedisStore(client, options);
  const relay = createRelay({ store, lease, patience: 40_000 });
  closers.push(async () => {
    await relay.close();
    store.close();
  });
  return relay;
}

interface Outcome {
  conclusion: Conclusion;
  /** How each who follows ended, and what it was given before. */
  readers: { end: unknown; events: StreamEvent[] }[];
}

/** Replies of about five seconds, on one node, each followed on another. */
async function replies(writer: Relay, reader: Relay) {
  const paced = () => from(model.events).pipe(concatMap((event) => of(event).pipe(delay(10))));
  const published = await Promise.all(
    Array.from({ length: REPLIES }, async () => {
      const { id, concluded } = await writer.publish(paced());
      return { id, concluded, following: [followed(reader, id)] };
    }),
  );
  return {
    /** Lets one more follow each of them. */
    join() {
      for (const { id, following } of published) following.push(followed(reader, id));
    },
    outcomes: () =>
      Promise.all(
        published.map(async ({ concluded, following }): Promise<Outcome> => {
          const readers = await Promise.all(following);
          return { conclusion: await concluded, readers };
        }),
      ),
  };
}

async function followed(relay: Relay, id: string): Promise<Outcome['readers'][number]> {
  const received: RelayedEvent<StreamEvent>[] = [];
  const end = await outcomeOf(relay.follow(id).pipe(tap((one) => received.push(one))));
  return { end, events: eventsIn(received) };
}

/** Each reply is whole, or has one error for its writer and its followers; nothing is in it twice. */
function judge(outcomes: readonly Outcome[], name: string) {
  let lost = 0;
  let readers = 0;
  for (const outcome of outcomes) {
    const isWhole = (end: unknown) => outcome.conclusion.state === 'complete' && end === undefined;
    if (!outcome.readers.every(({ end }) => isWhole(end))) lost++;
    for (const { end, events } of outcome.readers) {
      readers++;
      if (isWhole(end)) {
        expect(messageOf(events)).toEqual(model.message);
        continue;
      }
      expect(end).toBeInstanceOf(MessageStreamError);
      const { code, partial } = end as MessageStreamError;
      expect(['protocol', 'connection', 'request']).toContain(code);
      // A writer may have ended before the replica had its last entries.
      expect(['lost', 'complete']).toContain(outcome.conclusion.state);
      expect(partial).toEqual(messageOf(events));
    }
  }
  console.log(`${name}: ${outcomes.length} replies, ${readers} followers, ${lost} lost`);
  return lost;
}

async function outcomeOf(reply: Observable<unknown>): Promise<unknown> {
  return lastValueFrom(reply.pipe(toArray())).then(
    () => undefined,
    (error: unknown) => error,
  );
}

describe('a cluster of three masters with a replica each', () => {
  let redis: RedisCluster;
  beforeAll(async () => {
    redis = await RedisCluster.start();
  });
  afterAll(() => redis.close());

  async function connected(): Promise<Client> {
    const client = createCluster({ rootNodes: redis.rootNodes });
    client.on('error', () => {});
    await client.connect();
    closers.push(() => client.destroy());
    return client;
  }

  const checks = relayStoreContract(async () => {
    const clients = await Promise.all([connected(), connected()]);
    const [one, other] = clients.map((client) => new RedisStore(client));
    const close = async () => {
      for (const store of [one!, other!]) store.close();
    };
    return { one: one!, other: other!, close };
  });
  it.each(checks.map(({ name, run }) => [name, run] as const))('%s', (_name, run) => run());

  it('loses no subscription on a slow network, however quickly logs are watched and left', async () => {
    const ways = new Map<string, Way>();
    for (const { port } of redis.servers) {
      const way = await Way.to(port);
      way.delay = 3;
      ways.set(`127.0.0.1:${port}`, way);
      closers.push(() => way.close());
    }
    const nodeAddressMap = (address: string) => ({
      host: '127.0.0.1',
      port: ways.get(address)!.port,
    });
    const slow = createCluster({ rootNodes: redis.rootNodes, nodeAddressMap });
    await slow.connect();
    closers.push(() => slow.destroy());
    // All on one connection for subscriptions.
    const [writer, reader] = [await connected(), slow].map(
      (client) => new RedisStore(client, { prefix: '{one}' }),
    );
    closers.push(() => [writer!, reader!].forEach((store) => store.close()));
    expect(await lostSubscriptions('cluster', writer!, reader!)).toBe(0);
  });

  it('spreads replies over the masters, and loses none without a failure', async () => {
    const [writer, reader] = [relayOf(await connected()), relayOf(await connected())];
    const { outcomes } = await replies(writer, reader);
    expect(judge(await outcomes(), 'cluster, no failover')).toBe(0);
    const keys = await Promise.all(redis.servers.map((server) => server.command('DBSIZE')));
    expect(keys.filter((count) => Number(count) > 0).length).toBeGreaterThanOrEqual(3);
  });

  it('goes on with the replica of a master that was killed', async () => {
    const [writer, reader] = [relayOf(await connected()), relayOf(await connected())];
    const { outcomes, join } = await replies(writer, reader);
    await pause(500);
    await redis.servers[0]!.stop('SIGKILL');
    join();
    // What had not been copied may be lost, and is an error then; the other masters lose nothing.
    expect(judge(await outcomes(), 'cluster, one of three masters killed')).toBeLessThan(REPLIES);
    const after = await replies(writer, reader);
    expect(judge(await after.outcomes(), 'cluster, after the failover')).toBe(0);
  });
});

describe.each([
  ['a replica', 1, {}, undefined],
  // A lease that is over before both replicas are there again ends the replies for their readers.
  ['two replicas that have each write', 2, { replicas: 2 }, 30_000],
])('a master behind three sentinels, with %s', (name, replicas, options, lease) => {
  let redis: RedisSentinels;
  beforeAll(async () => {
    redis = await RedisSentinels.start(replicas);
  });
  afterAll(() => redis.close());

  async function connected(): Promise<Client> {
    const { name, sentinelRootNodes } = redis;
    const client = createSentinel({ name, sentinelRootNodes, scanInterval: 500 });
    client.on('error', () => {});
    await client.connect();
    closers.push(() => client.destroy());
    return client;
  }

  it('goes on with the replica of a master that was killed', async () => {
    const writer = relayOf(await connected(), options, lease);
    const reader = relayOf(await connected(), options, lease);
    const { outcomes, join } = await replies(writer, reader);
    await pause(500);
    await redis.master.stop('SIGKILL');
    // These begin to follow while there is no master.
    join();
    await redis.promoted();
    // As the supervisor of a service does: then there are as many replicas as before.
    await redis.master.begin();
    const lost = judge(await outcomes(), `sentinel, ${name}, master killed`);
    if ('replicas' in options) expect(lost).toBe(0);
    const after = await replies(writer, reader);
    expect(judge(await after.outcomes(), `sentinel, ${name}, after the failover`)).toBe(0);
  });
});
