import type {
  PubSub,
  RedisClient,
  RedisClusterClient,
  RedisSentinelClient,
} from './RedisClient.ts';
import { SubscriberConnection } from './SubscriberConnection.ts';

/** A common interface for clients of one Redis, a cluster, or Sentinel. */
export interface RedisConnection {
  /** The command that publishes to the channel of a log. */
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  /** The default prefix of the keys. */
  readonly prefix: string;
  /** Whether the client follows redirects and failovers, so that such errors are temporary. */
  readonly isManaged: boolean;
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
  return {
    publish: 'PUBLISH',
    prefix: '{claude-rx}',
    isManaged: false,
    logs: subscriber,
    all: subscriber,
    send: (_, args) => client.sendCommand(args),
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
    isManaged: true,
    logs: {
      subscribe: (channel, listener) => client.sSubscribe(channel, listener),
      unsubscribe: (channel, listener) => client.sUnsubscribe(channel, listener),
    },
    all: client,
    send: (key, args) => client.sendCommand(key, false, args),
    onReady: (listener) => listen(client, 'node-ready', listener),
    close: () => {},
  };
}

function sentinelConnection(client: RedisSentinelClient): RedisConnection {
  return {
    publish: 'PUBLISH',
    prefix: '{claude-rx}',
    isManaged: true,
    logs: client,
    all: client,
    send: (_, args) => client.sendCommand(false, args),
    onReady: (listener) => listen(client, 'topology-change', listener),
    close: () => {},
  };
}

function listen(
  client: RedisClusterClient | RedisSentinelClient,
  event: string,
  listener: () => void,
): () => void {
  client.on(event, listener);
  return () => void client.off(event, listener);
}
