/**
 * What is used of a client of the `redis` package, version 5 or 6: `createClient({ url })`, connected.
 *
 * By shape, so that the package is not imported, and may be there in any copy.
 */
export interface RedisClient {
  readonly isOpen: boolean;
  connect(): Promise<unknown>;
  /** A client with the same settings and a connection of its own. */
  duplicate(): RedisClient;
  destroy(): void;
  on(event: 'error', listener: (error: unknown) => void): unknown;
  sendCommand(args: readonly string[]): Promise<unknown>;
}
