/** The message is a string. As an argument to `unsubscribe`, the package wants less of a listener. */
export type MessageListener = (message: unknown) => void;

type Subscribe = (channel: string, listener: MessageListener) => Promise<unknown>;

/** Subscribes to channels, and renews the subscriptions when a connection was lost. */
export interface PubSub {
  subscribe: Subscribe;
  unsubscribe: Subscribe;
}

/**
 * What is used of `createClient({ url })` of the `redis` package, version 5 or 6, connected.
 *
 * By shape, so that the package is not imported, and may be there in any copy.
 */
export interface RedisClient {
  readonly isOpen: boolean;
  on(event: string, listener: () => void): unknown;
  subscribe: Subscribe;
  unsubscribe: Subscribe;
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  /** A client with the same settings and a connection of its own. */
  duplicate(): RedisClient;
  destroy(): void;
  sendCommand(args: readonly string[]): Promise<unknown>;
}

/** What is used of `createCluster({ rootNodes })` of the `redis` package, connected. */
export interface RedisClusterClient {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  subscribe: Subscribe;
  unsubscribe: Subscribe;
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
  ): Promise<unknown>;
  sSubscribe: Subscribe;
  sUnsubscribe: Subscribe;
  getSlotMaster(slot: number): unknown;
}

/** What is used of `createSentinel({ name, sentinelRootNodes })` of the `redis` package, connected. */
export interface RedisSentinelClient {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  subscribe: Subscribe;
  unsubscribe: Subscribe;
  sendCommand(isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
  acquire(): Promise<unknown>;
}
