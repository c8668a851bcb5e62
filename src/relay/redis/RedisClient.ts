/** The message is a string. Its type is `unknown` to match the types of `unsubscribe` of `redis`. */
export type MessageListener = (message: unknown) => void;

/** Subscribes to channels, and renews the subscriptions after a lost connection. */
export interface PubSub {
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
}

/**
 * The required part of a connected `createClient({ url })` of the package `redis`, version 5 or 6.
 *
 * The type is structural, so this package does not import `redis`.
 */
export interface RedisClient {
  readonly isOpen: boolean;
  on(event: string, listener: () => void): unknown;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  readonly isReady: boolean;
  connect(): Promise<unknown>;
  /** A client with the same settings and another connection. */
  duplicate(): RedisClient;
  destroy(): void;
  sendCommand(args: readonly string[]): Promise<unknown>;
}

/** The required part of a connected `createCluster({ rootNodes })` of the package `redis`. */
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
  getSlotMaster(slot: number): object;
}

/** The required part of a connected `createSentinel({ name, sentinelRootNodes })` of the package `redis`. */
export interface RedisSentinelClient {
  on(event: string, listener: () => void): unknown;
  off(event: string, listener: () => void): unknown;
  subscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  unsubscribe(channel: string, listener: (message: unknown) => void): Promise<unknown>;
  sendCommand(isReadonly: boolean | undefined, args: string[]): Promise<unknown>;
  acquire(): Promise<unknown>;
}
