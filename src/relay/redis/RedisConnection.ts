import type {
  PubSub,
  RedisClient,
  RedisClusterClient,
  RedisSentinelClient,
} from './RedisClient.ts';
import { SubscriberConnection } from './SubscriberConnection.ts';

/** What the store needs of a client, be it of one Redis, a cluster, or behind Sentinel. */
export interface RedisConnection {
  /** The command that publishes to the channel of a log. */
  readonly publish: 'PUBLISH' | 'SPUBLISH';
  /** What the keys begin with, unless an option says so. */
  readonly prefix: string;
  /** Whether the client follows redirects and failovers, so that those errors pass. */
  readonly isManaged: boolean;
  /** Channels of logs. */
  readonly logs: PubSub;
  /** Channels that any node may publish to. */
  readonly all: PubSub;
  send(key: string, args: string[]): Promise<unknown>;
  /** Calls the listener when messages may have been missed. Returns what ends that. */
  onReady(listener: () => void): () => void;
  close(): void;
}

/** @throws TypeError when it is not a client of the `redis` package. */
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

/** Reads go to the master too: a replica may not have yet what was acknowledged. */
function clusterConnection(client: RedisClusterClient): RedisConnection {
  return {
    publish: 'SPUBLISH',
    // Without braces: the keys of each reply are in a slot of their own.
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
