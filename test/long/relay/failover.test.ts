// Redis as companies run it: a cluster of three masters, and a master behind sentinels; one master dies
// during replies.
import { MessageStreamError, type StreamEvent } from 'claude-rx';
import { createRelay, type Relay, type RelayedEvent } from 'claude-rx/relay';
import { RedisStore } from 'claude-rx/relay/redis';
import { relayStoreContract } from 'claude-rx/testing/relay-store';
import { createCluster, createSentinel } from 'redis';
import { concatMap, delay, from, lastValueFrom, type Observable, of, tap, toArray } from 'rxjs';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { ContinuingModel, trickyReply } from '../../support/continuingModel.ts';
import { eventsIn, messageOf } from '../../src/relay/nodes.ts';
import { RedisCluster, RedisSentinels } from './redisCluster.ts';
import { pause } from './redisServer.ts';

const REPLIES = 24;
const model = new ContinuingModel(trickyReply(200));

type Client = ConstructorParameters<typeof RedisStore>[0];
const closers: (() => Promise<unknown> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

function relayOf(client: Client): Relay {
  const store = new RedisStore(client);
  const relay = createRelay({ store, lease: 5_000, patience: 20_000 });
  closers.push(async () => {
    await relay.close();
    store.close();
  });
  return relay;
}

/** Replies of about five seconds, on one node, each followed on another. */
async function replies(writer: Relay, reader: Relay) {
  const paced = () => from(model.events).pipe(concatMap((event) => of(event).pipe(delay(10))));
  const outcomes = await Promise.all(
    Array.from({ length: REPLIES }, async () => {
      const { id, concluded } = await writer.publish(paced());
      const received: RelayedEvent<StreamEvent>[] = [];
      const following = outcomeOf(reader.follow(id).pipe(tap((one) => received.push(one))));
      return async () => {
        const end = await following;
        return { id, conclusion: await concluded, end, events: eventsIn(received) };
      };
    }),
  );
  return () => Promise.all(outcomes.map((outcome) => outcome()));
}

/** Each reply is whole, or has one error for its writer and its followers; nothing is in it twice. */
function judge(outcomes: Awaited<ReturnType<Awaited<ReturnType<typeof replies>>>>, name: string) {
  let lost = 0;
  for (const { conclusion, end, events } of outcomes) {
    if (conclusion.state === 'complete' && end === undefined) {
      expect(messageOf(events)).toEqual(model.message);
      continue;
    }
    lost++;
    expect(end).toBeInstanceOf(MessageStreamError);
    const { code, partial } = end as MessageStreamError;
    expect(['protocol', 'connection', 'request']).toContain(code);
    // A writer may have ended before the replica had its last entries.
    expect(['lost', 'complete']).toContain(conclusion.state);
    expect(partial).toEqual(messageOf(events));
  }
  console.log(`${name}: ${outcomes.length} replies, ${lost} lost`);
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

  it('spreads replies over the masters, and loses none when all stay', async () => {
    const [writer, reader] = [relayOf(await connected()), relayOf(await connected())];
    expect(judge(await (await replies(writer, reader))(), 'cluster, no failover')).toBe(0);
    const keys = await Promise.all(redis.servers.map((server) => server.command('DBSIZE')));
    expect(keys.filter((count) => Number(count) > 0).length).toBeGreaterThanOrEqual(3);
  });

  it('goes on with the replica of a master that was killed', async () => {
    const [writer, reader] = [relayOf(await connected()), relayOf(await connected())];
    const outcomes = await replies(writer, reader);
    await pause(500);
    await redis.servers[0]!.stop('SIGKILL');
    // What had not been copied may be lost, and is an error then; the other masters lose nothing.
    expect(judge(await outcomes(), 'cluster, one of three masters killed')).toBeLessThan(REPLIES);
    const after = await replies(writer, reader);
    expect(judge(await after(), 'cluster, after the failover')).toBe(0);
  });
});

describe('a master behind three sentinels', () => {
  let redis: RedisSentinels;
  beforeAll(async () => {
    redis = await RedisSentinels.start();
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
    const [writer, reader] = [relayOf(await connected()), relayOf(await connected())];
    const outcomes = await replies(writer, reader);
    await pause(500);
    await redis.master.stop('SIGKILL');
    judge(await outcomes(), 'sentinel, master killed');
    const after = await replies(writer, reader);
    expect(judge(await after(), 'sentinel, after the failover')).toBe(0);
  });
});
