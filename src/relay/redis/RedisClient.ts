/** The message is a string. As an argument to `unsubscribe`, the package wants less of a listener. */
export type MessageListener = (message: unknown) => void;

/** Subscribes to channels, and renews the subscriptions when a connection was lost. */
export interface PubSub {
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
}

/**
 * What is used of `createClient({ url })` of the `redis` package, version 5 or 6, connected.
 *
 * By shape, so that the package is not imported, and may be there in any copy.
 */
export interface RedisClient {
  readonly isOpen: boolean;
  on(event: string, listener: () => void): unknown;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
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
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
  ): Promise<unknown>;
  sSubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  sUnsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  getSlotMaster(slot: number): unknown;
}

/** What is used of `createSentinel({ name, sentinelRootNodes })` of the `redis` package, connected. */
export interface RedisSentinelClient {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  sendCommand(isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
  acquire(): Promise<unknown>;
}
