import { randomText } from '../relayId.ts';
import type {
  Batch,
  Lease,
  LogEntry,
  LogHead,
  NewLog,
  RelayStore,
  WriteOutcome,
} from '../RelayStore.ts';
import type { RedisClient } from './RedisClient.ts';
import { APPEND, BEGIN, COMPACT, END, HEAD, RENEW, type Script, TAKE_OVER } from './scripts.ts';
import { type StreamEntry, StreamReader, toLogEntry } from './StreamReader.ts';

export interface RedisStoreOptions {
  /**
   * What the keys begin with. The part in braces puts them all in one slot of a cluster, as one `XREAD`
   * reads them. Default: `{claude-rx}`.
   */
  prefix?: string;
}

/**
 * Keeps the logs of a relay in Redis, as streams: for a service on several nodes.
 *
 * - A node has two connections, the client's and one that it makes of it, however many replies are
 *   written and followed: all that is followed is read by one blocking `XREAD`.
 * - Each write is one Lua script, so it is done as a whole or not at all. A writer whose lease was
 *   taken over is refused by it.
 * - What is acknowledged is as safe as the Redis is: with `appendonly yes` it survives a restart, up
 *   to the last second; with `appendfsync always` all of it; without, none. Entries that are lost all
 *   the same are found by their numbers, and are an error.
 * - While Redis is away, writers keep what comes (`maxBuffered`, `patience`), and the client connects
 *   again by itself. A write whose answer was lost is repeated, and done once.
 *
 * It needs Redis 6.2 or later, or Valkey, with a `maxmemory-policy` that evicts nothing while a reply is
 * being written. Listen to `error` on the client: `redis` throws what nobody listens to.
 *
 * @throws TypeError when `client` is not a client of `redis`.
 *
 * @example
 * ```ts
 * import { createRelay } from 'claude-rx/relay';
 * import { RedisStore } from 'claude-rx/relay/redis';
 * import { createClient } from 'redis';
 *
 * const client = createClient({ url: 'redis://localhost:6379' });
 * client.on('error', (error) => console.error('Redis:', error.message));
 * await client.connect();
 *
 * const store = new RedisStore(client);
 * const relay = createRelay({ store });
 * // At the end: await relay.close(); store.close(); await client.close();
 * ```
 */
export class RedisStore implements RelayStore {
  readonly #client: RedisClient;
  readonly #prefix: string;
  readonly #reader: StreamReader;
  readonly #endListeners = new Map<string, Set<() => void>>();
  #unfollowEnds: (() => void) | undefined;

  constructor(client: RedisClient, { prefix = '{claude-rx}' }: RedisStoreOptions = {}) {
    if (typeof client?.sendCommand !== 'function' || typeof client.duplicate !== 'function') {
      throw new TypeError('RedisStore: pass a client of the package redis, such as createClient()');
    }
    this.#client = client;
    this.#prefix = prefix;
    this.#reader = new StreamReader(client, `${prefix}:wake:${randomText()}`);
  }

  /** Ends the connection that this store has made. The client is yours. */
  close(): void {
    this.#endListeners.clear();
    this.#reader.close();
  }

  async begin(id: string, { tag, request, ...lease }: NewLog): Promise<boolean> {
    const more = request === undefined ? [tag] : [tag, request];
    return Number(await this.#run(BEGIN, id, [...said(lease), ...more])) === 1;
  }

  async takeOver(id: string, lease: Lease, writers: number): Promise<boolean> {
    return Number(await this.#run(TAKE_OVER, id, [...said(lease), String(writers)])) === 1;
  }

  async renew(id: string, lease: Lease): Promise<WriteOutcome> {
    return this.#write(RENEW, id, said(lease));
  }

  async append(id: string, lease: Lease, { after, entries, ends }: Batch): Promise<WriteOutcome> {
    const batch = [String(after), ends ? '1' : '0', ...entries.flatMap(numberAndData)];
    return this.#write(APPEND, id, [...said(lease), ...batch]);
  }

  async compact(id: string, lease: Lease, entries: readonly LogEntry[]): Promise<WriteOutcome> {
    return this.#write(COMPACT, id, [...said(lease), ...entries.flatMap(numberAndData)]);
  }

  async end(id: string, data: string): Promise<boolean> {
    return Number(await this.#run(END, id, [data, id], [this.#endsKey])) === 1;
  }

  async head(id: string): Promise<LogHead | undefined> {
    const known = await this.#run(HEAD, id, []);
    if (!Array.isArray(known)) return undefined;
    const [tag, last, ended, remaining, writers, request] = known.map(String);
    return {
      tag: tag!,
      last: Number(last),
      ended: ended !== '',
      remaining: Number(remaining),
      writers: Number(writers),
      request: request === '' ? undefined : request,
    };
  }

  async read(id: string, after: number, limit: number): Promise<readonly LogEntry[]> {
    const range = [this.#logKey(id), `${after + 1}-0`, '+', 'COUNT', String(limit)];
    const entries = await this.#client.sendCommand(['XRANGE', ...range]);
    return (entries as StreamEntry[]).map(toLogEntry);
  }

  watch(id: string, after: number, listener: (entries: readonly LogEntry[]) => void): () => void {
    return this.#reader.follow(this.#logKey(id), `${after}-0`, listener);
  }

  watchEnd(id: string, listener: () => void): () => void {
    const listeners = this.#endListeners.get(id) ?? new Set();
    this.#endListeners.set(id, listeners.add(listener));
    // From its beginning: an end of a former log of this id is told as well, and does no harm.
    this.#unfollowEnds ??= this.#reader.follow(this.#endsKey, '0-0', (ends) => {
      for (const { data } of ends) for (const told of this.#endListeners.get(data) ?? []) told();
    });
    return () => {
      listeners.delete(listener);
      if (listeners.size > 0 || this.#endListeners.get(id) !== listeners) return;
      this.#endListeners.delete(id);
      if (this.#endListeners.size > 0) return;
      this.#unfollowEnds?.();
      this.#unfollowEnds = undefined;
    };
  }

  get #endsKey(): string {
    return `${this.#prefix}:ends`;
  }

  #logKey(id: string): string {
    return `${this.#prefix}:log:${id}`;
  }

  async #write(script: Script, id: string, args: readonly string[]): Promise<WriteOutcome> {
    return String(await this.#run(script, id, args)) as WriteOutcome;
  }

  async #run(
    { sha, source }: Script,
    id: string,
    args: readonly string[],
    moreKeys: readonly string[] = [],
  ): Promise<unknown> {
    const keys = [`${this.#prefix}:head:${id}`, this.#logKey(id), ...moreKeys];
    const call = [String(keys.length), ...keys, ...args];
    try {
      return await this.#client.sendCommand(['EVALSHA', sha, ...call]);
    } catch (error) {
      // A Redis that was started anew does not know it; by its whole text it remembers it again.
      if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
      return this.#client.sendCommand(['EVAL', source, ...call]);
    }
  }
}

function said({ owner, lease, ttl }: Lease): string[] {
  return [owner, String(lease), String(ttl)];
}

function numberAndData({ number, data }: LogEntry): string[] {
  return [String(number), data];
}
