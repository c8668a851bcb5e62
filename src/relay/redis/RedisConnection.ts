import type {
  MessageListener,
  PubSub,
  RedisClient,
  RedisClusterClient,
  RedisSentinelClient,
} from './RedisClient.ts';
import { hashSlot } from './hashSlot.ts';
import { redisError } from './redisError.ts';
import { SubscriberConnection } from './SubscriberConnection.ts';
import { SubscriptionQueue } from './SubscriptionQueue.ts';

/**
 * A common interface for clients of one Redis, a cluster, or Sentinel. Its promises reject with a
 * `MessageStreamError` that is not retryable for a permanent error of Redis: see `redisError`.
 */
export interface RedisConnection {
  /** The command that publishes to the channel of a log. */
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  /** The default prefix of the keys. */
  readonly prefix: string;
  /** The channels of logs. */
  readonly logs: PubSub;
  /** Channels that are not sharded, for messages to all nodes. */
  readonly all: PubSub;
  send(key: string, args: string[]): Promise<unknown>;
  /** Calls the listener when messages may have been lost. Returns a function that stops this. */
  onReady(listener: () => void): () => void;
  close(): void;
}

/** @throws TypeError when `client` is not a client of the package `redis`. */
export function redisConnection(
  client: RedisClient | RedisClusterClient | RedisSentinelClient,
): RedisConnection {
  if (typeof client?.sendCommand !== 'function' || typeof client.subscribe !== 'function') {
    throw new TypeError(
      'RedisStore: pass a connected client of the package redis: createClient(), createCluster() or ' +
        'createSentinel()',
    );
  }
  if ('getSlotMaster' in client) return clusterConnection(client);
  if ('acquire' in client) return sentinelConnection(client);
  return plainConnection(client);
}

function plainConnection(client: RedisClient): RedisConnection {
  const subscriber = new SubscriberConnection(client);
  const channels = inTurns(subscriber, false, () => subscriber);
  return {
    publish: 'PUBLISH',
    prefix: '{claude-rx}',
    logs: channels,
    all: channels,
    send: (_, args) => reported(client.sendCommand(args), false),
    onReady: (listener) => subscriber.onReady(listener),
    close: () => subscriber.close(),
  };
}

/** Reads go to the master too: a replica may not have the acknowledged writes yet. */
function clusterConnection(client: RedisClusterClient): RedisConnection {
  return {
    publish: 'SPUBLISH',
    // Without braces, so that replies are spread over the slots.
    prefix: 'claude-rx',
    // The client has one connection for sharded pub/sub to each master.
    logs: inTurns(
      {
        subscribe: (channel, listener) => client.sSubscribe(channel, listener),
        unsubscribe: (channel, listener) => client.sUnsubscribe(channel, listener),
      },
      true,
      (channel) => client.getSlotMaster(hashSlot(channel)),
    ),
    all: inTurns(client, true, () => client),
    send: (key, args) => reported(client.sendCommand(key, false, args), true),
    onReady: (listener) => listen(client, 'node-ready', listener),
    close: () => {},
  };
}

function sentinelConnection(client: RedisSentinelClient): RedisConnection {
  const channels = inTurns(client, true, () => client);
  return {
    publish: 'PUBLISH',
    prefix: '{claude-rx}',
    logs: channels,
    all: channels,
    send: (_, args) => reported(client.sendCommand(false, args), true),
    onReady: (listener) => listen(client, 'topology-change', listener),
    close: () => {},
  };
}

/** `pubSub` with a `SubscriptionQueue` for each connection; `connectionOf` returns an object for each. */
function inTurns(
  pubSub: PubSub,
  isManaged: boolean,
  connectionOf: (channel: string) => object,
): PubSub {
  const change =
    (kind: 'subscribe' | 'unsubscribe') =>
    async (channel: string, listener: MessageListener): Promise<void> => {
      const queue = SubscriptionQueue.of(connectionOf(channel));
      return reported(
        queue.add(kind, channel, () => pubSub[kind](channel, listener)),
        isManaged,
      );
    };
  return { subscribe: change('subscribe'), unsubscribe: change('unsubscribe') };
}

async function reported<T>(answer: Promise<T>, isManaged: boolean): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw redisError(error, isManaged);
  }
}

function listen(
  client: RedisClusterClient | RedisSentinelClient,
  event: string,
  listener: () => void,
): () => void {
  client.on(event, listener);
  return () => void client.off(event, listener);
}
